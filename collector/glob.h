// Which paths does a shell's pattern mean?
//
// Core, no state: * and ? and [a-z] within one component of a path, over the names that a HostFs
// lists.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "collector/host_fs.h"

namespace muster::collector {

[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view name);

// Sorted, at most `paths_max`. The pattern itself when it has no * ? [ or when nothing matches: the
// caller then reads it and learns why.
[[nodiscard]] std::vector<std::string> glob_paths(const HostFs& fs, const std::string& pattern,
                                                  std::size_t paths_max);

}  // namespace muster::collector
