// Which alerts does nobody want to hear of now?
//
// Core: pure functions over the replicated silences.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "alerting/alert.h"
#include "base/cluster_state.h"
#include "base/time.h"

namespace muster::alerting {

// `pattern` with * for any text, also for none; everything else is itself.
[[nodiscard]] bool like(std::string_view text, std::string_view pattern);

// Whether all of its matchers match; a label that is missing is empty. Never without matchers.
[[nodiscard]] bool matches(const SilenceRecord& silence, const Labels& labels);

// The first silence that is in force and matches; empty: none.
[[nodiscard]] std::string silenced_by(const std::map<std::string, SilenceRecord>& silences,
                                      const Labels& labels, WallTime now);

// Marks those that are silenced: Pipeline::set_active() tells nobody of them.
void mute(std::vector<Alert>& alerts, const std::map<std::string, SilenceRecord>& silences,
          WallTime now);

}  // namespace muster::alerting
