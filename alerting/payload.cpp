#include "alerting/payload.h"

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "base/ids.h"

namespace muster::alerting {
namespace {

using nlohmann::json;

// The labels and values that all alerts of the notification share.
Labels common(const std::vector<NotifiedAlert>& alerts, Labels Alert::*of) {
  if (alerts.empty()) return {};
  Labels shared = alerts.front().alert.*of;
  for (const NotifiedAlert& notified : alerts) {
    const Labels& own = notified.alert.*of;
    std::erase_if(shared, [&](const auto& entry) {
      const auto found = own.find(entry.first);
      return found == own.end() || found->second != entry.second;
    });
  }
  return shared;
}

json object(const Labels& labels) {  // {} and never null
  json out = json::object();
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

}  // namespace

std::string rfc3339(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[48];
  const int length = std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

std::string idempotency_key(const Notification& notification, WallTime repeat_of) {
  std::uint64_t hash = fnv1a64(notification.receiver);
  const auto add = [&](const std::string& text) {
    hash = fnv1a64("\xff", hash);
    hash = fnv1a64(text, hash);
  };
  const auto add_time = [&](WallTime time) {
    add(std::to_string(time.time_since_epoch().count()));
  };
  add(notification.group_key);
  add_time(repeat_of);
  for (const NotifiedAlert& notified : notification.alerts) {
    add(notified.fingerprint);
    add(notified.firing ? "firing" : "resolved");
    add_time(notified.alert.starts_at);
  }
  return hex16(hash);
}

std::string to_json(const Notification& notification) {
  json alerts = json::array();
  bool firing = false;
  for (const NotifiedAlert& notified : notification.alerts) {
    firing = firing || notified.firing;
    alerts.push_back({
        {"status", notified.firing ? "firing" : "resolved"},
        {"labels", object(notified.alert.labels)},
        {"annotations", object(notified.alert.annotations)},
        {"startsAt", rfc3339(notified.alert.starts_at)},
        {"endsAt", notified.firing ? "0001-01-01T00:00:00Z" : rfc3339(notified.ends_at)},
        {"generatorURL", notification.external_url},
        {"fingerprint", notified.fingerprint},
    });
  }
  const json body = {
      {"version", "4"},
      {"receiver", notification.receiver},
      {"status", firing ? "firing" : "resolved"},
      {"alerts", std::move(alerts)},
      {"groupLabels", object(notification.group_labels)},
      {"commonLabels", object(common(notification.alerts, &Alert::labels))},
      {"commonAnnotations", object(common(notification.alerts, &Alert::annotations))},
      {"externalURL", notification.external_url},
      {"groupKey", notification.group_key},
      {"truncatedAlerts", notification.truncated},
  };
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace muster::alerting
