#include "agent/top_frame.h"

#include <limits>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();

TopState cluster_of(std::size_t nodes) {
  TopState state;
  state.node = "n1";
  state.cluster = "east";
  state.coordinator = "n2";
  state.own["cpu_busy"] = std::vector<float>(60, 0.123F);
  for (std::size_t i = 1; i <= nodes; ++i) {
    TopNode node;
    node.name = "n" + std::to_string(i);
    node.state = "alive";
    node.series["cpu_busy"] = std::vector<float>(60, 0.5F);
    node.series["memory_used"] = {0.25F};
    node.series["load1"] = {1.5F};
    node.series["network_receive_total"] = {2048};
    state.nodes.push_back(node);
  }
  return state;
}

bool has(const std::vector<std::string>& lines, const std::string& part) {
  for (const std::string& line : lines) {
    if (line.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(TopFrame, FitsItsTerminalWhateverItsSizeIs) {
  for (const std::size_t columns : {1U, 20U, 40U, 80U, 200U}) {
    for (const std::size_t rows : {1U, 5U, 12U, 24U, 60U}) {
      const auto lines = top_lines(cluster_of(40), columns, rows, false);
      EXPECT_LE(lines.size(), rows);
      for (const std::string& line : lines) EXPECT_LE(line.size(), columns) << line;
    }
  }
}

TEST(TopFrame, ShowsTheNodeItselfAndAllMembersThatThereIsRoomFor) {
  const auto lines = top_lines(cluster_of(40), 80, 24, false);
  EXPECT_EQ(lines.size(), 24U);
  EXPECT_TRUE(has(lines, "n1 of cluster east, coordinator n2"));
  EXPECT_TRUE(has(lines, "cpu      12.3 %"));
  EXPECT_TRUE(has(lines, "n12               alive   50.0 % 25.0 %  1.50 2.00 KiB/s"));
  EXPECT_FALSE(has(lines, "n13 "));
  EXPECT_TRUE(has(lines, "40 nodes, 40 alive"));
  EXPECT_EQ(top_rows(24), 12U);
}

TEST(TopFrame, ScrollsToTheOthers) {
  TopState state = cluster_of(40);
  state.first = 30;
  const auto lines = top_lines(state, 80, 24, false);
  EXPECT_TRUE(has(lines, "n31 "));
  EXPECT_TRUE(has(lines, "n40 "));
  EXPECT_FALSE(has(lines, "n1  "));
}

TEST(TopFrame, WhatIsNotKnownOrTooOldIsADash) {
  TopState state = cluster_of(1);
  state.nodes[0].series["cpu_busy"] = {0.9F, kNone, kNone, kNone};
  state.nodes[0].series.erase("load1");
  EXPECT_TRUE(
      has(top_lines(state, 80, 24, false), "n1                alive        - 25.0 %     -"));
  state.nodes[0].series["cpu_busy"] = {0.9F, kNone, kNone};
  EXPECT_TRUE(has(top_lines(state, 80, 24, false), "n1                alive   90.0 %"));
}

TEST(TopFrame, OutsideTextDoesNotMoveTheCursor) {
  TopState state = cluster_of(1);
  state.nodes[0].name = "a\x1b[2Jb";
  state.cluster = "c\n\td";
  state.trouble = "e\x1b]0;f\a";
  for (const std::string& line : top_lines(state, 80, 24, true)) {
    for (const char c : line) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20) << line;
  }
}

}  // namespace
}  // namespace muster::agent
