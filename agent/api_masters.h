// How does the JSON API show the masters?
//
// Pure; a part of agent/api.h, which everybody else uses.
#pragma once

#include "agent/api.h"
#include "agent/view.h"

namespace muster::agent {

// /v1/masters: who they are, who leads and since which term, how far each is behind, until when its
// certificate is good. How far the others are only the leader knows. Pre: view.master.
[[nodiscard]] ApiResponse master_list(const View& view);

}  // namespace muster::agent
