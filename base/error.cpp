#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace muster {

std::string_view to_text(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "invalid-argument";
    case Code::NotFound: return "not-found";
    case Code::Conflict: return "conflict";
    case Code::PermissionDenied: return "permission-denied";
    case Code::Unavailable: return "unavailable";
    case Code::Unknown: return "unknown";
    case Code::Exhausted: return "exhausted";
    case Code::DataLoss: return "data-loss";
    case Code::Timeout: return "timeout";
    case Code::Internal: return "internal";
  }
  return "internal";
}

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: invariant broken: %s\n", file, line, condition);
  std::abort();
}

}  // namespace muster
