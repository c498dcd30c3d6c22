// Is this data directory ours alone?
//
// A driver (flock). The kernel gives the lock back when the process ends, however it ends.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"

namespace muster::agent {

// Takes the lock without waiting and holds it while the handle lives; writes our process id into
// the file. Unavailable names the process that holds it.
[[nodiscard]] Result<std::shared_ptr<void>> lock_file(const std::string& path);

}  // namespace muster::agent
