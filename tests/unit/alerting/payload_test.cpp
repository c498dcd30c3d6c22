#include "alerting/payload.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace muster::alerting {
namespace {

using nlohmann::json;

constexpr WallTime kStart{
    std::chrono::milliseconds(1'700'000'000'123)};  // 2023-11-14T22:13:20.123Z

NotifiedAlert alert(const std::string& node, bool firing) {
  NotifiedAlert notified;
  notified.alert.labels = {{"alertname", "NodeFailed"}, {"node", node}};
  notified.alert.annotations = {{"summary", "node " + node + " failed"}, {"runbook", "same"}};
  notified.alert.starts_at = kStart;
  notified.fingerprint = fingerprint(notified.alert.labels);
  notified.firing = firing;
  notified.ends_at = firing ? WallTime{} : kStart + std::chrono::minutes(1);
  return notified;
}

Notification notification(std::vector<NotifiedAlert> alerts) {
  Notification out;
  out.receiver = "ops";
  out.group_labels = {{"alertname", "NodeFailed"}};
  out.group_key = group_key(out.group_labels);
  out.alerts = std::move(alerts);
  out.external_url = "http://127.0.0.1:7948";
  return out;
}

TEST(PayloadTest, HasExactlyTheShapeOfVersion4) {
  const json body = json::parse(to_json(notification({alert("n1", true), alert("n2", false)})));
  EXPECT_EQ(body, json::parse(R"({
    "version": "4", "receiver": "ops", "status": "firing",
    "groupKey": "{}:{alertname=\"NodeFailed\"}", "truncatedAlerts": 0,
    "externalURL": "http://127.0.0.1:7948",
    "groupLabels": {"alertname": "NodeFailed"},
    "commonLabels": {"alertname": "NodeFailed"},
    "commonAnnotations": {"runbook": "same"},
    "alerts": [
      {"status": "firing", "labels": {"alertname": "NodeFailed", "node": "n1"},
       "annotations": {"summary": "node n1 failed", "runbook": "same"},
       "startsAt": "2023-11-14T22:13:20.123Z", "endsAt": "0001-01-01T00:00:00Z",
       "generatorURL": "http://127.0.0.1:7948", "fingerprint": ")" +
                              alert("n1", true).fingerprint + R"("},
      {"status": "resolved", "labels": {"alertname": "NodeFailed", "node": "n2"},
       "annotations": {"summary": "node n2 failed", "runbook": "same"},
       "startsAt": "2023-11-14T22:13:20.123Z", "endsAt": "2023-11-14T22:14:20.123Z",
       "generatorURL": "http://127.0.0.1:7948", "fingerprint": ")" +
                              alert("n2", true).fingerprint + R"("}]})"));
}

TEST(PayloadTest, IsResolvedOnlyWhenNothingFires) {
  const json body = json::parse(to_json(notification({alert("n1", false), alert("n2", false)})));
  EXPECT_EQ(body["status"], "resolved");
}

TEST(PayloadTest, ObjectsAreEmptyAndNeverNull) {
  NotifiedAlert bare;
  Notification none = notification({bare});
  none.group_labels.clear();
  const json body = json::parse(to_json(none));
  for (const char* key : {"groupLabels", "commonLabels", "commonAnnotations"}) {
    EXPECT_EQ(body[key], json::object()) << key;
  }
  EXPECT_EQ(body["alerts"][0]["labels"], json::object());
  EXPECT_EQ(body["alerts"][0]["annotations"], json::object());
}

TEST(PayloadTest, BytesThatAreNotUtf8DoNotSpoilIt) {
  NotifiedAlert broken = alert("n1", true);
  broken.alert.labels["zone"] = "a\xff\"b\n";
  EXPECT_TRUE(json::accept(to_json(notification({broken}))));
}

TEST(PayloadTest, TimesBeforeTheEpochAndLeapDaysAreWrittenRight) {
  EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(WallTime{std::chrono::milliseconds(-1)}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339(WallTime{std::chrono::seconds(951'782'400)}), "2000-02-29T00:00:00.000Z");
}

TEST(PayloadTest, TheIdempotencyKeyIsOfWhatIsToldAndNotOfHow) {
  const Notification one = notification({alert("n1", true)});
  const std::string key = idempotency_key(one, {});
  EXPECT_EQ(key.size(), 16U);

  Notification same = one;
  same.alerts[0].alert.annotations["summary"] = "other words";
  EXPECT_EQ(idempotency_key(same, {}), key);

  EXPECT_NE(idempotency_key(one, kStart), key);  // a reminder
  EXPECT_NE(idempotency_key(notification({alert("n2", true)}), {}), key);
  EXPECT_NE(idempotency_key(notification({alert("n1", false)}), {}), key);
  Notification later = one;
  later.alerts[0].alert.starts_at += std::chrono::seconds(1);
  EXPECT_NE(idempotency_key(later, {}), key);
  Notification other = one;
  other.receiver = "dev";
  EXPECT_NE(idempotency_key(other, {}), key);
}

}  // namespace
}  // namespace muster::alerting
