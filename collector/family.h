// How is a family of samples written down?
//
// Pure: short ways to make the values of base/sample.h.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"

namespace muster::collector {

[[nodiscard]] inline Family gauge(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::Gauge, {}};
}
[[nodiscard]] inline Family counter(std::string name, std::string help) {
  return {std::move(name), std::move(help), MetricType::Counter, {}};
}

// With one sample that has no labels.
[[nodiscard]] inline Family gauge(std::string name, std::string help, double value) {
  return {std::move(name), std::move(help), MetricType::Gauge, {{{}, value}}};
}
[[nodiscard]] inline Family counter(std::string name, std::string help, double value) {
  return {std::move(name), std::move(help), MetricType::Counter, {{{}, value}}};
}

inline void add_sample(Family& family, std::vector<std::pair<std::string, std::string>> labels,
                       double value) {
  family.samples.push_back({std::move(labels), value});
}

// One text with room for no more than it holds.
[[nodiscard]] inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view part : parts) text += part;
  return text;
}

// All of them moved into one list: an initializer list would copy every name and sample.
template <class... Each>
[[nodiscard]] Families families_of(Each... each) {
  Families families;
  families.reserve(sizeof...(each));
  (families.push_back(std::move(each)), ...);
  return families;
}

}  // namespace muster::collector
