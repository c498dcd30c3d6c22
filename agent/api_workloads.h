// How does the JSON API show workloads and their copies?
//
// Pure functions; a part of agent/api.h, which everybody else uses.
#pragma once

#include <cstddef>
#include <string_view>

#include "agent/api.h"

namespace muster::agent {

// /v1/workloads: every workload, also one that was stopped while copies of it are still there.
[[nodiscard]] ApiResponse workload_list(const MasterView& master);
// /v1/workloads/NAME: one, with its whole spec; 404 when there is none.
[[nodiscard]] ApiResponse one_workload(const MasterView& master, std::string_view name);
// Workloads of which as many copies are ready as are wanted.
[[nodiscard]] std::size_t workloads_ready(const ClusterState& state);

}  // namespace muster::agent
