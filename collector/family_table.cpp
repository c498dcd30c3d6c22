#include "collector/family_table.h"

#include <algorithm>

namespace muster::collector {

Families empty_families(std::span<const FamilyRow> rows) {
  Families families;
  families.reserve(rows.size());
  for (const FamilyRow& row : rows) {
    families.push_back({std::string(row.name), std::string(row.help), row.type, {}});
  }
  return families;
}

std::string series_key(const Sample& sample) {
  std::vector<const std::pair<std::string, std::string>*> labels;
  for (const auto& label : sample.labels) {
    if (!label.second.empty()) labels.push_back(&label);
  }
  std::sort(labels.begin(), labels.end(), [](auto* a, auto* b) { return *a < *b; });
  std::string key(1, static_cast<char>('0' + static_cast<int>(sample.part)));
  for (const auto* label : labels) {  // 0xFF is in no UTF-8 text
    (((key += label->first) += '\xFF') += label->second) += '\xFF';
  }
  return key;
}

void NamedFamilies::add(const std::string& name, std::string_view help, MetricType type,
                        SampleLabels labels, double value) {
  auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    found = by_name_.emplace(name, Family{name, std::string(help), type, {}}).first;
  }
  found->second.samples.push_back({std::move(labels), value});
}

Families NamedFamilies::take() {
  Families families;
  families.reserve(by_name_.size());
  for (auto& [name, family] : by_name_) families.push_back(std::move(family));
  by_name_.clear();
  return families;
}

}  // namespace muster::collector
