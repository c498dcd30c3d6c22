// What do masters say to each other, and what do they keep? (Ongaro, "Consensus: bridging theory
// and practice", 2014, chapters 3, 4 and 9.6 for pre-vote.)
//
// Plain values; nothing of the consensus library is seen here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"

namespace muster::raft {

using Index = std::uint64_t;  // of a log entry, from 1; 0: none
using Term = std::uint64_t;
using Blob = std::shared_ptr<const std::string>;  // never null in a value that left its maker

// Blobs are equal when their bytes are, wherever they lie.
[[nodiscard]] inline bool same_bytes(const Blob& a, const Blob& b) {
  return a == b || (a && b && *a == *b);
}

enum class Role { Follower, Candidate, Leader };
[[nodiscard]] std::string_view to_text(Role role);  // "follower", "candidate", "leader"

enum class EntryType : std::uint8_t { Command = 1, Barrier = 2, Change = 3 };
struct Entry {
  Term term = 0;
  EntryType type = EntryType::Command;
  Blob data;
  bool operator==(const Entry& other) const {
    return term == other.term && type == other.type && same_bytes(data, other.data);
  }
};

struct Server {
  MasterId id = 0;
  std::string address;  // host:port of its RPC
  bool voter = true;
  bool operator==(const Server&) const = default;
};

// One step from one configuration to the next.
enum class ChangeKind {
  Add,      // as one that takes what is agreed on and has no vote
  Promote,  // gives it a vote, when it has caught up
  Remove,
};
[[nodiscard]] std::string_view to_text(ChangeKind kind);  // "add", "promote", "remove"

struct Change {
  ChangeKind kind = ChangeKind::Add;
  Server server;  // Promote and Remove: its id alone matters
  bool operator==(const Change&) const = default;
};

struct SnapshotMeta {
  Index index = 0;  // 0: no snapshot
  Term term = 0;
  Index configuration_index = 0;
  std::vector<Server> configuration;
  bool operator==(const SnapshotMeta&) const = default;
};

// What a master finds on its disk when it starts.
struct Stored {
  MasterId self = 0;  // whose log this is; 0: it was begun before that was written down
  Term term = 0;
  MasterId voted_for = 0;
  SnapshotMeta snapshot;
  Blob snapshot_data;  // null when snapshot.index == 0
  Index first = 1;     // index of entries[0]
  std::vector<Entry> entries;
  // Whoever has it has promised nothing about any entry.
  [[nodiscard]] bool has_no_log() const { return entries.empty() && snapshot.index == 0; }
};

struct RequestVote {
  Term term = 0;
  MasterId candidate = 0;
  Index last_index = 0;
  Term last_term = 0;
  bool disrupt_leader = false;
  bool pre_vote = false;
  bool operator==(const RequestVote&) const = default;
};
struct RequestVoteResult {
  Term term = 0;
  bool granted = false;
  bool pre_vote = false;
  std::uint16_t features = 0;
  std::uint16_t capacity = 0;
  bool operator==(const RequestVoteResult&) const = default;
};
struct AppendEntries {
  Term term = 0;
  Index prev_index = 0;
  Term prev_term = 0;
  Index leader_commit = 0;
  std::vector<Entry> entries;
  bool operator==(const AppendEntries&) const = default;
};
struct AppendEntriesResult {
  Term term = 0;
  Index rejected = 0;
  Index last_index = 0;
  std::uint16_t features = 0;
  std::uint16_t capacity = 0;
  bool operator==(const AppendEntriesResult&) const = default;
};
// A whole snapshot; between masters it travels in chunks.
struct InstallSnapshot {
  Term term = 0;
  SnapshotMeta meta;
  Blob data;
  bool operator==(const InstallSnapshot& other) const {
    return term == other.term && meta == other.meta && same_bytes(data, other.data);
  }
};
struct SnapshotChunk {
  Term term = 0;
  SnapshotMeta meta;
  std::uint64_t total = 0;     // bytes of the whole
  std::uint64_t offset = 0;    // of `bytes` in it
  Blob bytes;                  // at most kSnapshotChunkBytes (failover/snapshot_transfer.h)
  std::uint64_t checksum = 0;  // fnv1a64 of the whole up to the end of this chunk
  bool operator==(const SnapshotChunk& other) const {
    return term == other.term && meta == other.meta && total == other.total &&
           offset == other.offset && same_bytes(bytes, other.bytes) && checksum == other.checksum;
  }
};
// The receiver holds the first `offset` bytes of the snapshot at `index`.
struct SnapshotAck {
  Term term = 0;
  Index index = 0;
  std::uint64_t offset = 0;
  bool operator==(const SnapshotAck&) const = default;
};
struct TimeoutNow {
  Term term = 0;
  Index last_index = 0;
  Term last_term = 0;
  bool operator==(const TimeoutNow&) const = default;
};
// Do you still follow me? Only a follower of this leader in this term answers, with the same
// round: so it had not voted for a later leader when it did.
struct ReadProbe {
  Term term = 0;
  std::uint64_t round = 0;
  bool operator==(const ReadProbe&) const = default;
};
struct ReadEcho {
  Term term = 0;
  std::uint64_t round = 0;
  bool operator==(const ReadEcho&) const = default;
};
using Message = std::variant<RequestVote, RequestVoteResult, AppendEntries, AppendEntriesResult,
                             SnapshotChunk, SnapshotAck, TimeoutNow, ReadProbe, ReadEcho>;

}  // namespace muster::raft
