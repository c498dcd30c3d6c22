#include "quorum.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace muster::sim {
namespace {

constexpr Duration kRetryFull = std::chrono::milliseconds(250);
constexpr Duration kEncode = std::chrono::milliseconds(20);  // a snapshot, at most
constexpr Duration kRestart = std::chrono::milliseconds(100);

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}

std::string address_of(const NodeName& name) { return name + ":7947"; }

// The next number of a text of numbers with blanks between.
std::uint64_t next_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return number;
}

std::string text_of(const failover::RoleChanged& role) {
  std::string text(raft::to_text(role.role));
  text += " in term " + std::to_string(role.term);
  return text + (role.ready ? ", takes proposals" : "");
}

struct Describe {
  std::string operator()(const raft::RequestVote& vote) const {
    return "vote for me" + in(vote.term) + (vote.pre_vote ? ", if it came to it" : "");
  }
  std::string operator()(const raft::RequestVoteResult& vote) const {
    return (vote.granted ? "vote granted" : "vote refused") + in(vote.term) +
           (vote.pre_vote ? ", if it came to it" : "");
  }
  std::string operator()(const raft::AppendEntries& append) const {
    return "append " + std::to_string(append.entries.size()) + " after " +
           std::to_string(append.prev_index) + in(append.term) + ", agreed on " +
           std::to_string(append.leader_commit);
  }
  std::string operator()(const raft::AppendEntriesResult& result) const {
    return "has " + std::to_string(result.last_index) +
           (result.rejected == 0 ? "" : ", refuses " + std::to_string(result.rejected)) +
           in(result.term);
  }
  std::string operator()(const raft::SnapshotChunk& chunk) const {
    return "snapshot at " + std::to_string(chunk.meta.index) + " from byte " +
           std::to_string(chunk.offset) + in(chunk.term);
  }
  std::string operator()(const raft::TimeoutNow& now) const { return "stand" + in(now.term); }
  template <class Other>
  std::string operator()(const Other& other) const {
    return "message" + in(other.term);
  }
  static std::string in(raft::Term term) { return " in term " + std::to_string(term); }
};

std::string text_of(const raft::Message& message) { return std::visit(Describe{}, message); }

}  // namespace

Quorum::Quorum(const QuorumOptions& options, std::uint64_t seed)
    : options_(options),
      rng_(seed),
      names_(first_names(options.masters + options.spares)),
      hosts_(names_.size()),
      network_(names_.size()),
      consensus_(names_, violations_),
      history_(names_, violations_) {
  for (HostId id = 0; id < hosts_.size(); ++id) {
    hosts_[id].master = master_id(names_[id]);
    ids_[hosts_[id].master] = id;
    hosts_[id].founder = id < options_.masters;
    hosts_[id].boot_time = rng_.below(Duration(std::chrono::hours(24)));
    if (options_.skewed_clocks) {
      hosts_[id].rate = 80 + static_cast<std::int64_t>(rng_.below(std::uint64_t{46}));
    }
  }
  network_.set_quality(options_.link);
}

std::vector<raft::Server> Quorum::founders() const {
  std::vector<raft::Server> list;
  for (HostId id = 0; id < options_.masters; ++id) {
    list.push_back({master_id(names_[id]), address_of(names_[id]), true});
  }
  return list;
}

// --- time ---

Instant Quorum::local(const Host& host) const {
  const Duration::rep time = now().time_since_epoch().count();
  return Instant(Duration(time / 100 * host.rate) + host.boot_time);
}

Instant Quorum::global(const Host& host, Instant local_time) const {
  const Duration::rep shown = (local_time - host.boot_time).time_since_epoch().count();
  return Instant(Duration((shown / host.rate + 1) * 100));
}

void Quorum::reach(HostId id, std::uint64_t life, std::function<void()> what) {
  Host& host = hosts_[id];
  if (host.life != life || !host.engine) return;
  if (host.frozen) {
    host.waiting.push_back(std::move(what));
    return;
  }
  ++events_;
  what();
  settle(id);
}

