// What does a receiver get? Alertmanager's webhook body, version 4.
//
// Pure. One Notification is one POST: a group of alerts as it is now, to one receiver.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "alerting/alert.h"

namespace muster::alerting {

struct NotifiedAlert {
  Alert alert;
  std::string fingerprint;
  bool firing = true;
  WallTime ends_at{};  // when not firing
};

struct Notification {
  std::string receiver;
  Labels group_labels;
  std::string group_key;
  std::vector<NotifiedAlert> alerts;  // not empty; firing ones first, then by fingerprint
  std::size_t truncated = 0;          // alerts of the group that are left out
  std::string external_url;
  // Equal for every attempt at telling the same thing, whichever coordinator makes it. Receivers
  // get it as the header Idempotency-Key and may drop what they have seen.
  std::string idempotency_key;
};

// Which alerts, in which state and since when, to whom. `repeat_of`: when they were told last, for
// a reminder; the epoch otherwise.
[[nodiscard]] std::string idempotency_key(const Notification& notification, WallTime repeat_of);

// Never fails: bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string to_json(const Notification& notification);

// 2026-11-20T23:59:01.123Z
[[nodiscard]] std::string rfc3339(WallTime time);

}  // namespace muster::alerting
