// How do the tests of the pipeline drive it?
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "alerting/pipeline.h"

namespace muster::alerting {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr WallTime kWall{seconds(1'700'000'000)};

inline Alert node_failed(const std::string& node) {
  return {{{"alertname", "NodeFailed"}, {"node", node}}, {{"summary", node + " failed"}}, kWall};
}
inline std::string id_of(const Alert& alert) { return fingerprint(alert.labels); }

// The test is the driver: time moves, and deliveries end, only when it says so.
struct PipelineTest : testing::Test {
  explicit PipelineTest(std::vector<std::string> names = {"ops"}) {
    for (const std::string& name : names) {
      options.receivers.push_back({name, "http://" + name + "/", {{"X-Key", name}}});
    }
    pipeline.emplace(options);
  }

  [[nodiscard]] WallTime wall() const {
    return kWall + std::chrono::duration_cast<milliseconds>(now - begin);
  }
  void active(const std::vector<Alert>& alerts) {
    pipeline->set_active(alerts, wall(), now);
    drain();
  }
  // Moves to the next deadline, when there is one not later than `limit` from now; else to there.
  bool advance(Duration limit) {
    const Instant end = now + limit;
    if (pipeline->deadline() > end) {
      now = end;
      pipeline->tick(now, wall());
      drain();
      return false;
    }
    now = std::max(now, pipeline->deadline());
    pipeline->tick(now, wall());
    drain();
    return true;
  }
  void answer(std::uint64_t id, int status, std::optional<Duration> retry_after = {}) {
    pipeline->on_delivery(id, {status, retry_after, ""}, now);
    drain();
  }
  // The next notification, which must come within `limit`.
  Deliver next(Duration limit = hours(5)) {
    const Instant end = now + limit;
    while (sent.empty() && now < end) {
      if (!advance(end - now)) break;
    }
    if (sent.empty()) {
      ADD_FAILURE() << "nothing was sent";
      return {};
    }
    Deliver first = sent.front();
    sent.erase(sent.begin());
    return first;
  }
  bool quiet_for(Duration limit) {
    const Instant end = now + limit;
    while (now < end && advance(end - now)) {
    }
    return sent.empty();
  }
  void drain() {
    for (PipelineEffect& effect : pipeline->take_effects()) {
      if (auto* deliver = std::get_if<Deliver>(&effect)) sent.push_back(std::move(*deliver));
      if (auto* on = std::get_if<Firing>(&effect)) {
        ++firings;
        replicated[on->fingerprint] = on->alert;
      }
      if (auto* off = std::get_if<Resolved>(&effect)) {
        EXPECT_EQ(replicated.erase(off->fingerprint), 1U);
      }
    }
  }
  static std::vector<std::string> told(const Deliver& deliver) {  // "+n1": fires, "-n1": is over
    std::vector<std::string> out;
    for (const NotifiedAlert& one : deliver.notification.alerts) {
      const auto node = one.alert.labels.find("node");
      out.push_back((one.firing ? "+" : "-") +
                    (node == one.alert.labels.end() ? "" : node->second));
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  using Told = std::vector<std::string>;

  const Instant begin{seconds(100)};
  Instant now = begin;
  PipelineOptions options;
  std::optional<Pipeline> pipeline;
  std::vector<Deliver> sent;
  std::map<std::string, AlertRecord> replicated;  // as ClusterState.alerts would be
  int firings = 0;
};

}  // namespace muster::alerting
