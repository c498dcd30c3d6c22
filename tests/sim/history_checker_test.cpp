// A history that no single copy could have is found at the event that makes it one.
#include "history_checker.h"

#include <gtest/gtest.h>

namespace muster::sim {
namespace {

constexpr Instant kNow{std::chrono::seconds(7)};

struct History : testing::Test {
  [[nodiscard]] std::string rule() const { return found.empty() ? "" : found.all().front().rule; }
  void done(HostId host, std::uint64_t write, raft::Index index, raft::Term term = 1) {
    history.write_began(write);
    history.applied(host, index, term, write, index * 7, true, kNow);
  }

  Violations found;
  HistoryChecker history{first_names(3), found};
};

TEST_F(History, OfWritesAndReadsInTheirOrderIsFine) {
  done(0, 1, 5);
  history.read_began(2);
  done(0, 3, 6);
  history.read_done(0, 2, 5, kNow);
  history.read_began(4);
  history.read_done(0, 4, 6, kNow);
  history.applied(1, 5, 1, 1, 35, false, kNow);
  history.serves(1, 2, 6, kNow);
  EXPECT_EQ(rule(), "");
  EXPECT_EQ(history.acknowledged(), 2U);
  EXPECT_EQ(history.reads(), 2U);
}

TEST_F(History, AReadMayNotMissWhatWasAcknowledgedBeforeItBegan) {
  done(0, 1, 5);
  history.read_began(2);
  history.read_done(1, 2, 4, kNow);
  EXPECT_EQ(rule(), "reads are linearizable");
}

TEST_F(History, ReadsDoNotGoBack) {
  history.read_began(1);
  history.read_done(0, 1, 9, kNow);
  history.read_began(2);
  history.read_done(1, 2, 8, kNow);
  EXPECT_EQ(rule(), "reads are linearizable");
}

TEST_F(History, AWriteComesBehindWhatWasKnownWhenItBegan) {
  done(0, 1, 5);
  done(1, 2, 4);
  EXPECT_NE(rule(), "");
}

TEST_F(History, WhatWasRefusedMayNotBeDone) {
  history.write_began(1);
  history.write_failed(0, 1, Code::Unavailable, kNow);
  history.applied(1, 5, 1, 1, 35, false, kNow);
  EXPECT_EQ(rule(), "what was refused is not done");
}

TEST_F(History, WhatIsUnknownMay) {
  history.write_began(1);
  history.write_failed(0, 1, Code::Unknown, kNow);
  history.applied(1, 5, 1, 1, 35, false, kNow);
  EXPECT_EQ(rule(), "");
}

TEST_F(History, AWriteIsDoneOnceAndAnsweredOnce) {
  done(0, 1, 5);
  history.applied(0, 6, 1, 1, 42, false, kNow);
  EXPECT_EQ(rule(), "a write is done once");
  Violations twice;
  HistoryChecker other{first_names(3), twice};
  other.write_began(1);
  other.applied(0, 5, 1, 1, 35, true, kNow);
  other.write_failed(0, 1, Code::Unknown, kNow);
  ASSERT_FALSE(twice.empty());
  EXPECT_EQ(twice.all().front().rule, "one answer a request");
}

TEST_F(History, AllApplyTheSame) {
  done(0, 1, 5);
  history.applied(1, 5, 1, 2, 36, false, kNow);
  EXPECT_EQ(rule(), "all apply the same");
}

TEST_F(History, WhoServesKnowsWhatWasAcknowledgedUpToItsTerm) {
  done(0, 1, 5, 3);
  history.serves(1, 2, 4, kNow);
  EXPECT_EQ(rule(), "") << "it was deposed and does not know yet";
  history.serves(2, 4, 4, kNow);
  EXPECT_EQ(rule(), "an acknowledged write is never lost");
}

}  // namespace
}  // namespace muster::sim
