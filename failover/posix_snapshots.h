// How do snapshot files get to the disk and from it, whole and private?
//
// Driver (POSIX files). Blocks; any thread. Files are 0600: a state holds the cluster's keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace muster::failover {

inline constexpr std::uint64_t kSnapshotBytesMax = std::uint64_t{4} << 30;

// Under another name first, then in one step: what is there is whole and on the disk. Replaces a
// file of that name. Errors name the file.
[[nodiscard]] Status write_private_file(const std::string& path, std::string_view bytes);

// What root made in a directory of somebody else's becomes theirs; others change nothing. A path
// that is not there is none of its business.
[[nodiscard]] Status give_to_owner_of_directory(const std::string& path);

// Fails with NotFound, PermissionDenied, Exhausted when it is larger than `bytes_max`.
[[nodiscard]] Result<std::string> read_file_up_to(const std::string& path, std::uint64_t bytes_max);

// The first line of a file that only its owner may read. Fails also with PermissionDenied when
// others may, with InvalidArgument when there is nothing in it.
[[nodiscard]] Result<std::string> read_passphrase(const std::string& path);

// Removes all but the newest `keep` snapshots of `cluster` in the directory, and nothing else.
[[nodiscard]] Status prune_snapshots(const std::string& directory, const std::string& cluster,
                                     std::size_t keep);

// When the newest one was written; nothing: there is none.
[[nodiscard]] std::optional<WallTime> newest_snapshot(const std::string& directory,
                                                      const std::string& cluster);

}  // namespace muster::failover
