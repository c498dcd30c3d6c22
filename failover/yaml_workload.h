// How does a file of workloads become specs?
//
// A driver (yaml-cpp through base/yaml_reader.h). Keys are in camelCase as in Kubernetes, whose
// probe fields they are (systemd/examples/web.yaml shows all). Any thread. It runs in the command
// line tool; the coordinator checks a spec again with failover/workload_check.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/workload.h"

namespace muster::failover {

inline constexpr std::size_t kDocumentsMax = 1000;  // workloads in one file

// One workload a document, at least one. Fails with InvalidArgument, a line of text for each
// problem of all documents, each `FILE:LINE:COLUMN: KEY: ...`. On success problems() of each is
// empty.
[[nodiscard]] Result<std::vector<WorkloadSpec>> parse_workloads(std::string_view text,
                                                                const std::string& file);
// The same for the file at `path`; fails also as read_yaml_text() does.
[[nodiscard]] Result<std::vector<WorkloadSpec>> load_workloads(const std::string& path);

}  // namespace muster::failover
