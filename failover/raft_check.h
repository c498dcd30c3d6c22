// Can this message, or this disk, be shown to the consensus library?
//
// A core of pure functions. The library trusts its input (its assertions are off in packages), so
// that everything from outside passes here first. What passes may still be a lie, but none that
// the library cannot bear.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"

namespace muster::failover {

// Not empty, no id or address twice or missing, at least one voter.
[[nodiscard]] bool is_configuration(const std::vector<raft::Server>& servers);

// The payload of an EntryType::Change. Fails with DataLoss on anything that the library would not
// have written: its own reader trusts its input.
[[nodiscard]] Result<std::vector<raft::Server>> decode_configuration(std::string_view bytes);

// `from` is who sent it. False: drop it.
[[nodiscard]] bool is_message(MasterId from, const raft::Message& message);

// What is stored beside a log without entries and snapshot: that of a new master, or is the log
// gone? Fails with DataLoss. `bootstrap`: the cluster begins here.
[[nodiscard]] Status check_empty(const raft::Stored& stored, bool bootstrap);

// Fails with DataLoss and says what is wrong. Pre: there is a snapshot or an entry.
[[nodiscard]] Status check_stored(const raft::Stored& stored);

// Who the masters are by the newest configuration on the disk, committed or not. Pre: as checked.
[[nodiscard]] std::vector<raft::Server> newest_configuration(const raft::Stored& stored);

}  // namespace muster::failover
