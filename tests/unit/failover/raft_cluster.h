// What do masters agree on when disks, networks and processes fail? A cluster in virtual time.
//
// Drives real RaftEngines from one seed and checks while it runs: one leader a term, the same
// command at every index, nothing acknowledged that is not agreed on. What it finds wrong is in
// `wrong`. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "failover/raft_engine.h"

namespace muster::failover::test {

inline std::string address_of(MasterId id) { return "m" + std::to_string(id) + ":7947"; }

inline std::vector<raft::Server> masters(MasterId count) {
  std::vector<raft::Server> out;
  for (MasterId id = count; id >= 1; --id) out.push_back({id, address_of(id), true});
  return out;
}

struct Faults {
  unsigned loss_percent = 0;
  bool reorder = false;    // and duplicate
  bool slow_disk = false;  // now and then a write takes up to 300 ms
};

struct Master {
  MasterId id = 0;
  raft::Stored disk;
  bool joins = false;                // a cluster that is there; does not begin it
  bool retired = false;              // removed: stays down until it joins anew
  std::vector<raft::Server> agreed;  // the masters, as this one knows to be agreed on
  std::deque<RaftEffect> writes;     // asked for, oldest first
  bool writing = false;
  std::unique_ptr<RaftEngine> engine;  // null: down
  std::uint64_t life = 0;              // of this process; events of an older life are void
  Instant timer = kNever;
  std::map<raft::Index, std::string> state;  // the commands applied
  raft::Index last_applied = 0;
  RoleChanged role{raft::Role::Follower, 0, 0, false};
  std::string failure;  // of EngineFailed
  int snapshots_put = 0;
  int snapshots_installed = 0;
};

class Cluster {
 public:
  // `spares` more are down, and join when they are booted.
  Cluster(MasterId count, std::uint64_t seed, RaftOptions options = {}, MasterId spares = 0)
      : options_(options), rng_(seed), count_(count) {
    for (MasterId id = 1; id <= count + spares; ++id) {
      nodes_[id].id = id;
      nodes_[id].joins = nodes_[id].retired = id > count;
    }
    for (auto& [id, node] : nodes_) {
      if (!node.retired) boot(node);
    }
  }

  Faults faults;
  std::vector<std::string> wrong;
  std::uint64_t digest = kFnvOffset;
  std::map<std::uint64_t, std::string> acknowledged;
  std::map<std::uint64_t, Error> failed;
  std::map<std::uint64_t, MasterId> answered;  // reads, and by whom
  std::map<std::uint64_t, Error> unread;
  std::vector<raft::Change> done;  // of changes
  std::vector<std::pair<raft::Change, Error>> undone;
  Instant now{std::chrono::seconds(100)};

  Master& master(MasterId id) { return nodes_.at(id); }
  Rng& rng() { return rng_; }

  void run(Duration duration) {
    const Instant end = now + duration;
    while (!events_.empty() && events_.begin()->first.first <= end) {
      auto event = events_.extract(events_.begin());
      now = event.key().first;
      event.mapped()();
    }
    now = end;
  }
  // True as soon as `reached` is; false when it is not within `limit`.
  bool run_until(Duration limit, const std::function<bool()>& reached) {
    const Instant end = now + limit;
    while (!reached()) {
      if (now >= end) return false;
      run(std::chrono::milliseconds(1));
    }
    return true;
  }
  MasterId ready_leader() const {  // of the newest term; 0: none
    const Master* found = nullptr;
    for (const auto& [id, node] : nodes_) {
      if (!node.engine || !node.role.ready) continue;
      if (found == nullptr || node.role.term > found->role.term) found = &node;
    }
    return found == nullptr ? 0 : found->id;
  }
  MasterId elect(Duration limit = std::chrono::seconds(5)) {
    run_until(limit, [this] { return ready_leader() != 0; });
    return ready_leader();
  }
  // Proposes at master `at`; the id is returned.
  std::uint64_t propose(MasterId at, std::size_t bytes = 0) {
    const std::uint64_t id = ++last_proposal_;
    std::string command = "c" + std::to_string(id);
    command.resize(std::max(bytes, command.size()), '.');
    proposed_[id] = command;
    Master& node = nodes_.at(at);
    node.engine->propose({{id, command}}, now);
    carry_out(node);
    return id;
  }
  // A linearizable read at master `at`; the id is returned.
  std::uint64_t read(MasterId at) {
    const std::uint64_t id = ++last_read_;
    reads_[id] = newest_acknowledged_;
    nodes_.at(at).engine->read(id, now);
    carry_out(nodes_.at(at));
    return id;
  }
  // At each that believes to lead, were it for the last moment.
  void read_anywhere() {
    for (auto& [id, node] : nodes_) {
      if (node.engine && node.engine->role() == raft::Role::Leader) read(id);
    }
  }
  bool is_done(std::uint64_t id) const { return acknowledged.count(id) + failed.count(id) != 0; }

