// What does an answer of the HTTP API consist of, and how does it say that something is wrong?
//
// Pure. A problem is RFC 9457's: what is wrong (type, title, status, detail) and, our addition,
// what to do next.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace muster::agent {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kBytesType = "application/octet-stream";
inline constexpr std::string_view kProblemType = "application/problem+json";

// The index of the state that an answer is from: what a blocking read goes on from.
inline constexpr std::string_view kIndexHeader = "Muster-Index";
inline constexpr std::string_view kRequestIdHeader = "Muster-Request-Id";

struct ApiResponse {
  int status = 200;
  std::string content_type = std::string(kJsonType);
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};  // besides type and length

  // Empty: it has no such header.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  ApiResponse& with(std::string_view name, std::string value) & {
    headers.emplace_back(name, std::move(value));
    return *this;
  }
  ApiResponse&& with(std::string_view name, std::string value) && {
    headers.emplace_back(name, std::move(value));
    return std::move(*this);
  }
};

// `next` says what to do, a sentence without full stop; empty: what usually helps with a problem of
// this status.
[[nodiscard]] ApiResponse problem(int status, std::string_view title, std::string_view detail,
                                  std::string_view next = {});
// The same for what failed while it was tried.
[[nodiscard]] ApiResponse problem(const Error& error, std::string_view next = {});
[[nodiscard]] int http_status(Code code);
// The code that a status of problem(Error) stands for, for those who ask.
[[nodiscard]] Code code_of_status(int status);

// UTC with milliseconds, RFC 3339: 2026-01-31T12:00:00.000Z.
[[nodiscard]] std::string rfc3339(WallTime at);

// For agents that forward: the whole answer but its status as one text, and back. What is no such
// text is taken as a body.
[[nodiscard]] std::string packed(const ApiResponse& response);
[[nodiscard]] ApiResponse unpacked(int status, std::string text);

}  // namespace muster::agent
