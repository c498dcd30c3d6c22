#include "agent/metrics_config.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

std::vector<std::string> complaints(const MetricsConfig& config) {
  std::vector<std::string> out;
  for (const Problem& problem : problems(config)) out.push_back(to_error(problem).text);
  return out;
}

TEST(MetricsConfig, TheDefaultsAreWell) { EXPECT_EQ(complaints({}), std::vector<std::string>{}); }

TEST(MetricsConfig, DevicesAreIncludedOrExcludedNotBoth) {
  MetricsConfig config;
  config.diskstats.include = "^sd";
  config.netdev = {"^eth", "^lo$"};
  EXPECT_EQ(complaints(config),
            (std::vector<std::string>{
                "metrics.diskstats: device_include and device_exclude exclude each other, and the "
                "latter has a default: set one of them to \"\"",
                "metrics.netdev: device_include and device_exclude exclude each other: set one of "
                "them to \"\""}));
  config.diskstats.exclude.clear();
  config.netdev.include.clear();
  EXPECT_TRUE(complaints(config).empty());
}

TEST(MetricsConfig, AnUnknownCollectorIsNamedWithThoseThatThereAre) {
  MetricsConfig config;
  config.enable = {"cpu"};
  config.disable = {"cpus"};
  const auto found = complaints(config);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("metrics.disable[0]: \"cpus\" is no collector; there are "))
      << found[0];
  EXPECT_NE(found[0].find("meminfo"), std::string::npos);
}

TEST(MetricsConfig, WhatIsEnabledCannotBeDisabled) {
  MetricsConfig config;
  config.enable = config.disable = {"cpu"};
  EXPECT_EQ(complaints(config),
            (std::vector<std::string>{"metrics.enable: \"cpu\" is disabled too"}));
}

TEST(MetricsConfig, PathsAreAbsoluteAndADeadlineIsBetweenMillisecondsAndAMinute) {
  MetricsConfig config;
  config.procfs = "proc";
  config.textfile_directory = "textfiles";
  config.deadline = std::chrono::milliseconds(9);
  config.compat = "1.4";
  EXPECT_EQ(
      complaints(config),
      (std::vector<std::string>{
          "metrics.procfs: \"proc\" is not an absolute path",
          "metrics.deadline: 9ms is not between 10ms and 1m", "metrics.compat: \"1.4\" is not 1.5",
          "metrics.textfile.directory: \"textfiles\" is not an absolute path"}));
}

TEST(MetricsConfig, ThoseRunThatRunByDefaultOrAreEnabledAndAreNotDisabled) {
  const std::vector<collector::Collector> all{
      {"a", true, {}}, {"b", false, {}}, {"c", true, {}}, {"d", false, {}}};
  const auto names = [&](const MetricsConfig& config) {
    std::string out;
    for (const collector::Collector& one : chosen(all, config)) out += one.name;
    return out;
  };
  MetricsConfig config;
  EXPECT_EQ(names(config), "ac");
  config.enable = {"d"};
  config.disable = {"a"};
  EXPECT_EQ(names(config), "cd");
}

}  // namespace
}  // namespace muster::agent