  void cut(MasterId from, MasterId to, bool on) { cut_[{from, to}] = on; }
  void isolate(MasterId id, bool on = true) {
    for (const auto& [other, node] : nodes_) cut_[{id, other}] = cut_[{other, id}] = on;
  }
  void heal() { cut_.clear(); }

  // The process dies; of the writes under way only the oldest few may be on the disk.
  void crash(MasterId id) {
    Master& node = nodes_.at(id);
    if (!node.engine) return;
    const std::uint64_t kept = rng_.below(node.writes.size() + 1);
    for (std::uint64_t i = 0; i < kept; ++i) write_to_disk(node, node.writes[i]);
    node.writes.clear();
    node.writing = false;
    node.engine.reset();
    ++node.life;
  }
  void boot(MasterId id) { boot(nodes_.at(id)); }
  void wipe(MasterId id) { nodes_.at(id).disk = {}; }
  Status transfer(MasterId from, MasterId to) {
    const Status status = nodes_.at(from).engine->transfer(to, now);
    carry_out(nodes_.at(from));
    return status;
  }
  Status change(MasterId at, raft::ChangeKind kind, MasterId id) {
    const Status status =
        nodes_.at(at).engine->change({kind, {id, test::address_of(id), true}}, now);
    carry_out(nodes_.at(at));
    return status;
  }
  // Boots it with an empty disk, as one that is to be added.
  void boot_anew(MasterId id) {
    Master& node = nodes_.at(id);
    crash(id);
    node.disk = {};
    node.joins = true;
    node.retired = false;
    boot(node);
  }
  void retire(MasterId id) {
    crash(id);
    nodes_.at(id).retired = true;
  }
  std::vector<raft::Server> members() const {  // as the leader knows them
    const MasterId leader = ready_leader();
    return leader == 0 ? std::vector<raft::Server>{} : nodes_.at(leader).engine->configuration();
  }
  // All members run, know each other as such and have applied the same, which holds all that was
  // acknowledged.
  bool converged() const {
    const MasterId leader = ready_leader();
    if (leader == 0) return false;
    const Master& first = nodes_.at(leader);
    for (const raft::Server& server : members()) {
      const Master& node = nodes_.at(server.id);
      if (!node.engine || node.engine->applied_index() != first.engine->applied_index() ||
          node.state != first.state || node.agreed != first.agreed) {
        return false;
      }
    }
    std::map<std::string, int> held;
    for (const auto& [index, command] : first.state) ++held[command];
    for (const auto& [id, command] : acknowledged) {
      if (held.count(command) == 0) return false;
    }
    return true;
  }
  // Void after stop_scripts().
  void later(Duration delay, std::function<void()> what) {
    schedule(delay, [this, what = std::move(what)] {
      if (scripted_) what();
    });
  }
  void stop_scripts() { scripted_ = false; }

 private:
  RaftOptions options_;
  Rng rng_;
  MasterId count_;
  std::map<MasterId, Master> nodes_;
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t sequence_ = 0;
  bool scripted_ = true;
  std::map<std::pair<MasterId, MasterId>, bool> cut_;
  std::map<std::pair<MasterId, MasterId>, Instant> last_arrival_;
  std::map<raft::Term, MasterId> leaders_;
  std::map<raft::Index, std::pair<raft::Term, std::string>> agreed_;
  std::map<std::uint64_t, std::string> proposed_;
  std::uint64_t last_proposal_ = 0;
  std::map<raft::Index, std::vector<raft::Server>> configurations_;  // agreed on
  raft::Index newest_acknowledged_ = 0;
  std::map<std::uint64_t, raft::Index> reads_;  // open ones: what was acknowledged before
  std::uint64_t last_read_ = 0;

  void schedule(Duration delay, std::function<void()> what) {
    events_.emplace(std::make_pair(now + delay, ++sequence_), std::move(what));
  }
  void note(const std::string& line) { digest = fnv1a64(line, digest); }
  void complain(const Master& node, const std::string& what) {
    wrong.push_back("at " + std::to_string(seconds(now.time_since_epoch())) + " s master " +
                    std::to_string(node.id) + ": " + what);
  }

