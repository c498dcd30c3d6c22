// How do a collector's families come into being?
//
// Core, no state beyond a scrape. FamilyRow is for collectors whose families are known before, one
// table each; NamedFamilies for those whose names come from the machine.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"

namespace muster::collector {

using SampleLabels = std::vector<std::pair<std::string, std::string>>;

struct FamilyRow {
  std::string_view name;
  std::string_view help;
  MetricType type = MetricType::Gauge;
};

// One family without samples a row, in the table's order.
[[nodiscard]] Families empty_families(std::span<const FamilyRow> rows);

// The same text for two samples of a family exactly when they are one series: whatever the order of
// their labels is, and with or without labels that are empty.
[[nodiscard]] std::string series_key(const Sample& sample);

// Families by name; `help` and `type` are those of the first add().
class NamedFamilies {
 public:
  void add(const std::string& name, std::string_view help, MetricType type, SampleLabels labels,
           double value);
  [[nodiscard]] Families take();  // sorted by name; leaves none

 private:
  std::map<std::string, Family> by_name_;
};

}  // namespace muster::collector
