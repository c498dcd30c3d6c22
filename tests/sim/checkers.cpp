#include "checkers.h"

#include <algorithm>

namespace muster::sim {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}

std::uint64_t hash_of(const raft::Entry& entry) {
  const std::uint64_t hash = entry.data ? fnv1a64(*entry.data) : kFnvOffset;
  return mix(mix(hash, entry.term), static_cast<std::uint64_t>(entry.type)) | 1;  // never 0
}

// What every command changes, and what would be wrong for ever if one master skipped one.
std::uint64_t digest_of(const ClusterState& state) {
  std::uint64_t hash = fnv1a64(state.coordinator);
  for (const std::uint64_t part :
       {state.term, state.next_event, state.next_instance, state.next_token,
        std::uint64_t{state.placements.size()}, std::uint64_t{state.nodes.size()},
        std::uint64_t{state.workloads.size()}, std::uint64_t{state.alerts.size()},
        std::uint64_t{state.requests.size()}}) {
    hash = mix(hash, part);
  }
  if (!state.events.empty()) hash = fnv1a64(state.events.back().text, hash);
  return hash;
}

}  // namespace

ConsensusChecker::ConsensusChecker(std::vector<NodeName> names, Violations& found)
    : names_(std::move(names)), found_(found) {
  for (HostId host = 0; host < names_.size(); ++host) masters_[master_id(names_[host])] = host;
}

void ConsensusChecker::started(HostId host, const raft::Stored& stored) {
  Log& log = logs_[host];
  log = Log{};
  log.first = stored.first;
  for (const raft::Entry& entry : stored.entries)
    log.entries.push_back({hash_of(entry), entry.term});
  log.compared = stored.snapshot.index;
}

void ConsensusChecker::wrote(HostId host, const failover::AppendLog& append) {
  Log& log = logs_[host];
  if (log.entries.empty()) log.first = append.first;
  if (append.first < log.first) {  // only entries that a snapshot has are older
    log.entries.clear();
    log.first = append.first;
  }
  log.entries.resize(std::min<std::size_t>(log.entries.size(),
                                           static_cast<std::size_t>(append.first - log.first)));
  for (const raft::Entry& entry : append.entries)
    log.entries.push_back({hash_of(entry), entry.term});
}

void ConsensusChecker::wrote(HostId host, const failover::PutSnapshot& snapshot, Instant now) {
  if (snapshot.meta.configuration_index < configuration_at(snapshot.meta.index)) {
    found_.add({now,
                "a snapshot has the masters of its time",
                names_[host] + " keeps a snapshot at " + std::to_string(snapshot.meta.index) +
                    " with the masters of entry " +
                    std::to_string(snapshot.meta.configuration_index) + " and not of entry " +
                    std::to_string(configuration_at(snapshot.meta.index)),
                {names_[host]}});
  }
  Log& log = logs_[host];
  if (snapshot.keep_from == 0) {
    log.entries.clear();
    log.first = snapshot.meta.index + 1;
    log.compared = std::max(log.compared, snapshot.meta.index);
    return;
  }
  while (log.first < snapshot.keep_from && !log.entries.empty()) {
    log.entries.pop_front();
    ++log.first;
  }
}

void ConsensusChecker::happened(HostId host, const agent::Master& master, Instant now) {
  Log& log = logs_[host];
  compare_committed(host, master.commit(), now);
  if (master.state().index != log.state) compare_state(host, master.state(), now);
  const bool began = master.active() && !log.coordinating;
  log.coordinating = master.active();
  if (!master.active()) return;
  leads(host, master.term(), now);
  serves(host, master.term(), master.commit(), now);
  if (began) check_acknowledged(master.state(), host, master.term(), now);
}

void ConsensusChecker::happened(HostId host, const failover::RaftEngine& engine, Instant now) {
  compare_committed(host, engine.commit_index(), now);
  if (engine.role() == raft::Role::Leader) leads(host, engine.term(), now);
  if (engine.ready()) serves(host, engine.term(), engine.commit_index(), now);
  follows(host, engine.applied_index(), engine.configuration_index(), now);
}

raft::Index ConsensusChecker::configuration_at(raft::Index index) const {
  const auto next = configurations_.upper_bound(index);
  return next == configurations_.begin() ? 0 : std::prev(next)->first;
}

