#include "agent/clock_watch.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + hours(8);

ClockReading master(const NodeName& name, Duration ahead = {}) {
  return {name, true, kNow + std::chrono::duration_cast<std::chrono::milliseconds>(ahead), kNow};
}
ClockReading agent(const NodeName& name, Duration ahead = {}) {
  ClockReading made = master(name, ahead);
  made.master = false;
  return made;
}

struct Watch : testing::Test {
  ClockWatch watch;
  // Every line that is said of these.
  std::string said(const std::vector<ClockReading>& readings) {
    std::string lines;
    for (const Notice& notice : watch.look(readings)) lines += notice.text + "\n";
    return lines;
  }
};

TEST_F(Watch, NothingIsSaidOfClocksThatAgree) {
  EXPECT_EQ(said({master("n2", minutes(29)), agent("a1", -minutes(29))}), "");
}

TEST_F(Watch, OneLineWhenAClockBeginsToDifferAndOneWhenItAgreesAgain) {
  const std::string begins = said({master("n2"), agent("a1", hours(24))});
  for (const char* part : {"the clock of a1 is 24 h 0 min ahead of this coordinator's",
                           "2026-11-22T08:00:00Z there", "timedatectl"}) {
    EXPECT_NE(begins.find(part), std::string::npos) << begins;
  }
  EXPECT_EQ(said({master("n2"), agent("a1", hours(24))}), "");
  EXPECT_EQ(said({master("n2"), agent("a1", minutes(25))}), "");  // not quite yet
  EXPECT_EQ(said({master("n2"), agent("a1")}),
            "the clock of a1 agrees with this coordinator's again\n");
  EXPECT_EQ(said({master("n2"), agent("a1")}), "");
}

TEST_F(Watch, WhenMostMastersDifferItIsTheOwnClockThatIsWrongAndNothingIsSaidOfTheOthers) {
  const std::vector<ClockReading> all{master("n2", -hours(24)), master("n3", -hours(24)),
                                      agent("a1", -hours(24))};
  const std::string begins = said(all);
  for (const char* part : {"own clock is wrong", "it says 2026-11-21T08:00:00Z",
                           "n2, whose clock says 2026-11-20T08:00:00Z", "timedatectl"}) {
    EXPECT_NE(begins.find(part), std::string::npos) << begins;
  }
  EXPECT_EQ(begins.find("the clock of a1"), std::string::npos) << begins;
  EXPECT_TRUE(watch.own_is_wrong());
  EXPECT_EQ(said(all), "");
  EXPECT_EQ(said({master("n2"), master("n3"), agent("a1")}),
            "this coordinator's clock is right again\n");
  EXPECT_FALSE(watch.own_is_wrong());
}

TEST_F(Watch, OneOfTwoMastersOrAnyNumberOfAgentsAreNoMajority) {
  said({master("n2", hours(24))});
  EXPECT_FALSE(watch.own_is_wrong());
  said({agent("a1", hours(24)), agent("a2", hours(24)), agent("a3", hours(24))});
  EXPECT_FALSE(watch.own_is_wrong());
  said({master("n2", hours(24)), master("n3")});
  EXPECT_FALSE(watch.own_is_wrong());
}

TEST_F(Watch, OfManyAFewAreNamedAndTheOthersCounted) {
  std::vector<ClockReading> readings;
  for (int i = 0; i < 1000; ++i) readings.push_back(agent("a" + std::to_string(i), hours(24)));
  EXPECT_EQ(watch.look(readings).size(), 11U);
  EXPECT_EQ(watch.look(readings).size(), 0U);
}

TEST_F(Watch, OneThatIsGoneIsForgotten) {
  EXPECT_NE(said({agent("a1", hours(24))}), "");
  EXPECT_EQ(said({}), "");
  EXPECT_NE(said({agent("a1", hours(24))}), "");
}

}  // namespace
}  // namespace muster::agent
