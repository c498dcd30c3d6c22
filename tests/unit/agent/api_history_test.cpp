#include "agent/api_history.h"

#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace muster::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

Result<HistoryQuery> asked(const std::string& raw) {
  return history_query(Query::parse(raw).value());
}

Code refused(const std::string& raw) {
  const auto query = asked(raw);
  EXPECT_FALSE(query) << raw;
  return query ? Code::Internal : query.error().code;
}

TEST(ApiHistory, SeveralSeriesAreReadAtOnceUntilNow) {
  const auto query = asked("series=cpu_busy,network_receive:eth0&since=2h&step=1m");
  ASSERT_TRUE(query) << query.error().text;
  EXPECT_EQ(query->series, (std::vector<std::string>{"cpu_busy", "network_receive:eth0"}));
  EXPECT_EQ(query->since, Duration(hours(2)));
  EXPECT_EQ(query->step, Duration(seconds(60)));
  EXPECT_EQ(asked("series=load1")->since, Duration(hours(1)));
}

TEST(ApiHistory, WhatIsUnknownOrTooMuchIsRefused) {
  EXPECT_EQ(refused("series=nothing"), Code::NotFound);
  EXPECT_EQ(refused(""), Code::InvalidArgument);
  EXPECT_EQ(refused("series=load1,,load5"), Code::InvalidArgument);
  EXPECT_EQ(refused("series=load1&since=yesterday"), Code::InvalidArgument);
  EXPECT_EQ(refused("series=load1&step=1ms"), Code::InvalidArgument);
  EXPECT_EQ(refused("series=load1&since=744h&step=1s"), Code::InvalidArgument);
  std::string many = "series=load1";
  for (std::size_t i = 0; i < kHistorySeriesMax; ++i) many += ",load1";
  EXPECT_EQ(refused(many), Code::InvalidArgument);
}

TEST(ApiHistory, AStepFitsTheTimeThatIsAskedFor) {
  EXPECT_EQ(fitting_step(hours(1), seconds(10)), Duration(seconds(10)));
  EXPECT_EQ(fitting_step(hours(24), seconds(10)), Duration(seconds(60)));
  EXPECT_EQ(fitting_step(hours(48), seconds(10)), Duration(seconds(120)));
  EXPECT_EQ(fitting_step(hours(1), seconds(300)), Duration(seconds(300)));
}

TEST(ApiHistory, GapsAreNullAndNumbersHaveNoMoreDigitsThanWereMeasured) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  HistoryRead read;
  read.now = WallTime(milliseconds(1'700'000'025'000));
  read.from = WallTime(milliseconds(1'700'000'000'000));
  read.step = read.interval = seconds(10);
  read.series = {{"load1", "", {{0.1F, none, 2}, {0.1F, none, 1}, {0.1F, none, 1e9F}}},
                 {"forks", "1/s", {{}, {}, {}}}};
  const ApiResponse response = history_response("n1", read);
  EXPECT_NE(response.body.find("[0.1,null,2]"), std::string::npos) << response.body;
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body["node"], "n1");
  EXPECT_EQ(body["from_ms"], 1'700'000'000'000);
  EXPECT_EQ(body["series"][0]["name"], "load1");
  EXPECT_EQ(body["series"][0]["high"][2], 1e9);
  EXPECT_EQ(body["series"][1]["unit"], "1/s");
  EXPECT_TRUE(body["series"][1]["mean"].empty());
}

TEST(ApiHistory, TheListNamesUnits) {
  const auto body = nlohmann::json::parse(series_response("n1", {"disk_read:sda", "load1"}).body);
  EXPECT_EQ(body["series"][0]["unit"], "bytes/s");
  EXPECT_EQ(body["series"][1]["name"], "load1");
}

}  // namespace
}  // namespace muster::agent
