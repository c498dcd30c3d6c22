// How does muster say that something failed?
//
// Result<T> for what may fail, CHECK for what must not. An Error's text names what was tried, on
// which object, and what to do or what happens next; it ends without a full stop.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace muster {

enum class Code {
  InvalidArgument,   // the request is wrong whatever the state is
  NotFound,          // the named object does not exist
  Conflict,          // the object exists, or changed, in a way that forbids this
  PermissionDenied,  // the caller may not
  Unavailable,       // nobody can do it now (no quorum, no coordinator): retry later
  Unknown,           // it may or may not have happened: retry with the same request id
  Exhausted,         // out of space, of descriptors, of a limit of our own
  DataLoss,          // what is stored cannot be trusted
  Timeout,           // no answer in time
  Internal,          // the operating system refused what should work
};
[[nodiscard]] std::string_view to_text(Code code);  // "invalid-argument", ...

struct Error {
  Code code = Code::Internal;
  std::string text;
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string text) {
  return tl::unexpected<Error>(Error{code, std::move(text)});
}

// Prints file, line and condition to stderr and aborts. On in release builds too.
[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace muster

// For broken invariants of our own. Never on data that came from outside.
#define CHECK(condition)                                                      \
  do {                                                                        \
    if (!(condition)) ::muster::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