void Quorum::settle(HostId id) {
  Host& host = hosts_[id];
  if (!host.engine) return;
  for (failover::RaftEffect& effect : host.engine->take_effects()) {
    std::visit([&](auto& what) { act(id, what); }, effect);
    if (!host.engine) return;  // it failed
  }
  consensus_.happened(id, *host.engine, now());
  arm(id);
}

void Quorum::arm(HostId id) {
  Host& host = hosts_[id];
  const Instant due = host.engine->deadline();
  if (due == kNever) return;
  const Instant when = std::max(global(host, due), now());
  if (when >= host.timer) return;
  host.timer = when;
  at(when, [this, id, when, life = host.life] {
    if (hosts_[id].life != life || hosts_[id].timer != when) return;
    hosts_[id].timer = kNever;
    fire(id);
  });
}

void Quorum::fire(HostId id) {
  reach(id, hosts_[id].life, [this, id] {
    Host& host = hosts_[id];
    if (local(host) >= host.engine->deadline()) host.engine->tick(local(host));
  });
}

void Quorum::note(HostId id, std::uint64_t what) {
  trace_hash_ = mix(mix(trace_hash_, what * 16 + id),
                    static_cast<std::uint64_t>(now().time_since_epoch().count()));
}

void Quorum::tell(HostId id, const std::string& what) {
  if (trace_.on()) trace_.add(now(), names_[id], "** " + what);
}

// --- lives ---

void Quorum::start(HostId id) {
  Host& host = hosts_[id];
  if (host.engine) return;
  tell(id, "started");
  ++host.life;
  host.timer = kNever;
  host.state = {};
  host.ready = false;
  host.role = raft::Role::Follower;
  consensus_.started(id, host.log.durable());
  host.engine = std::make_unique<failover::RaftEngine>(
      options_.raft, host.master, address_of(names_[id]), founders(), host.log.durable(),
      rng_.next(), local(host));
  host.engine->start(local(host), host.founder);
  settle(id);
}

void Quorum::crash(HostId id) {
  Host& host = hosts_[id];
  if (!host.engine) return;
  tell(id, "crashed");
  ++counts_.crashes;
  ++host.life;
  host.engine.reset();
  host.frozen = false;
  host.waiting.clear();
  host.log.crash(!host.disk_full, rng_);
}

void Quorum::alarm(HostId about) {
  const MasterId gone = hosts_[about].master;
  for (HostId id = 0; id < hosts_.size(); ++id) {
    if (id == about || !hosts_[id].engine || !network_.open(id, about)) continue;
    at(now() + network_.trip(id, about, rng_), [this, id, gone, life = hosts_[id].life] {
      reach(id, life, [this, id, gone] {
        hosts_[id].engine->leader_gone(gone, local(hosts_[id]));
        settle(id);
      });
    });
  }
}

void Quorum::freeze(HostId id) {
  if (!hosts_[id].engine || hosts_[id].frozen) return;
  tell(id, "frozen");
  hosts_[id].frozen = true;
}

void Quorum::thaw(HostId id) {
  Host& host = hosts_[id];
  if (!host.frozen) return;
  tell(id, "thawed");
  host.frozen = false;
  std::deque<std::function<void()>> waiting = std::exchange(host.waiting, {});
  for (std::function<void()>& what : waiting) reach(id, host.life, std::move(what));
  begin_batch(id);
}

// --- disks ---

void Quorum::begin_batch(HostId id) {
  Host& host = hosts_[id];
  if (host.frozen || !host.engine || !host.log.begin()) return;
  at(now() + fsync_time(host.disk, rng_), [this, id, life = host.life] {
    if (hosts_[id].life == life) end_batch(id);
  });
}

void Quorum::end_batch(HostId id) {
  Host& host = hosts_[id];
  if (host.disk_full) {
    host.log.put_back();
    at(now() + kRetryFull, [this, id, life = host.life] {
      if (hosts_[id].life == life) begin_batch(id);
    });
    return;
  }
  const std::uint64_t ticket = host.log.end();
  begin_batch(id);
  reach(id, host.life, [this, id, ticket] {
    note(id, ticket);
    hosts_[id].engine->on_durable(ticket, local(hosts_[id]));
  });
}

