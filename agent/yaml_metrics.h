// How does the section `metrics` of a configuration become a MetricsConfig?
//
// A driver (yaml-cpp through base/yaml_reader.h), a part of agent/yaml_config.h. Patterns that are
// none are problems with their place in the file.
#pragma once

#include "agent/metrics_config.h"
#include "base/yaml_reader.h"

namespace muster::agent {

void read_metrics(const YamlNode& from, MetricsConfig& out);

}  // namespace muster::agent