  void boot(Master& node) {
    if (node.engine || node.retired) return;
    ++node.life;
    node.timer = kNever;
    node.state.clear();
    node.last_applied = 0;
    node.role = {raft::Role::Follower, 0, 0, false};
    node.engine = std::make_unique<RaftEngine>(options_, node.id, address_of(node.id),
                                               masters(count_), node.disk, rng_.next(), now);
    node.engine->start(now, !node.joins);
    carry_out(node);
  }

  void carry_out(Master& node) {
    for (RaftEffect& effect : node.engine->take_effects()) {
      std::visit([&](auto& what) { on(node, what); }, effect);
      if (!node.engine) return;
    }
    const Instant at = node.engine->deadline();
    if (at == node.timer || at == kNever) return;
    node.timer = at;
    schedule(at - now, [this, &node, life = node.life, at] {
      if (node.life != life || node.timer != at) return;
      node.timer = kNever;
      node.engine->tick(now);
      carry_out(node);
    });
  }

  void on(Master& node, SaveVote& write) { start_write(node, write); }
  void on(Master& node, AppendLog& write) { start_write(node, write); }
  void on(Master& node, PutSnapshot& write) { start_write(node, write); }
  void on(Master& node, SendRaft& send) {
    if (send.address != address_of(send.to)) complain(node, "sends to " + send.address);
    const auto link = std::make_pair(node.id, send.to);
    note("s" + std::to_string(send.message.index()) + "," + std::to_string(send.to));
    if (cut_[link] || rng_.chance(faults.loss_percent)) return;
    deliver(link, send.message);
    if (faults.reorder && rng_.chance(2)) deliver(link, send.message);
  }
  void deliver(std::pair<MasterId, MasterId> link, const raft::Message& message) {
    const std::int64_t longest = faults.reorder && rng_.chance(2) ? 800 : 4;
    Duration delay = rng_.below(std::chrono::milliseconds(longest));
    if (!faults.reorder) {
      Instant& last = last_arrival_[link];
      last = std::max(last, now + delay);
      delay = last - now;
    }
    schedule(delay, [this, link, message] {
      Master& to = nodes_.at(link.second);
      if (!to.engine || cut_[link]) return;
      to.engine->on_message(link.first, address_of(link.first), message, now);
      carry_out(to);
    });
  }
  void on(Master& node, Applied& applied) {
    note("a" + std::to_string(node.id) + "," + std::to_string(applied.index) + *applied.data);
    if (applied.index <= node.last_applied) complain(node, "applies an index twice");
    node.last_applied = applied.index;
    node.state[applied.index] = *applied.data;
    const auto [agreed, fresh] =
        agreed_.emplace(applied.index, std::make_pair(applied.term, *applied.data));
    if (agreed->second != std::make_pair(applied.term, *applied.data)) {
      complain(node, "applies another command at index " + std::to_string(applied.index));
    }
    if (fresh && agreed != std::prev(agreed_.end())) {
      complain(node, "applies a command that others did not, at " + std::to_string(applied.index));
    }
    if (applied.proposal == 0) return;
    if (proposed_[applied.proposal] != *applied.data) complain(node, "acknowledges the wrong one");
    if (is_done(applied.proposal)) complain(node, "answers a proposal twice");
    acknowledged[applied.proposal] = *applied.data;
    newest_acknowledged_ = std::max(newest_acknowledged_, applied.index);
  }
  void on(Master& node, ConfigurationChanged& changed) {
    if (!changed.committed) return;
    node.agreed = changed.servers;
    const auto [agreed, fresh] = configurations_.emplace(changed.index, changed.servers);
    if (agreed->second != changed.servers) {
      complain(node, "knows other masters at index " + std::to_string(changed.index));
    }
  }
  void on(Master&, ChangeDone& change) { done.push_back(change.change); }
  void on(Master&, ChangeFailed& failure) { undone.emplace_back(failure.change, failure.error); }
  void on(Master& node, ReadReady& ready) {
    note("q" + std::to_string(ready.read));
    const auto open = reads_.find(ready.read);
    if (open == reads_.end()) return complain(node, "answers a read twice");
    if (node.last_applied < open->second) complain(node, "answers a read with an old state");
    if (ready.index < open->second) complain(node, "answers a read for an old index");
    reads_.erase(open);
    answered[ready.read] = node.id;
  }
  void on(Master& node, ReadFailed& failure) {
    if (reads_.erase(failure.read) == 0) complain(node, "answers a read twice");
    unread[failure.read] = failure.error;
  }
  void on(Master& node, Restore& restore) {
    ++node.snapshots_installed;
    node.state = from_blob(*restore.data);
    if (restore.index < node.last_applied) complain(node, "goes back");
    node.last_applied = restore.index;
    for (const auto& [index, command] : node.state) {
      if (index > restore.index || agreed_[index].second != command) {
        complain(node, "restores what was not agreed on, at " + std::to_string(index));
      }
    }
  }
  void on(Master& node, WantSnapshot& want) {
    const std::string blob = to_blob(node.state);
    schedule(
        rng_.below(std::chrono::milliseconds(20)), [this, &node, life = node.life, want, blob] {
          if (node.life != life || !node.engine) return;
          node.engine->provide_snapshot(want.index, std::make_shared<const std::string>(blob), now);
          carry_out(node);
        });
  }
  void on(Master& node, RoleChanged& changed) {
    note("r" + std::to_string(node.id) + to_text_of(changed));
    node.role = changed;
    if (changed.role != raft::Role::Leader) return;
    const auto [leader, fresh] = leaders_.emplace(changed.term, node.id);
    if (leader->second != node.id) {
      complain(node, "leads term " + std::to_string(changed.term) + " as another does");
    }
  }
  void on(Master& node, ProposalFailed& failure) {
    if (is_done(failure.proposal)) complain(node, "answers a proposal twice");
    failed[failure.proposal] = failure.error;
  }
  void on(Master& node, EngineFailed& failure) {
    node.failure = failure.text;
    complain(node, failure.text);
  }
  static std::string to_text_of(const RoleChanged& changed) {
    return std::to_string(static_cast<int>(changed.role)) + "," + std::to_string(changed.term) +
           "," + std::to_string(changed.leader) + "," + std::to_string(changed.ready);
  }

