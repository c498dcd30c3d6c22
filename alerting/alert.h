// What is an alert, and when are two alerts the same?
//
// Pure values. Two alerts with equal labels are one; annotations may change meanwhile. Names,
// fingerprints and group keys are Alertmanager's, so that its receivers work unchanged.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace muster::alerting {

using Labels = std::map<std::string, std::string>;

struct Alert {
  Labels labels;       // with alertname; names match [a-zA-Z_][a-zA-Z0-9_]*
  Labels annotations;  // summary and description
  WallTime starts_at{};
  bool muted = false;  // by a silence: it fires, and nobody is told
  bool operator==(const Alert&) const = default;
};

// FNV-1a 64 over the sorted labels, each as name 0xFF value 0xFF, in 16 hexadecimal digits.
[[nodiscard]] std::string fingerprint(const Labels& labels);

// The labels of `labels` that are named in `group_by`.
[[nodiscard]] Labels group_labels(const Labels& labels, const std::vector<std::string>& group_by);

// {}:{alertname="NodeFailed"}: what Alertmanager calls a group of its root route.
[[nodiscard]] std::string group_key(const Labels& group);

// 16 lower-case hexadecimal digits.
[[nodiscard]] std::string hex16(std::uint64_t value);

}  // namespace muster::alerting
