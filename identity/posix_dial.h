// How is a TCP connection made that comes from one of this machine's own addresses?
//
// Driver (POSIX sockets); blocks, any thread.
#pragma once

#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::identity {

// A descriptor that does not block; the caller closes it. `own`: a numeric address; where there is
// no way from it, or it is empty, the kernel chooses. Fails with Unavailable; `patience` holds for
// each address that there is to try.
[[nodiscard]] Result<int> dial(const Address& to, const std::string& own, Duration patience);

}  // namespace muster::identity