  template <class Effect>
  void start_write(Master& node, Effect& write) {
    node.writes.emplace_back(std::move(write));
    work(node);
  }
  // One write, or several together, at a time; durable after a while, in order.
  void work(Master& node) {
    if (node.writing || node.writes.empty()) return;
    node.writing = true;
    const std::int64_t longest = faults.slow_disk && rng_.chance(3) ? 300 : 5;
    const auto together = static_cast<std::size_t>(1 + rng_.below(node.writes.size()));
    schedule(rng_.below(std::chrono::milliseconds(longest)),
             [this, &node, life = node.life, together] {
               if (node.life != life || !node.engine) return;
               std::uint64_t ticket = 0;
               for (std::size_t i = 0; i < together; ++i) {
                 ticket = write_to_disk(node, node.writes.front());
                 node.writes.pop_front();
               }
               node.writing = false;
               node.engine->on_durable(ticket, now);
               carry_out(node);
               if (node.life == life) work(node);
             });
  }
  std::uint64_t write_to_disk(Master& node, const RaftEffect& effect) {
    raft::Stored& disk = node.disk;
    if (const auto* vote = std::get_if<SaveVote>(&effect)) {
      if (vote->term < disk.term) complain(node, "stores a lower term");
      disk.term = vote->term;
      disk.voted_for = vote->voted_for;
      return vote->ticket;
    }
    if (const auto* log = std::get_if<AppendLog>(&effect)) {
      if (log->first < disk.first || log->first > disk.first + disk.entries.size()) {
        complain(node, "leaves a gap in the log at " + std::to_string(log->first));
        return log->ticket;
      }
      disk.entries.resize(log->first - disk.first);
      disk.entries.insert(disk.entries.end(), log->entries.begin(), log->entries.end());
      return log->ticket;
    }
    const auto& put = std::get<PutSnapshot>(effect);
    ++node.snapshots_put;
    disk.snapshot = put.meta;
    disk.snapshot_data = put.data;
    if (put.keep_from == 0) {
      disk.entries.clear();
      disk.first = put.meta.index + 1;
    } else if (put.keep_from > disk.first) {
      const auto gone = static_cast<std::ptrdiff_t>(put.keep_from - disk.first);
      disk.entries.erase(disk.entries.begin(), disk.entries.begin() + gone);
      disk.first = put.keep_from;
    }
    return put.ticket;
  }

  static std::string to_blob(const std::map<raft::Index, std::string>& state) {
    std::string out;
    for (const auto& [index, command] : state) out += std::to_string(index) + " " + command + "\n";
    return out;
  }
  static std::map<raft::Index, std::string> from_blob(const std::string& blob) {
    std::map<raft::Index, std::string> out;
    for (std::size_t at = 0; at < blob.size();) {
      const std::size_t space = blob.find(' ', at);
      const std::size_t end = blob.find('\n', space);
      out[std::stoull(blob.substr(at, space - at))] = blob.substr(space + 1, end - space - 1);
      at = end + 1;
    }
    return out;
  }
};

}  // namespace muster::failover::test
