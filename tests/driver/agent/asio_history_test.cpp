#include "agent/asio_history.h"

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <filesystem>
#include <optional>
#include <thread>

#include <asio/post.hpp>
#include <gtest/gtest.h>

#include "tests/driver/agent/civetweb_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class AsioHistoryTest : public testing::Test {
 protected:
  AsioHistoryTest() { options_.interval = milliseconds(5); }
  ~AsioHistoryTest() override { stop(); }

  void start() {
    io_.emplace(1);
    history_ = std::make_unique<AsioHistory>(
        *io_, collector::SqliteHistory(path_, options_), options_,
        [this](WallTime at) { return collect(at); },
        [this](const collector::HistoryNotice& notice) {
          const std::lock_guard lock(mutex_);
          notices_.push_back(notice.text);
        });
    history_->start();
    thread_ = std::thread([this] { io_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    let_go();
    io_->stop();
    thread_.join();
    history_->stop();
    history_.reset();
  }
  Families collect(WallTime at) {
    std::unique_lock lock(mutex_);
    ++collections_;
    collected_at_ = at;
    released_.wait(lock, [this] { return !held_; });
    return {{"node_load1", "", MetricType::Gauge, {{{}, 1.5}}}};
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    released_.notify_all();
  }
  int collections() {
    const std::lock_guard lock(mutex_);
    return collections_;
  }
  // How many of the seconds of the last ten minutes have a value.
  std::size_t values() {
    const auto read = history_->read({{"load1"}, minutes(10), seconds(1)});
    if (!read) return 0;
    std::size_t count = 0;
    for (const float value : read->series.at(0).column.mean) count += std::isnan(value) ? 0 : 1;
    return count;
  }

  TempDir dir_;
  std::string path_ = dir_.file("history.db");
  collector::HistoryOptions options_;
  std::optional<asio::io_context> io_;  // a new one with each start
  std::mutex mutex_;
  std::condition_variable released_;
  bool held_ = false;
  int collections_ = 0;
  WallTime collected_at_{};
  std::vector<std::string> notices_;
  std::unique_ptr<AsioHistory> history_;
  std::thread thread_;
};

TEST_F(AsioHistoryTest, WhatIsMeasuredIsReadAtOnceAndAfterARestart) {
  start();
  EXPECT_TRUE(eventually([this] { return values() > 0; }));
  EXPECT_EQ(history_->series().value(), std::set<std::string>{"load1"});
  stop();
  hold();
  start();
  EXPECT_TRUE(eventually([this] { return collections() > 0; }));
  // What was written is found once the file is open, which the first measurement sees to.
  let_go();
  EXPECT_TRUE(eventually([this] { return values() > 0; }));
  stop();
  EXPECT_TRUE(notices_.empty());
}

TEST_F(AsioHistoryTest, AMeasurementThatHangsIsNotBegunAgainAndHoldsUpNobody) {
  hold();
  start();
  EXPECT_TRUE(eventually([this] { return collections() == 1; }));
  std::atomic<int> turns = 0;
  asio::steady_timer timer(*io_);
  std::function<void()> turn = [&] {
    timer.expires_after(milliseconds(5));
    timer.async_wait([&](const asio::error_code& error) {
      if (error) return;
      ++turns;
      turn();
    });
  };
  asio::post(*io_, turn);
  EXPECT_TRUE(eventually([&] { return turns >= 10; }));
  EXPECT_EQ(collections(), 1);
  EXPECT_EQ(values(), 0U);
  let_go();
  EXPECT_TRUE(eventually([this] { return collections() > 2; }));
  stop();
}

TEST_F(AsioHistoryTest, WhatIsToSurviveACrashIsMeasuredAndWrittenAtOnce) {
  options_.interval = minutes(10);
  start();
  EXPECT_TRUE(eventually([this] { return collections() == 1; }));
  EXPECT_TRUE(eventually([this] { return values() > 0; }));
  asio::post(*io_, [this] { history_->hurry(); });
  EXPECT_TRUE(eventually([this] { return collections() == 2; }));
  asio::post(*io_, [this] { history_->hurry(); });  // a second after the last
  EXPECT_TRUE(eventually([this] { return collections() == 3; }));
  hold();  // what is measured now is not written any more
  asio::post(*io_, [this] { history_->hurry(); });
  EXPECT_TRUE(eventually([this] { return collections() == 4; }));
  // As a crash leaves it: nothing is written or folded in after this.
  const std::string copy = dir_.file("copy.db");
  for (const char* part : {"", "-wal"}) std::filesystem::copy_file(path_ + part, copy + part);
  const auto point = collector::SqliteHistory(copy, options_).newest("load1").value();
  ASSERT_TRUE(point);
  EXPECT_GE(collected_at_ - point->at, milliseconds(900));
  EXPECT_LE(collected_at_ - point->at, seconds(10));
  EXPECT_EQ(point->value, 1.5F);
  stop();
}

TEST_F(AsioHistoryTest, ADeviceOfWhichNothingIsRecordedIsNoneAndAKindWithoutValuesIsEmpty) {
  start();
  EXPECT_TRUE(eventually([this] { return values() > 0; }));
  const auto device = history_->read({{"disk_busy:typo"}, minutes(10), seconds(1)});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, Code::NotFound);
  EXPECT_NE(device.error().text.find("disk_busy:typo"), std::string::npos);
  EXPECT_TRUE(history_->read({{"cpu_busy"}, minutes(10), seconds(1)}));
}

TEST_F(CivetwebServerTest, ANodeWithoutAHistorySaysHowToHaveOne) {
  open();
  const HttpOutcome outcome = ask("GET", "/v1/history?series=load1");
  EXPECT_EQ(outcome.status, 404);
  EXPECT_NE(outcome.body.find("history.interval"), std::string::npos) << outcome.body;
  EXPECT_EQ(ask("GET", "/v1/history/series").status, 404);
}

TEST_F(CivetwebServerTest, AHistoryIsAskedForWhatTheRequestNames) {
  ports_.history = [](const HistoryQuery& query) -> Result<HistoryRead> {
    if (query.step == Duration::zero()) return fail(Code::DataLoss, "the history is damaged");
    HistoryRead read;
    read.series.push_back({query.series.at(0), "ratio", {{0.5F}, {0.25F}, {1}}});
    return read;
  };
  open();
  const HttpOutcome outcome = ask("GET", "/v1/history?series=filesystem_used:%2Fvar&step=1m");
  EXPECT_EQ(outcome.status, 200);
  EXPECT_NE(outcome.body.find("\"filesystem_used:/var\""), std::string::npos) << outcome.body;
  EXPECT_EQ(ask("GET", "/v1/history?series=load1").status, 500);
  EXPECT_EQ(ask("GET", "/v1/history?series=load1&series=load5").status, 400);
}

}  // namespace
}  // namespace muster::agent
