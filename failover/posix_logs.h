// How does a workload's output stay small and readable while its process keeps the file open?
//
// A driver (files). Free functions without state; any thread but the control thread, as disks may
// block. Rotation copies the file away and cuts it to nothing: its writers append (O_APPEND), so
// they go on at the new end, and they need no agent for it. What they write in the instant between
// the last read and the cut is lost.
//
// PATH is the newest file, PATH.1 the one before, up to PATH.KEEP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"

namespace muster::failover {

// Does nothing while the file is not larger than `max_bytes`, or not there. Keeps `keep` older
// files; 0: what is cut off is gone. After an error (Exhausted: disk full; PermissionDenied) the
// newest output is still all there, in a file that grows on. One caller a path at a time.
[[nodiscard]] Status rotate_if_larger(const std::string& path, std::uint64_t max_bytes, int keep);

// The last `lines` lines, oldest first, from as many rotated files as that takes, and never more
// than the last `bytes_max` bytes: then the first line may be missing or, if it alone is longer, be
// cut. Bytes are as the workload wrote them. A rotation at the same moment can make one answer miss
// or repeat lines. NotFound: there is no such file.
[[nodiscard]] Result<std::string> tail(const std::string& path, std::size_t lines,
                                       std::size_t bytes_max);

}  // namespace muster::failover
