#include "alerting/silences.h"

#include <gtest/gtest.h>

namespace muster::alerting {
namespace {

using std::chrono::hours;

constexpr WallTime kNow{std::chrono::hours(1000)};

SilenceRecord silence(std::vector<Matcher> matchers) {
  return {.matchers = std::move(matchers),
          .starts = kNow - hours(1),
          .ends = kNow + hours(1),
          .created_by = {},
          .comment = {}};
}
const Labels kFailed{{"alertname", "NodeFailed"}, {"node", "w17"}};

TEST(Silences, AStarStandsForAnyText) {
  EXPECT_TRUE(like("w17", "w17"));
  EXPECT_TRUE(like("w17", "*"));
  EXPECT_TRUE(like("", "*"));
  EXPECT_TRUE(like("w17", "w*"));
  EXPECT_TRUE(like("w17", "*7"));
  EXPECT_TRUE(like("abcbcd", "a*bc*d"));
  EXPECT_TRUE(like("aaab", "*a*b"));
  EXPECT_TRUE(like("w17", "w*1*7**"));
  EXPECT_FALSE(like("w17", "w"));
  EXPECT_FALSE(like("w", "w1"));
  EXPECT_FALSE(like("", "a"));
  EXPECT_FALSE(like("abc", "*b"));
  EXPECT_FALSE(like("w17", "W*"));
  EXPECT_FALSE(like("w.7", "w?7"));
}

// What would take for ever by trying every way.
TEST(Silences, ManyStarsCostNoMoreThanFew) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_FALSE(like(std::string(1000, 'a') + "b", pattern + "c"));
}

TEST(Silences, AllMatchersMustMatch) {
  EXPECT_TRUE(matches(silence({{"node", MatchKind::Equal, "w17"}}), kFailed));
  EXPECT_TRUE(matches(
      silence({{"node", MatchKind::Like, "w*"}, {"alertname", MatchKind::NotEqual, "QuorumLost"}}),
      kFailed));
  EXPECT_FALSE(matches(silence({{"node", MatchKind::Equal, "w17"},
                                {"alertname", MatchKind::NotEqual, "NodeFailed"}}),
                       kFailed));
  EXPECT_FALSE(matches(silence({{"node", MatchKind::NotLike, "w*"}}), kFailed));
}

TEST(Silences, AMissingLabelIsEmptyAndNoMatchersMatchNothing) {
  EXPECT_TRUE(matches(silence({{"zone", MatchKind::Equal, ""}}), kFailed));
  EXPECT_TRUE(matches(silence({{"zone", MatchKind::NotEqual, "a"}}), kFailed));
  EXPECT_FALSE(matches(silence({{"zone", MatchKind::Equal, "a"}}), kFailed));
  EXPECT_FALSE(matches(silence({}), kFailed));
}

TEST(Silences, MuteFromTheirStartUntilTheirEnd) {
  const std::map<std::string, SilenceRecord> silences{
      {"s", silence({{"node", MatchKind::Equal, "w17"}})}};
  EXPECT_EQ(silenced_by(silences, kFailed, kNow), "s");
  EXPECT_EQ(silenced_by(silences, kFailed, kNow - hours(1)), "s");
  EXPECT_EQ(silenced_by(silences, kFailed, kNow - hours(2)), "");
  EXPECT_EQ(silenced_by(silences, kFailed, kNow + hours(1)), "");
  std::vector<Alert> alerts{{.labels = kFailed, .annotations = {}},
                            {.labels = {{"node", "w18"}}, .annotations = {}}};
  mute(alerts, silences, kNow);
  EXPECT_TRUE(alerts[0].muted);
  EXPECT_FALSE(alerts[1].muted);
  mute(alerts, silences, kNow + hours(1));
  EXPECT_FALSE(alerts[0].muted);
}

}  // namespace
}  // namespace muster::alerting
