// Would what a collector shows spoil what others show?
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/sample.h"
#include "collector/exposition.h"

namespace muster::fuzz {

inline bool is_name(std::string_view text, bool label) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == ':' && !label);
  });
}

// Nothing but a name or a label name can spoil a text: values and helps are escaped.
inline void fit_to_be_shown(const Families& families) {
  std::size_t lines = 0;
  std::set<std::string_view> names;
  for (const Family& family : families) {
    CHECK(is_name(family.name, false));
    if (family.samples.empty()) continue;
    if (names.insert(family.name).second) lines += 2;
    lines += family.samples.size();
    for (const Sample& sample : family.samples) {
      std::set<std::string_view> labels;
      for (const auto& [label, value] : sample.labels) {
        CHECK(is_name(label, true));
        CHECK(labels.insert(label).second);
      }
    }
  }
  const std::string text = collector::exposition_text(families);
  CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == lines);
  std::string metrics;
  collector::append_families(metrics, {&families}, collector::Format::OpenMetrics);
  CHECK(static_cast<std::size_t>(std::count(metrics.begin(), metrics.end(), '\n')) == lines);
}

}  // namespace muster::fuzz
