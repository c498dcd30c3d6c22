// How does a machine that knows nothing but a token speak with a master of its cluster?
//
// Driver (OpenSSL): one HTTPS request, blocking, any thread. Nothing is sent before the other side
// has shown a master's certificate of the authority whose pin the token carries.
#pragma once

#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::identity {

struct PinnedPost {
  Address to;
  std::string pin;  // CertificateFacts::pin of the authority
  std::string path;
  std::string body;  // JSON
  WallTime now{};    // by this machine's clock
  // The numeric address of this machine that the other side shall see, if there is a way from it;
  // empty: any.
  std::string from{};
};

// The body of a 200 answer. Fails with PermissionDenied when the other side is not who the pin
// says, with Unavailable or Timeout when nobody answers, and as the answer's problem says.
[[nodiscard]] Result<std::string> post_pinned(const PinnedPost& post);

}  // namespace muster::identity
