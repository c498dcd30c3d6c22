// How many files does this machine hold open, of how many at most?
//
// Core, no state: text of /proc/sys/fs/file-nr in, node_filefd_* out.
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/sample.h"

namespace muster::collector {

// DataLoss when the text is not one line of three numbers.
[[nodiscard]] Result<Families> parse_filefd(std::string_view file_nr_text);

}  // namespace muster::collector