void Quorum::act(HostId id, failover::SaveVote& effect) {
  hosts_[id].log.add(effect);
  begin_batch(id);
}

void Quorum::act(HostId id, failover::AppendLog& effect) {
  consensus_.wrote(id, effect);
  hosts_[id].log.add(std::move(effect));
  begin_batch(id);
}

void Quorum::act(HostId id, failover::PutSnapshot& effect) {
  consensus_.wrote(id, effect, now());
  if (effect.keep_from == 0) {
    ++counts_.installs;
    tell(id, "installs the snapshot at " + std::to_string(effect.meta.index));
  } else {
    ++counts_.snapshots;
  }
  hosts_[id].log.add(std::move(effect));
  begin_batch(id);
}

// --- messages ---

void Quorum::act(HostId id, failover::SendRaft& effect) {
  const HostId to = id_of(effect.to);
  if (effect.address != address_of(names_[to])) {
    violations_.add({now(),
                     "messages go where their receiver is",
                     names_[id] + " sends what is for " + names_[to] + " to " + effect.address,
                     {names_[id]}});
  }
  consensus_.said(id, to, effect.message, hosts_[id].log.durable(), now());
  consensus_.replicates(id, effect.to, effect.message, now());
  if (!network_.open(id, to) || network_.loses(id, to, rng_)) return;
  if (network_.duplicates(id, to, rng_)) deliver(id, to, effect.message);
  deliver(id, to, effect.message);
}

void Quorum::deliver(HostId from, HostId to, const raft::Message& message) {
  Instant when = now() + network_.trip(from, to, rng_);
  if (options_.ordered) {
    Instant& last = last_arrival_[{from, to}];
    when = last = std::max(last, when);
  }
  const MasterId sender = hosts_[from].master;  // by the time it arrives it may be another
  at(when, [this, from, to, sender, message] {
    if (!network_.open(from, to)) return;
    reach(to, hosts_[to].life, [this, from, to, sender, message] {
      note(to, from * 32 + message.index());
      if (trace_.on()) trace_.add(now(), names_[to], text_of(message) + " from " + names_[from]);
      Host& host = hosts_[to];
      consensus_.heard(to, sender, message);
      host.engine->on_message(sender, address_of(names_[from]), message, local(host));
    });
  });
}

// --- the state machine ---

void Quorum::act(HostId id, failover::Applied& effect) {
  Host& host = hosts_[id];
  std::string_view text = *effect.data;
  const std::uint64_t write = next_number(text);
  host.state.index = effect.index;
  host.state.chain = mix(fnv1a64(*effect.data, host.state.chain), effect.index);
  const bool mine = effect.proposal != 0;
  CHECK(!mine || effect.proposal == write);
  history_.applied(id, effect.index, effect.term, write, host.state.chain, mine, now());
}

void Quorum::act(HostId id, failover::WantSnapshot& effect) {
  const Host& host = hosts_[id];
  std::string blob = std::to_string(host.state.index);
  blob += " " + std::to_string(host.state.chain) + " ";
  blob.resize(std::max(blob.size(), options_.state_bytes), '.');
  at(now() + rng_.below(kEncode),
     [this, id, index = effect.index, life = host.life,
      data = std::make_shared<const std::string>(std::move(blob))]() mutable {
       reach(id, life, [this, id, index, data = std::move(data)] {
         hosts_[id].engine->provide_snapshot(index, data, local(hosts_[id]));
       });
     });
}

void Quorum::act(HostId id, failover::Restore& effect) {
  std::string_view text = *effect.data;
  State& state = hosts_[id].state;
  state.index = next_number(text);
  state.chain = next_number(text);
  history_.restored(id, state.index, state.chain, now());
}

