// What does an agent answer to those who read its JSON API?
//
// Pure functions from a View to a response, so that the control thread (for other agents) and the
// HTTP server (for its clients) answer alike. Outside text (paths, queries, what workloads wrote
// into events) may be anything, also not UTF-8: it is bounded and escaped, nothing throws.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api_response.h"
#include "agent/view.h"
#include "base/error.h"

namespace muster::agent {

// The answer to a GET of /healthz, /readyz or /v1/* but for what is not in a View (agent/routes.h:
// metrics, logs, operations). Of a stream it is what there is now. Nothing when the path is about
// the cluster's state, which this agent does not have: then the coordinator must be asked.
// `query` is without the question mark.
[[nodiscard]] std::optional<ApiResponse> answer_read(const View& view, std::string_view path,
                                                     std::string_view query);

// The answer of an agent that could not ask the coordinator.
[[nodiscard]] ApiResponse no_coordinator(const View& view);
// {"results": [...]}, what a change of workloads answers.
[[nodiscard]] std::string results_json(const std::vector<std::string>& results);
// One of the cluster's events as JSON, on one line.
[[nodiscard]] std::string event_text(const EventRecord& event);

// The instance of /v1/logs/INSTANCE; 0: it is no instance's path.
[[nodiscard]] InstanceId log_instance(std::string_view path);

}  // namespace muster::agent
