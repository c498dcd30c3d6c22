#include "failover/raft_changes.h"

#include <algorithm>

#include "failover/raft_check.h"

namespace muster::failover {

std::string describe(const std::vector<raft::Server>& servers, const raft::Change& change) {
  std::string address = change.server.address;
  for (const raft::Server& server : servers) {
    if (server.id == change.server.id) address = server.address;
  }
  std::string out(raft::to_text(change.kind));
  out += " the master ";
  out += address.empty() ? std::to_string(change.server.id) : "at " + address;
  return out;
}

Result<std::vector<raft::Server>> next_configuration(std::vector<raft::Server> servers,
                                                     const raft::Change& change) {
  const std::string what = "cannot " + describe(servers, change) + ": ";
  const auto found = std::find_if(servers.begin(), servers.end(), [&](const raft::Server& server) {
    return server.id == change.server.id;
  });
  if (change.kind == raft::ChangeKind::Add) {
    if (found != servers.end()) return fail(Code::Conflict, what + "it is a master already");
    if (servers.size() >= kServersMax) {
      return fail(Code::Exhausted,
                  what + "there are " + std::to_string(kServersMax) + " masters already");
    }
    servers.push_back({change.server.id, change.server.address, false});
    if (!is_configuration(servers)) {
      return fail(Code::InvalidArgument, what + "it needs a name and an address of its own");
    }
    return servers;
  }
  if (found == servers.end()) return fail(Code::NotFound, what + "it is no master");
  if (change.kind == raft::ChangeKind::Promote) {
    if (found->voter) return fail(Code::Conflict, what + "it has a vote already");
    found->voter = true;
    return servers;
  }
  servers.erase(found);
  if (!is_configuration(servers)) {
    return fail(Code::Conflict, what + "it is the last one with a vote");
  }
  return servers;
}

}  // namespace muster::failover
