#include "alerting/alert.h"

#include <gtest/gtest.h>

namespace muster::alerting {
namespace {

TEST(AlertTest, TheFingerprintIsAlertmanagers) {
  EXPECT_EQ(fingerprint({{"alertname", "LabUp"},
                         {"instance", "127.0.0.1:19101"},
                         {"job", "node_r"},
                         {"severity", "warning"}}),
            "8fe8a73cf902555d");
}

TEST(AlertTest, TheFingerprintKeepsNamesAndValuesApart) {
  EXPECT_NE(fingerprint({{"a", "bc"}}), fingerprint({{"ab", "c"}}));
  EXPECT_EQ(fingerprint({}), "cbf29ce484222325");
}

TEST(AlertTest, AGroupHasOnlyTheLabelsThatAreThere) {
  const Labels labels{{"alertname", "NodeFailed"}, {"node", "n1"}};
  EXPECT_EQ(group_labels(labels, {"alertname", "zone"}), (Labels{{"alertname", "NodeFailed"}}));
  EXPECT_EQ(group_labels(labels, {}), Labels{});
}

TEST(AlertTest, TheGroupKeyIsWrittenAsAlertmanagerDoes) {
  EXPECT_EQ(group_key({{"alertname", "LabUp"}, {"job", "x"}}),
            R"({}:{alertname="LabUp", job="x"})");
  EXPECT_EQ(group_key({}), "{}:{}");
  EXPECT_EQ(group_key({{"a", "\"\\\n\x01"}}), R"({}:{a="\"\\\n\x01"})");
}

TEST(AlertTest, HexadecimalDigitsAreSixteen) {
  EXPECT_EQ(hex16(0), "0000000000000000");
  EXPECT_EQ(hex16(0x0123456789abcdef), "0123456789abcdef");
}

}  // namespace
}  // namespace muster::alerting
