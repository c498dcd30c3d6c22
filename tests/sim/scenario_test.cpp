// Every script does what it says, and a wrong one is refused with its line.
#include "scenario.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::sim {
namespace {

std::vector<std::string> scripts() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(SCENARIOS)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Script : public testing::TestWithParam<std::string> {};

TEST_P(Script, DoesWhatItSays) {
  const Result<Scenario> scenario =
      read_scenario(std::string(SCENARIOS) + "/" + GetParam() + ".txt");
  ASSERT_TRUE(scenario.has_value()) << scenario.error().text;
  for (const std::uint64_t seed : {scenario->seed, std::uint64_t{2}, std::uint64_t{3}}) {
    const ScenarioReport report = run_scenario(*scenario, seed);
    EXPECT_EQ(report.failure, "") << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Script, testing::ValuesIn(scripts()),
                         [](const auto& script) { return script.param; });

std::string refusal_of(const std::string& text) {
  const Result<Scenario> scenario = parse_scenario("a.txt", text);
  return scenario ? "" : scenario.error().text;
}

TEST(ScriptText, IsRefusedWithFileAndLine) {
  const std::string head = "# a comment\nnodes 5 masters 3\n";
  EXPECT_EQ(refusal_of(head + "start all\n"), "");
  EXPECT_EQ(refusal_of(head + "kill n6"), "a.txt:3: there is no node \"n6\": there are n1 to n5");
  EXPECT_EQ(refusal_of(head + "\nloss 120%"), "a.txt:4: \"120%\" is no percentage: 0% to 100%");
  EXPECT_EQ(refusal_of(head + "expect n1 dead at all"),
            "a.txt:3: \"dead\" is no state: alive, suspect, failed or left");
  EXPECT_TRUE(refusal_of(head + "explode n1").starts_with("a.txt:3: no such line; there are: "));
  EXPECT_TRUE(refusal_of(head + "expect rain").starts_with("a.txt:3: no such condition; "));
  EXPECT_TRUE(refusal_of(head + "at soon kill n1").starts_with("a.txt:3: "));
  EXPECT_TRUE(refusal_of(head + "at 5s").starts_with("a.txt:3: "));
  EXPECT_TRUE(refusal_of("start all").starts_with("a.txt:1: it begins with"));
  EXPECT_TRUE(refusal_of("nodes 5 masters 2\nstart all").starts_with("a.txt:1: "));
  EXPECT_TRUE(refusal_of("nodes 5 masters 3").starts_with("a.txt:1: it does nothing"));
}

TEST(ScriptText, WhatIsNotAsExpectedIsToldWithFileAndLine) {
  const auto scenario = parse_scenario("a.txt",
                                       "nodes 3 masters 3\nstart all\nexpect agreement within 10s\n"
                                       "at 15s expect n2 failed at all within 1s\n");
  ASSERT_TRUE(scenario.has_value());
  const ScenarioReport report = run_scenario(*scenario);
  EXPECT_EQ(report.failure, "a.txt:4: expect n2 failed at all within 1s: n1 holds n2 alive");
  EXPECT_FALSE(report.tail.empty());
}

TEST(ScriptText, TimeDoesNotGoBack) {
  const auto scenario = parse_scenario("a.txt", "nodes 1 masters 1\nwait 5s\nat 2s start all\n");
  ASSERT_TRUE(scenario.has_value());
  EXPECT_EQ(run_scenario(*scenario).failure, "a.txt:3: start all: it is 5s already");
}

}  // namespace
}  // namespace muster::sim
