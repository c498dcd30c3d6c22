// What is in a file of `muster snapshot save`, and is it whole?
//
// A core: values and their bytes. The state in it is what the codec made of a ClusterState; it is
// not looked into here. Bytes come from outside: every length is checked before it is believed.
//
//   magic "mustsnap" | format | length of the head | head | checksum of all before | state |
//   checksum of all before
//
// Numbers have 64 bits, little end first; texts stand behind their length; checksums are FNV-1a.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/raft_types.h"
#include "base/time.h"

namespace muster::failover {

struct SnapshotInfo {
  std::string cluster;     // its name
  std::string cluster_id;  // empty: it was not formed
  raft::Index index = 0;   // of the last command in it
  raft::Term term = 0;     // when it was taken
  WallTime taken_at{};
  NodeName taken_by;
  std::vector<std::pair<NodeName, std::string>> masters;  // with where their RPC is
  std::uint64_t state_version = 1;
  std::uint64_t state_bytes = 0;
  bool operator==(const SnapshotInfo&) const = default;
};

struct SnapshotFile {
  SnapshotInfo info;
  std::string state;
};

inline constexpr std::string_view kSnapshotMagic = "mustsnap";
inline constexpr std::string_view kSealMagic = "mustseal";  // failover/openssl_seal.h

enum class SnapshotKind { Plain, Sealed, Neither };
[[nodiscard]] SnapshotKind kind_of(std::string_view bytes);

// `info.state_bytes` is taken from `state`.
[[nodiscard]] std::string encode_snapshot(SnapshotInfo info, std::string_view state);

// Fails with DataLoss that says what is wrong with it (it ends early, a checksum), with Conflict
// when a newer version wrote it, with InvalidArgument when it is no snapshot or a sealed one. The
// text names no file.
[[nodiscard]] Result<SnapshotFile> decode_snapshot(std::string_view bytes);

// "prod-000000001234-20261121T101500Z.snap": sorts by index, then by time. valid_name(cluster).
[[nodiscard]] std::string snapshot_file_name(const SnapshotInfo& info);
// Which of these names are snapshots of `cluster` beyond the newest `keep`: to be removed.
[[nodiscard]] std::vector<std::string> superseded(std::vector<std::string> names,
                                                  std::string_view cluster, std::size_t keep);

}  // namespace muster::failover
