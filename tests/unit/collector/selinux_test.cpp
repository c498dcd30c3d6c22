#include "collector/selinux.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kHeader = "lookups hits misses allocations reclaims frees\n";

struct GuardedMachine : MadeUpHost {
  GuardedMachine() {
    files = {
        {"/sys/fs/selinux/enforce", "1"},
        {"/sys/fs/selinux/avc/cache_stats", kHeader + "100 90 10 11 5 4\n200 180 20 12 6 3\n"},
        {"/sys/fs/selinux/avc/hash_stats",
         "entries: 503\nbuckets used: 380/512\nlongest chain: 4\n"},
        {"/sys/fs/selinux/avc/cache_threshold", "512"},
        {"/etc/selinux/config", "# SELINUX=enforcing\nSELINUX=permissive\nSELINUXTYPE=targeted\n"}};
  }
};

TEST(Selinux, AKernelWithoutItSaysThatAlone) {
  EXPECT_EQ(samples_text(collect_selinux(MadeUpHost())), "node_selinux_enabled 0\n");
}

TEST(Selinux, ModesAndTheCacheOfDecisionsAreShown) {
  EXPECT_EQ(samples_text(collect_selinux(GuardedMachine())),
            "node_selinux_enabled 1\nnode_selinux_config_mode 0\nnode_selinux_current_mode 1\n"
            "node_selinux_avc_lookups_total 300\nnode_selinux_avc_hits_total 270\n"
            "node_selinux_avc_misses_total 30\nnode_selinux_avc_allocations_total 23\n"
            "node_selinux_avc_reclaims_total 11\nnode_selinux_avc_frees_total 7\n"
            "node_selinux_avc_hash_buckets_available 512\nnode_selinux_avc_hash_buckets_used 380\n"
            "node_selinux_avc_hash_entries 503\nnode_selinux_avc_hash_longest_chain 4\n"
            "node_selinux_avc_threshold 512\n");
}

TEST(Selinux, TheConfiguredModeIsTheConfigurationsLastWord) {
  const std::pair<std::string, std::string> cases[] = {
      {"SELINUX=enforcing\n", "1"},
      {"SELINUX=enforcing", "1"},
      {"SELINUX=disabled\n", "-1"},
      {"SELINUX=permissive\n", "0"},
      {"", "-1"},
      {"SELINUXTYPE=mls\n", "-1"},
  };
  for (const auto& [config, mode] : cases) {
    GuardedMachine machine;
    machine.files["/etc/selinux/config"] = config;
    EXPECT_NE(samples_text(collect_selinux(machine)).find("config_mode " + mode + "\n"),
              std::string::npos)
        << config;
  }
}

TEST(Selinux, WhatIsNotUnderstoodFailsTheCollectorByName) {
  const std::pair<std::string, std::string> cases[] = {
      {"enforce", ""},
      {"enforce", "yes"},
      {"avc/cache_stats", ""},
      {"avc/cache_stats", "1 2 3 4 5 6\n"},
      {"avc/cache_stats", kHeader + "1 2 3 4 5\n"},
      {"avc/cache_stats", kHeader + "1 2 3 4 5 x\n"},
      {"avc/hash_stats", ""},
      {"avc/hash_stats", "entries: 503\nbuckets used: 380/512\n"},
      {"avc/hash_stats", "entries: 503\nbuckets used: 380\nlongest chain: 4\n"},
      {"avc/hash_stats", "entries: x\nbuckets used: 380/512\nlongest chain: 4\n"},
      {"avc/cache_threshold", "low"},
  };
  for (const auto& [file, text] : cases) {
    GuardedMachine machine;
    machine.files["/sys/fs/selinux/" + file] = text;
    expect_refusal(collect_selinux(machine), "selinux", file);
  }
}

}  // namespace
}  // namespace muster::collector
