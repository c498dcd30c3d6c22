#include "agent/text_plot.h"

#include <limits>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr WallTime kFrom{milliseconds(1'700'000'000'000)};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> plotted(const std::vector<float>& mean, const std::vector<float>& low,
                                 const std::vector<float>& high, std::string_view unit = "") {
  return lines_of(plot_text({mean, low, high}, unit, kFrom, seconds(10), 80, 18));
}

TEST(ValueText, ThreeDigitsAndAUnitThatPeopleRead) {
  EXPECT_EQ(value_text(0.12345, "ratio"), "12.3 %");
  EXPECT_EQ(value_text(1, "ratio"), "100 %");
  EXPECT_EQ(value_text(0, "bytes"), "0 B");
  EXPECT_EQ(value_text(1536, "bytes"), "1.50 KiB");
  EXPECT_EQ(value_text(3e12, "bytes"), "2.73 TiB");
  EXPECT_EQ(value_text(2048, "bytes/s"), "2.00 KiB/s");
  EXPECT_EQ(value_text(12'345, "1/s"), "12.3k/s");
  EXPECT_EQ(value_text(-0.0021, "s"), "-2.10 ms");
  EXPECT_EQ(value_text(45.26, "celsius"), "45.3 C");
  EXPECT_EQ(value_text(1.255, ""), "1.25");
  EXPECT_EQ(value_text(static_cast<double>(kNone), ""), "-");
}

TEST(Sparkline, IsAsWideAsItIsToldAndShowsGapsAsBlanks) {
  EXPECT_EQ(sparkline({0, 0.5F, 1}, 3, 1, false), "_+#");
  EXPECT_EQ(sparkline({0, 4}, 4, 0, false), "  _#");
  EXPECT_EQ(sparkline({1, kNone, 1, 1}, 4, 1, false), "# ##");
  EXPECT_EQ(sparkline({0, 0, 1, 1}, 2, 1, false), "_#");
  EXPECT_EQ(sparkline({1}, 1, 1, true), "█");
  EXPECT_EQ(sparkline({}, 3, 1, true), "   ");
}

TEST(Plot, FitsItsLinesAndColumns) {
  const std::vector<float> values(300, 0.5F);
  const auto lines = plotted(values, values, values, "ratio");
  EXPECT_EQ(lines.size(), 18U);
  for (const std::string& line : lines) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_NE(lines[0].find("50.0 % +***"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[16].find_first_not_of(' '), 11U);
  EXPECT_NE(lines[17].find("22:13:20"), std::string::npos) << lines[17];
  EXPECT_TRUE(lines[17].ends_with("23:03:20")) << lines[17];
}

TEST(Plot, ShowsFromTheLowestToTheHighestAndGapsAsGaps) {
  std::vector<float> mean(68, 5);
  std::vector<float> low(68, 0);
  std::vector<float> high(68, 10);
  for (std::size_t i = 30; i < 40; ++i) mean[i] = low[i] = high[i] = kNone;
  const auto lines = plotted(mean, low, high);
  for (std::size_t row = 0; row < 16; ++row) {
    ASSERT_EQ(lines[row].size(), 80U) << row;
    EXPECT_NE(lines[row][12], ' ') << row;
    EXPECT_EQ(lines[row].substr(42, 10), std::string(10, ' ')) << row;
    EXPECT_NE(lines[row][52], ' ') << row;
  }
}

TEST(Plot, FewerPointsThanColumnsAreDrawnBroader) {
  const std::vector<float> values{0, 10};
  const auto lines = plotted(values, values, values);
  EXPECT_EQ(lines[0].substr(46), std::string(34, '*'));
  EXPECT_EQ(lines[15].substr(12), std::string(34, '*'));
}

TEST(Plot, WhatIsNothingOrAlwaysTheSameOrBelowZeroCanBeDrawn) {
  for (const float value : {0.0F, 7.0F, -3.0F, kNone, 1e30F}) {
    const std::vector<float> values(5, value);
    EXPECT_EQ(plotted(values, values, values).size(), 18U) << value;
  }
}

// A disk that fills by a thousandth of itself.
TEST(Plot, LabelsOfTheAxisTellItsRowsApart) {
  const std::vector<float> values{0.18402F, 0.18431F, 0.18466F, 0.18497F};
  std::set<std::string> labels;
  for (const std::string& line : plotted(values, values, values, "ratio")) {
    const std::size_t tick = line.find(" +");
    if (tick == std::string::npos || line.find('%') == std::string::npos) continue;
    EXPECT_EQ(tick, 10U) << line;
    EXPECT_TRUE(labels.insert(line.substr(0, tick)).second) << line;
  }
  EXPECT_EQ(labels.size(), 5U);
}

TEST(Plot, TheRangeLeavesGapsOut) {
  const PlotRange range = range_of({{1, kNone, 3}, {0, kNone, 2}, {5, kNone, 4}});
  EXPECT_EQ(range.points, 2U);
  EXPECT_EQ(range.low, 0);
  EXPECT_EQ(range.high, 5);
  EXPECT_EQ(range.mean, 2);
  EXPECT_EQ(range_of({{kNone}, {kNone}, {kNone}}).points, 0U);
}

}  // namespace
}  // namespace muster::agent
