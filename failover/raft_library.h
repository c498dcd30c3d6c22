// What does the consensus library answer to one event? (libraft 0.22.1, raft_step())
//
// A core in muster's own types: one call is one step, and its update is everything that the step
// wants done. No clock, no IO, no callback. This class owns every piece of memory that crosses
// the border and knows who frees it; raft_engine knows what the answers mean. Owned by
// raft_engine; not thread-safe. It never checks what it is fed: raft_check.h says what may be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/raft_types.h"

namespace muster::failover {

// An AppendEntries or InstallSnapshot comes without its payload: the library keeps terms only.
struct LibraryMessage {
  MasterId to = 0;
  std::string address;
  raft::Message message;
  std::size_t entries = 0;  // AppendEntries: how many belong in it, from prev_index + 1
};

struct LibraryUpdate {
  bool vote = false;                 // term or vote changed: durable before `messages` leave
  bool role = false;                 // may have changed
  bool commit = false;               // commit_index() has grown
  bool install = false;              // the InstallSnapshot just received is to be written
  raft::Index first = 0;             // of `entries`
  std::vector<raft::Entry> entries;  // to be written at `first`, instead of what is there
  std::vector<LibraryMessage> messages;
};

class RaftLibrary {
 public:
  using Millis = std::uint64_t;  // since any moment; never goes back from call to call
  struct Settings {
    unsigned election_ms;
    unsigned heartbeat_ms;
    unsigned install_ms;
    unsigned max_inflight;
  };

  RaftLibrary(const Settings& settings, MasterId self, const std::string& address,
              std::uint64_t seed);
  ~RaftLibrary();
  RaftLibrary(const RaftLibrary&) = delete;
  RaftLibrary& operator=(const RaftLibrary&) = delete;

  // An error of start(), receive(), persisted_*(), committed() or snapshotted() leaves the library
  // in no state to go on. submit() and transfer() fail with Unavailable (not the leader, or
  // handing over), Exhausted or InvalidArgument (no such voter) and change nothing.
  Result<LibraryUpdate> start(Millis now, const raft::Stored& stored);
  Result<LibraryUpdate> receive(Millis now, MasterId from, const std::string& address,
                                const raft::Message& message);
  // Pre: last_stored() < index <= last_index(), not installing().
  Result<LibraryUpdate> persisted_entries(Millis now, raft::Index index);
  Result<LibraryUpdate> persisted_snapshot(Millis now, const raft::SnapshotMeta& meta);
  // The configuration entry at `index` is committed and applied.
  Result<LibraryUpdate> committed(Millis now, raft::Index index,
                                  const std::vector<raft::Server>& configuration);
  // An own snapshot is durable; entries up to meta.index - trailing are forgotten.
  // Pre: not installing(), meta.index is in the log and beyond the last snapshot.
  Result<LibraryUpdate> snapshotted(Millis now, const raft::SnapshotMeta& meta, unsigned trailing);
  Result<LibraryUpdate> timeout(Millis now);
  Result<LibraryUpdate> submit(Millis now, const std::vector<raft::Entry>& entries);
  Result<LibraryUpdate> transfer(Millis now, MasterId to);  // 0: to whom the library likes

  [[nodiscard]] raft::Role role() const;
  [[nodiscard]] raft::Term term() const;
  [[nodiscard]] MasterId voted_for() const;
  [[nodiscard]] MasterId leader() const;  // may be the one of an older term
  [[nodiscard]] raft::Index commit_index() const;
  [[nodiscard]] raft::Index last_index() const;
  [[nodiscard]] raft::Index last_stored() const;
  [[nodiscard]] bool installing() const;
  [[nodiscard]] bool transferring() const;
  [[nodiscard]] raft::Index match_index(MasterId peer) const;  // 0 unless leader
  [[nodiscard]] bool knows(MasterId id) const;
  [[nodiscard]] std::vector<raft::Server> configuration() const;
  [[nodiscard]] std::vector<raft::Server> committed_configuration() const;
  [[nodiscard]] raft::Index committed_configuration_index() const;    // 0: none
  [[nodiscard]] raft::Index uncommitted_configuration_index() const;  // 0: none
  [[nodiscard]] Millis timeout_at() const;                            // may lie in the past

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

// The payload of an EntryType::Change. Pre: is_configuration(servers) (raft_check.h).
[[nodiscard]] std::string encode_configuration(const std::vector<raft::Server>& servers);

}  // namespace muster::failover
