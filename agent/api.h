// What does an agent answer to those who read its JSON API?
//
// Pure functions from a View to a response, so that the control thread (for other agents) and the
// HTTP server (for its clients) answer alike. Outside text (paths, queries, what workloads wrote
// into events) may be anything, also not UTF-8: it is bounded and escaped, nothing throws.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/view.h"
#include "base/error.h"

namespace muster::agent {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kProblemType = "application/problem+json";  // RFC 9457

struct ApiResponse {
  int status = 200;
  std::string content_type = std::string(kJsonType);
  std::string body;
};

// The methods that a path of the server takes, as in an Allow header; empty: no such path.
[[nodiscard]] std::string_view allowed_methods(std::string_view path);

// The answer to a GET of /healthz, /readyz or /v1/* but for logs. Nothing when the path is about
// the cluster's state, which this agent does not have: then the coordinator must be asked.
// `query` is without the question mark; what is not a number where one is expected is 400.
[[nodiscard]] std::optional<ApiResponse> answer_read(const View& view, std::string_view path,
                                                     std::string_view query);

// The answer of an agent that could not ask the coordinator.
[[nodiscard]] ApiResponse no_coordinator(const View& view);
// {"title", "status", "detail"}.
[[nodiscard]] ApiResponse problem(int status, std::string_view title, std::string_view detail);
// The same for what failed while it was tried.
[[nodiscard]] ApiResponse problem(const Error& error);
[[nodiscard]] int http_status(Code code);
// {"results": [...]}, what a write answers.
[[nodiscard]] std::string results_json(const std::vector<std::string>& results);

// The instance of /v1/logs/INSTANCE; 0: it is no instance's path.
[[nodiscard]] InstanceId log_instance(std::string_view path);
// The number that `name=` has in a query; `otherwise` when it is not there. Fails with
// InvalidArgument for anything but a decimal number of at most `max`.
[[nodiscard]] Result<std::uint64_t> query_number(std::string_view query, std::string_view name,
                                                 std::uint64_t otherwise, std::uint64_t max);
// The workload's name of /v1/workloads/NAME; empty: it is no workload's path.
[[nodiscard]] std::string_view workload_name(std::string_view path);

// UTC with milliseconds, RFC 3339: 2026-01-31T12:00:00.000Z.
[[nodiscard]] std::string rfc3339(WallTime at);

}  // namespace muster::agent
