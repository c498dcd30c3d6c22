// Which devices, mount points, fields and units do the patterns of the configuration keep?
//
// Driver (RE2, whose dialect is that of node_exporter's flags and which takes time in proportion to
// what it looks at). Any thread; what comes out may be called on any thread too.
#pragma once

#include <string>

#include "agent/metrics_config.h"
#include "base/error.h"
#include "collector/collector.h"

namespace muster::agent {

// InvalidArgument: what is wrong with `pattern`, one line.
[[nodiscard]] Status check_pattern(const std::string& pattern);

// Fails as check_pattern() does, for any of them.
[[nodiscard]] Result<collector::CollectorOptions> collector_options(const MetricsConfig& config);

}  // namespace muster::agent
