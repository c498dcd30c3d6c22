// Who are the masters after this change?
//
// A core of pure functions. One server at a time changes, so that any quorum before and any after
// have a master in common (Ongaro 2014, 4.1); when it may is raft_engine's to know.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"

namespace muster::failover {

inline constexpr std::size_t kServersMax = 64;

// Promoting keeps the order: the library knows servers by their place. Fails with NotFound (no
// such master), Conflict (is one already, has a vote already, is the last one with a vote),
// InvalidArgument or Exhausted. Pre: is_configuration(servers).
[[nodiscard]] Result<std::vector<raft::Server>> next_configuration(
    std::vector<raft::Server> servers, const raft::Change& change);

// "promote the master at 10.0.0.1:7947"
[[nodiscard]] std::string describe(const std::vector<raft::Server>& servers,
                                   const raft::Change& change);

}  // namespace muster::failover
