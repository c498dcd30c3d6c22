// What does a collector measure? A family is one metric name with its samples.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace muster {

enum class MetricType { Counter, Gauge, Untyped, Histogram, Summary };

// Of a histogram or a summary a sample is one part; its line has the part's suffix behind the
// family's name. The label le or quantile of a part is an ordinary label.
enum class SamplePart { Value, Bucket, Sum, Count };

struct Sample {
  std::vector<std::pair<std::string, std::string>> labels;  // in output order
  double value = 0;
  SamplePart part = SamplePart::Value;
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
