// What did the other side answer over HTTP?
//
// Core: one whole HTTP/1.1 answer of a connection that was closed after it. Input may be hostile.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::identity {

struct HttpAnswer {
  int status = 0;
  std::string body;
};
// Fails with InvalidArgument when it is none, is not whole, or is chunked.
[[nodiscard]] Result<HttpAnswer> parse_http_answer(std::string_view bytes);

// What an answer that is not 200 means, with what its problem body says to do.
[[nodiscard]] Error error_of(const HttpAnswer& answer);

}  // namespace muster::identity