// Whoever goes back to masters of before would count a quorum that is none.
void ConsensusChecker::follows(HostId host, raft::Index applied, raft::Index configuration,
                               Instant now) {
  if (configuration >= configuration_at(applied)) return;
  found_.add({now,
              "what is applied holds of the masters too",
              names_[host] + " has applied entry " + std::to_string(applied) +
                  " and knows the masters of entry " + std::to_string(configuration) +
                  ", those of entry " + std::to_string(configuration_at(applied)) +
                  " were agreed on",
              {names_[host]}});
}

void ConsensusChecker::configured(HostId host, raft::Index index,
                                  const std::vector<raft::Server>& servers, Instant now) {
  // Of one that is no master any more a leader knows nothing, were it to come back.
  std::erase_if(confirmed_, [&](const auto& one) {
    return one.first.first == host &&
           std::none_of(servers.begin(), servers.end(),
                        [&](const raft::Server& server) { return server.id == one.first.second; });
  });
  const auto [known, fresh] = configurations_.emplace(index, servers);
  const std::string at_index = " at index " + std::to_string(index);
  if (known->second != servers) {
    found_.add({now,
                "all know the same masters",
                names_[host] + " knows other masters" + at_index + " than were agreed on",
                {names_[host]}});
  }
  if (!fresh || known == configurations_.begin()) return;
  // One voter more or less, so that any two quorums have a member in common.
  const std::vector<raft::Server>& before = std::prev(known)->second;
  const auto votes_in = [](const std::vector<raft::Server>& list, MasterId id) {
    return std::any_of(list.begin(), list.end(), [id](const raft::Server& server) {
      return server.id == id && server.voter;
    });
  };
  std::set<MasterId> changed;
  for (const raft::Server& server : servers) {
    if (server.voter && !votes_in(before, server.id)) changed.insert(server.id);
  }
  for (const raft::Server& server : before) {
    if (server.voter && !votes_in(servers, server.id)) changed.insert(server.id);
  }
  if (changed.size() <= 1) return;
  found_.add({now,
              "one voter is changed at a time",
              names_[host] + " knows a change of several" + at_index,
              {names_[host]}});
}

void ConsensusChecker::begins_anew(HostId host, MasterId as) {
  masters_[as] = host;
  std::erase_if(votes_, [host](const auto& vote) { return vote.first.first == host; });
}

void ConsensusChecker::leads(HostId host, raft::Term term, Instant now) {
  const auto [reign, fresh] = leaders_.emplace(term, host);
  if (fresh || reign->second == host) return;
  std::string text = "in term " + std::to_string(term) + " both ";
  text += names_[reign->second] + " and " + names_[host] + " lead";
  found_.add({now, "one leader a term", std::move(text), {names_[reign->second], names_[host]}});
  reign->second = host;
}

// Whoever takes proposals before an entry of its own term is agreed on does not know what is agreed
// on, and two changes of masters may then rest on quorums without a common member (Ongaro, "bug in
// single-server membership changes", raft-dev, 2015).
void ConsensusChecker::serves(HostId host, raft::Term term, raft::Index commit, Instant now) {
  const Log& log = logs_[host];
  const bool known = commit >= log.first && commit < log.first + log.entries.size();
  if (!known || log.entries[commit - log.first].term == term) return;
  found_.add(
      {now,
       "who serves has opened its term",
       names_[host] + " serves in term " + std::to_string(term) + ", of which nothing is agreed on",
       {names_[host]}});
}

// Whoever breaks these two has not done harm yet, but a crash at the wrong moment would: so they
// are seen in every run and not only in one of thousands.
void ConsensusChecker::said(HostId host, HostId to, const raft::Message& message,
                            const raft::Stored& durable, Instant now) {
  if (const auto* vote = std::get_if<raft::RequestVoteResult>(&message)) {
    if (vote->granted && !vote->pre_vote) check_vote(host, to, vote->term, durable, now);
    return;
  }
  const auto* result = std::get_if<raft::AppendEntriesResult>(&message);
  if (result == nullptr) return;
  if (result->rejected != 0) {
    const Log& log = logs_[host];
    const bool installs = log.entries.empty() && log.first > durable.snapshot.index + 1;
    if (result->rejected < durable.snapshot.index && !installs) {
      refuses_known(host, *result, durable, now);
    }
    return;
  }
  const raft::Index kept =
      std::max(durable.snapshot.index, durable.first + durable.entries.size() - 1);
  if (result->last_index <= kept) return;
  found_.add({now,
              "entries are acknowledged when they are durable",
              names_[host] + " acknowledged entry " + std::to_string(result->last_index) +
                  ", its disk has entries up to " + std::to_string(kept),
              {names_[host]}});
}