void Quorum::act(HostId id, failover::RoleChanged& effect) {
  Host& host = hosts_[id];
  note(id, effect.term);
  if (trace_.on()) trace_.add(now(), names_[id], "-- " + text_of(effect));
  if (effect.role == raft::Role::Leader && host.role != raft::Role::Leader) ++counts_.elections;
  host.role = effect.role;
  if (effect.ready && !host.ready) history_.serves(id, effect.term, host.state.index, now());
  host.ready = effect.ready;
}

void Quorum::act(HostId id, failover::ProposalFailed& effect) {
  history_.write_failed(id, effect.proposal, effect.error.code, now());
}

void Quorum::act(HostId id, failover::ConfigurationChanged& effect) {
  if (effect.committed) consensus_.configured(id, effect.index, effect.servers, now());
}

// Who is removed for good begins anew, or lives on with what it knew.
void Quorum::act(HostId id, failover::ChangeDone& effect) {
  ++counts_.changes;
  const HostId whom = id_of(effect.change.server.id);
  tell(id, "a change of master " + names_[whom] + " is done");
  if (effect.change.kind != raft::ChangeKind::Remove || rng_.chance(50)) return;
  at(now(), [this, whom] { join_anew(whom); });
}

// Under another id: it forgets whom it voted for, and would vote by configurations of the past that
// it reads in the log again, for whoever asks.
void Quorum::join_anew(HostId id) {
  Host& host = hosts_[id];
  crash(id);
  tell(id, "begins anew");
  host.log.wipe();
  host.founder = false;
  host.master = master_id(names_[id] + "/" + std::to_string(host.life));
  ids_[host.master] = id;
  consensus_.begins_anew(id, host.master);
  start(id);
}

void Quorum::act(HostId id, failover::ChangeFailed& effect) {
  tell(id, "a change is not done: " + effect.error.text);
}

void Quorum::act(HostId id, failover::ReadReady& effect) {
  history_.read_done(id, effect.read, hosts_[id].state.index, now());
}

void Quorum::act(HostId id, failover::ReadFailed& effect) {
  history_.read_failed(id, effect.read, now());
}

void Quorum::act(HostId id, failover::EngineFailed& effect) {
  crash(id);
  if (effect.text.find("promoting a second master") != std::string::npos) {
    // As it is meant to: whoever looks after the process starts it again.
    return at(now() + kRestart, [this, id] {
      if (!hosts_[id].engine) start(id);
    });
  }
  violations_.add({now(), "no engine stops", names_[id] + ": " + effect.text, {names_[id]}});
}

// --- clients ---

void Quorum::propose(HostId id, std::size_t commands) {
  Host& host = hosts_[id];
  if (!host.engine || host.frozen) return;
  std::vector<std::pair<std::uint64_t, std::string>> batch;
  for (std::size_t i = 0; i < commands; ++i) {
    const std::uint64_t write = ++last_request_;
    history_.write_began(write);
    batch.emplace_back(write, std::to_string(write) + " write");
  }
  reach(id, host.life, [&] { host.engine->propose(std::move(batch), local(host)); });
}

void Quorum::read(HostId id) {
  Host& host = hosts_[id];
  if (!host.engine || host.frozen) return;
  const std::uint64_t read = ++last_request_;
  history_.read_began(read);
  reach(id, host.life, [&] { host.engine->read(read, local(host)); });
}

void Quorum::transfer(HostId id, HostId to) {
  Host& host = hosts_[id];
  if (!host.engine || host.frozen) return;
  tell(id, "told to hand over to " + names_[to]);
  // It may refuse: whoever is asked need not lead.
  reach(id, host.life, [&] { (void)host.engine->transfer(hosts_[to].master, local(host)); });
}

void Quorum::change(HostId id, raft::ChangeKind kind, HostId whom) {
  Host& host = hosts_[id];
  if (!host.engine || host.frozen) return;
  raft::Server server{hosts_[whom].master, address_of(names_[whom]), false};
  for (const raft::Server& known : host.engine->configuration()) {
    if (id_of(known.id) == whom) server.id = known.id;
  }
  tell(id, "told to change master " + names_[whom]);
  reach(id, host.life, [&] { (void)host.engine->change({kind, server}, local(host)); });
}

}  // namespace muster::sim
