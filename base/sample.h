// What does a collector measure? A family is one metric name with its samples.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace muster {

enum class MetricType { Counter, Gauge, Untyped };

struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;  // in output order
  double value = 0;
  bool operator==(const Sample&) const = default;
};

struct Family {
  std::string name;
  std::string help;
  MetricType type = MetricType::Gauge;
  std::vector<Sample> samples;
  bool operator==(const Family&) const = default;
};
using Families = std::vector<Family>;

}  // namespace muster
