// What can be asked of masters alone, and when are they of one mind?
#include <string>
#include <vector>

#include "quorum.h"

namespace muster::sim {

std::map<HostId, bool> Quorum::masters(HostId id) const {
  std::map<HostId, bool> known;
  for (const raft::Server& server : hosts_[id].engine->configuration()) {
    known[id_of(server.id)] = server.voter;
  }
  return known;
}

std::optional<HostId> Quorum::leader() const {
  std::optional<HostId> best;
  for (HostId id = 0; id < hosts_.size(); ++id) {
    const Host& host = hosts_[id];
    if (!host.engine || !host.engine->ready()) continue;
    if (!best || hosts_[*best].engine->term() < host.engine->term()) best = id;
  }
  return best;
}

std::vector<HostId> Quorum::leaders() const {
  std::vector<HostId> found;
  for (HostId id = 0; id < hosts_.size(); ++id) {
    const Host& host = hosts_[id];
    if (host.engine && host.engine->role() == raft::Role::Leader) found.push_back(id);
  }
  return found;
}

std::string Quorum::disagreement() const {
  const std::optional<HostId> first = leader();
  if (!first) return "there is no leader that takes proposals";
  const Host& ahead = hosts_[*first];
  const std::vector<raft::Server> configuration = ahead.engine->configuration();
  for (const raft::Server& server : configuration) {
    const HostId id = id_of(server.id);
    const Host& host = hosts_[id];
    if (!host.engine) return names_[id] + " does not run";
    if (host.engine->applied_index() != ahead.engine->applied_index() ||
        host.state.chain != ahead.state.chain) {
      return names_[id] + " has applied " + std::to_string(host.engine->applied_index()) +
             ", leader " + names_[*first] + " " + std::to_string(ahead.engine->applied_index());
    }
    if (host.engine->configuration() != configuration) {
      return names_[id] + " knows other masters than leader " + names_[*first];
    }
  }
  return {};
}

void Quorum::check_end() {
  const std::optional<HostId> first = leader();
  CHECK(first.has_value());
  for (const raft::Server& server : hosts_[*first].engine->configuration()) {
    const HostId id = id_of(server.id);
    history_.ends(id, hosts_[id].state.index, now());
  }
}

}  // namespace muster::sim
