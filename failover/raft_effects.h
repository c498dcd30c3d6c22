// What may the consensus engine ask for, and what does it tell?
//
// Plain values, owned by whoever takes them (RaftEngine::take_effects()), carried out in order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/raft_types.h"

namespace muster::failover {

// Writes are done in the order of their tickets, which rise. A write may be made durable together
// with later ones, never without earlier ones.
struct SaveVote {
  std::uint64_t ticket;
  raft::Term term;
  MasterId voted_for;  // 0: nobody
  MasterId self;       // whose vote and log it is
};
// Deletes what the log holds from `first` on, then appends.
struct AppendLog {
  std::uint64_t ticket;
  raft::Index first;
  std::vector<raft::Entry> entries;
};
// Replaces the snapshot and deletes the entries before `keep_from`; 0: all entries.
struct PutSnapshot {
  std::uint64_t ticket;
  raft::SnapshotMeta meta;
  raft::Blob data;
  raft::Index keep_from;
};
// Best effort; losing it is harmless. In order for one receiver where that costs nothing.
struct SendRaft {
  MasterId to;
  std::string address;
  raft::Message message;
};
// A command is agreed on. Indexes rise; those of barriers and configurations are not told.
struct Applied {
  raft::Index index;
  raft::Term term;
  raft::Blob data;
  std::uint64_t proposal;  // the id given to propose() here; 0: not ours
};
// The state machine must replace its state by this one.
struct Restore {
  raft::Index index;
  raft::Blob data;
};
// The state machine, as it is after the effects before this one, is wanted: provide_snapshot().
struct WantSnapshot {
  raft::Index index;
};
// Also told when only the term or the known leader changes.
struct RoleChanged {
  raft::Role role;
  raft::Term term;
  MasterId leader;  // 0: unknown
  bool ready;       // leader, has applied all that was agreed on before, and takes proposals
};
// Unavailable: it was not tried. Unknown: the leadership was lost, it may yet be applied.
struct ProposalFailed {
  std::uint64_t proposal;
  Error error;
};
// Who the masters are by the newest entry that says so; told again when that is agreed on, and when
// it is lost with its leader.
struct ConfigurationChanged {
  raft::Index index;
  bool committed;
  std::vector<raft::Server> servers;
};
// Ends a change() that was accepted.
struct ChangeDone {
  raft::Change change;
  raft::Index index;
};
// Unavailable: it was not tried, as the leadership is lost or handed over. Timeout: no handing
// over, or no catching up, in time. Unknown: it may yet come about: the configuration tells.
struct ChangeFailed {
  raft::Change change;
  Error error;
};
// The state, as it is after the effects before this one, holds all that anybody was told before
// the read came.
struct ReadReady {
  std::uint64_t read;
  raft::Index index;  // the newest entry that the state must hold for it
};
// Unavailable: not the leader, or not any more, or handing over. Exhausted: too many wait. A read
// changes nothing: it may be tried again at once.
struct ReadFailed {
  std::uint64_t read;
  Error error;
};
// The engine has stopped for good and ignores what comes; a restart begins from the disk.
struct EngineFailed {
  std::string text;
};
using RaftEffect = std::variant<SaveVote, AppendLog, PutSnapshot, SendRaft, Applied, Restore,
                                WantSnapshot, RoleChanged, ProposalFailed, ConfigurationChanged,
                                ChangeDone, ChangeFailed, ReadReady, ReadFailed, EngineFailed>;

}  // namespace muster::failover