void ConsensusChecker::heard(HostId leader, MasterId from, const raft::Message& message) {
  const auto* result = std::get_if<raft::AppendEntriesResult>(&message);
  if (result == nullptr || result->rejected != 0) return;
  Confirmed& known = confirmed_[{leader, from}];
  if (known.term != result->term) known = {result->term, 0};
  known.last = std::max(known.last, result->last_index);
}

// What was confirmed is on a disk: a leader that goes back before it may stay there.
void ConsensusChecker::replicates(HostId leader, MasterId to, const raft::Message& message,
                                  Instant now) {
  const auto* append = std::get_if<raft::AppendEntries>(&message);
  const auto known = confirmed_.find({leader, to});
  if (append == nullptr || known == confirmed_.end()) return;
  if (known->second.term != append->term || append->prev_index >= known->second.last) return;
  found_.add({now,
              "a leader goes not back before what was confirmed to it",
              names_[leader] + " sends " + names_[masters_.at(to)] + " what follows entry " +
                  std::to_string(append->prev_index) + ", which has confirmed entry " +
                  std::to_string(known->second.last) + " in this term",
              {names_[leader]}});
}

// What a snapshot covers is agreed on: to refuse it only makes a leader go back, and send more.
void ConsensusChecker::refuses_known(HostId host, const raft::AppendEntriesResult& result,
                                     const raft::Stored& durable, Instant now) {
  found_.add({now,
              "nobody refuses what its snapshot covers",
              names_[host] + " refuses what follows entry " + std::to_string(result.rejected) +
                  ", its disk has a snapshot of " + std::to_string(durable.snapshot.index),
              {names_[host]}});
}

void ConsensusChecker::check_vote(HostId host, HostId to, raft::Term term,
                                  const raft::Stored& durable, Instant now) {
  const std::string in_term = " in term " + std::to_string(term);
  const auto [vote, fresh] = votes_.emplace(std::pair(host, term), to);
  if (!fresh && vote->second != to) {
    found_.add(
        {now,
         "one vote a term",
         names_[host] + " voted for both " + names_[vote->second] + " and " + names_[to] + in_term,
         {names_[host]}});
  }
  if (durable.term > term) return;  // the vote was kept until it did not matter any more
  const auto voted_for = masters_.find(durable.voted_for);
  if (durable.term == term && voted_for != masters_.end() && voted_for->second == to) return;
  found_.add({now,
              "a vote is given when it is durable",
              names_[host] + " voted for " + names_[to] + in_term + ", which its disk does not say",
              {names_[host]}});
}

void ConsensusChecker::compare_committed(HostId host, raft::Index commit, Instant now) {
  Log& log = logs_[host];
  const raft::Index last = std::min(commit, log.first + log.entries.size() - 1);
  if (committed_.size() < last) committed_.resize(last, 0);
  for (; log.compared < last; ++log.compared) {
    const raft::Index index = log.compared + 1;
    if (index < log.first) continue;
    const std::uint64_t mine = log.entries[index - log.first].hash;
    std::uint64_t& agreed = committed_[index - 1];
    if (agreed == 0) agreed = mine;
    if (agreed == mine) continue;
    found_.add({now,
                "committed prefixes never diverge",
                names_[host] + " committed another entry at index " + std::to_string(index) +
                    " than was committed before",
                {names_[host]}});
    agreed = mine;
  }
}

void ConsensusChecker::compare_state(HostId host, const ClusterState& state, Instant now) {
  logs_[host].state = state.index;
  const std::uint64_t mine = digest_of(state);
  const auto [known, fresh] = applied_.emplace(state.index, mine);
  if (fresh || known->second == mine) return;
  found_.add({now,
              "equal logs give equal states",
              names_[host] + " has another state at index " + std::to_string(state.index) +
                  " than another master had",
              {names_[host]}});
  known->second = mine;
}

void ConsensusChecker::check_acknowledged(const ClusterState& state, HostId host, raft::Term term,
                                          Instant now) {
  if (state.requests.size() >= kRequestsMax) return;  // the oldest are forgotten by design
  for (const auto& [request, under] : acknowledged_) {
    if (under > term || state.requests.contains(request)) continue;
    found_.add({now,
                "an acknowledged write is never lost",
                "coordinator " + names_[host] + " does not know " + request +
                    ", which a client was told is done",
                {names_[host]}});
  }
}

}  // namespace muster::sim
