#include "agent/re2_filters.h"

#include <gtest/gtest.h>

#include "agent/yaml_config.h"

namespace muster::agent {
namespace {

using collector::kept;

TEST(Patterns, TheDefaultsKeepWhatNodeExportersDo) {
  const auto options = collector_options({});
  ASSERT_TRUE(options) << options.error().text;
  EXPECT_TRUE(kept(options->disk_devices, "sda"));
  EXPECT_TRUE(kept(options->disk_devices, "nvme0n1"));
  EXPECT_TRUE(kept(options->disk_devices, "dm-0"));
  for (const char* name : {"sda1", "nvme0n1p2", "loop7", "ram0", "vdb3"}) {
    EXPECT_FALSE(kept(options->disk_devices, name)) << name;
  }
  EXPECT_TRUE(kept(options->mount_points, "/"));
  EXPECT_TRUE(kept(options->mount_points, "/system"));
  for (const char* path : {"/sys", "/proc/fs", "/var/lib/docker/overlay2/x/merged"}) {
    EXPECT_FALSE(kept(options->mount_points, path)) << path;
  }
  EXPECT_TRUE(kept(options->fs_types, "ext4"));
  EXPECT_FALSE(kept(options->fs_types, "cgroup2"));
  EXPECT_TRUE(kept(options->netdev_devices, "lo"));
  EXPECT_TRUE(kept(options->netclass_devices, "lo"));
  EXPECT_TRUE(kept(options->netstat_fields, "Tcp_RetransSegs"));
  EXPECT_FALSE(kept(options->netstat_fields, "Tcp_RtoMin"));
  EXPECT_TRUE(kept(options->vmstat_fields, "pgmajfault"));
  EXPECT_FALSE(kept(options->vmstat_fields, "nr_free_pages"));
}

TEST(Patterns, AreSearchedForAndNotMatchedWhole) {
  MetricsConfig config;
  config.netdev.include = "th";
  const auto options = collector_options(config);
  ASSERT_TRUE(options);
  EXPECT_TRUE(kept(options->netdev_devices, "eth0"));
  EXPECT_FALSE(kept(options->netdev_devices, "lo"));
}

TEST(Patterns, ThoseOfUnitsAreMatchedWhole) {
  const auto defaults = collector_options({});
  ASSERT_TRUE(defaults);
  EXPECT_TRUE(kept(defaults->systemd_units, "cron.service"));
  EXPECT_TRUE(kept(defaults->systemd_units, "my.device-watch.service"));
  EXPECT_FALSE(kept(defaults->systemd_units, "dev-sda.device"));
  MetricsConfig config;
  config.systemd = {"cron|ssh", "ssh"};
  const auto options = collector_options(config);
  ASSERT_TRUE(options);
  EXPECT_TRUE(kept(options->systemd_units, "cron"));
  EXPECT_FALSE(kept(options->systemd_units, "cron.service"));
  EXPECT_FALSE(kept(options->systemd_units, "ssh"));
}

TEST(Patterns, OneThatIsNoneIsRefusedByName) {
  EXPECT_TRUE(check_pattern(""));
  EXPECT_TRUE(check_pattern("^(a|b)+$"));
  const Status status = check_pattern("^(a|b");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text, "\"^(a|b\" is no regular expression of RE2: \"missing ): ^(a|b\"");
  MetricsConfig config;
  config.vmstat_fields = "[";
  EXPECT_FALSE(collector_options(config));
}

// What would keep a backtracking matcher busy for years.
TEST(Patterns, NoPatternTakesLong) {
  MetricsConfig config;
  config.fs_types_exclude = "^(a+)+$";
  const auto options = collector_options(config);
  ASSERT_TRUE(options);
  EXPECT_TRUE(kept(options->fs_types, std::string(100'000, 'a') + "b"));
}

TEST(Patterns, AreProblemsOfTheConfigurationWithTheirPlace) {
  const auto config = parse_config(
      "node: {name: n}\nmasters: [{name: n, rpc: '127.0.0.1:7947'}]\n"
      "metrics:\n  diskstats:\n    device_exclude: '('\n  enable: [nothing]\n",
      "muster.yaml");
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().text.starts_with("muster.yaml:5:21: metrics.diskstats.device_exclude"))
      << config.error().text;
}

}  // namespace
}  // namespace muster::agent
