#include "collector/mdadm.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kEnd = "      \nunused devices: <none>\n";

MdArray only(const std::string& text) {
  const auto arrays = parse_mdstat(text + kEnd);
  EXPECT_TRUE(arrays) << arrays.error().text;
  return arrays && arrays->size() == 1 ? arrays->front() : MdArray{};
}

TEST(Mdstat, AHealthyMirrorHasAllItsDisksAndBlocks) {
  EXPECT_EQ(only("Personalities : [raid1]\nmd0 : active raid1 sdb1[1] sda1[0]\n"
                 "      1046528 blocks super 1.2 [2/2] [UU]\n"),
            (MdArray{"md0", "active", 2, 2, 0, 0, 1046528, 1046528}));
}

TEST(Mdstat, FailedAndSpareDisksAreCountedAndARebuildSaysHowFarItIs) {
  EXPECT_EQ(
      only("md1 : active raid5 sdd1[4](F) sdc1[3] sdb2[2](S) sda2[1] sde2[0]\n"
           "      2929890816 blocks super 1.2 level 5, 512k chunk, algorithm 2 [4/3] [UUU_]\n"
           "      bitmap: 2/8 pages [8KB], 65536KB chunk\n"
           "      [==>....]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=1K\n"),
      (MdArray{"md1", "recovering", 4, 3, 1, 1, 2929890816, 37043392}));
}

TEST(Mdstat, ChecksAndResyncsAreStatesOfTheirOwn) {
  const std::string head = "md0 : active raid1 b[1] a[0]\n  10 blocks [2/2] [UU]\n";
  EXPECT_EQ(only(head + "  [>...]  check =  5.0% (1/10) finish=1min speed=1K/sec\n").state,
            "check");
  EXPECT_EQ(only(head + "  [>...]  resync =  5.0% (1/10) finish=1min speed=1K/sec\n").state,
            "resync");
  const MdArray waiting = only(head + "      resync=PENDING\n");
  EXPECT_EQ(waiting.state, "resync");
  EXPECT_EQ(waiting.blocks_synced, 0U);
  EXPECT_EQ(only(head + "  [>...]  reshape = 5.0% (1/10) finish=1min speed=1K/sec\n"),
            (MdArray{"md0", "active", 2, 2, 0, 0, 10, 10}));
}

TEST(Mdstat, LevelsWithoutRedundancyCountTheDisksThatAreThere) {
  EXPECT_EQ(
      only("md127 : active raid0 sdf1[1] sde1[0]\n  976506880 blocks super 1.2 512k chunks\n"),
      (MdArray{"md127", "active", 2, 2, 0, 0, 976506880, 976506880}));
  EXPECT_EQ(only("md2 : inactive sdg1[0](S)\n      976630488 blocks super 1.2\n"),
            (MdArray{"md2", "inactive", 0, 0, 0, 1, 976630488, 976630488}));
}

TEST(Mdstat, AMachineWithoutArraysHasNone) {
  const auto arrays = parse_mdstat("Personalities : \nunused devices: <none>\n");
  ASSERT_TRUE(arrays);
  EXPECT_TRUE(arrays->empty());
}

TEST(Mdstat, WhatIsNotUnderstoodIsRefusedWithItsLine) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"Personalities : [raid1]", "is cut off"},
      {"md0 : active raid1 b[1] a[0]\n  10 blocks [2/2] [UU]\n", "does not begin an array"},
      {"md0\n  10 blocks [2/2] [UU]\n\n", "does not begin an array"},
      {"garbage in here\n  10 blocks [2/2] [UU]\n\n", "does not begin an array"},
      {"md0 : active raid1 a[0]\n  ten blocks [2/2] [UU]\n\n", "does not tell an array's status"},
      {"md0 : active raid1 a[0]\n\n\n", "does not tell an array's status"},
      {"md0 : active raid1 a[0]\n  10 blocks [2/x] [UU]\n\n", "does not tell an array's status"},
      {"md0 : active raid1 a[0]\n  10 blocks [2/2] [UU]\n  resync = (1/\n",
       "does not tell an array's progress"},
      {"md0 : active raid1 a[0]\n  10 blocks [2/2] [UU]\n\nmd0 : active raid1 a[0]\n"
       "  10 blocks [2/2] [UU]\n\n",
       "names an array for the second time"},
      {std::string("\0\xFF\n\n\n", 5), "does not begin an array"},
  };
  for (const auto& [text, why] : cases) {
    const auto arrays = parse_mdstat(text);
    ASSERT_FALSE(arrays) << text;
    EXPECT_EQ(arrays.error().code, Code::DataLoss);
    EXPECT_NE(arrays.error().text.find(why), std::string::npos) << arrays.error().text;
  }
}

struct Degraded : MadeUpHost {
  Degraded() {
    files["/proc/mdstat"] =
        "md1 : active raid5 a[0] b[1](F)\n  10 blocks level 5 [3/2] [UU_]\n" + kEnd;
    files["/sys/block/md1/md/raid_disks"] = "4 (3)\n";
    files["/sys/block/md1/md/degraded"] = "1\n";
  }
  std::string shown(const CollectorOptions& options = {}) const {
    const auto families = collect_mdadm(*this, options);
    return families ? exposition_text(*families) : families.error().text;
  }
};

TEST(Mdadm, ShowsEveryStateAndHowManyDisksAreMissing) {
  const std::string shared =
      "# HELP node_md_disks_required Total number of disks of device.\n"
      "# TYPE node_md_disks_required gauge\n"
      "node_md_disks_required{device=\"md1\"} 3\n"
      "# HELP node_md_disks Number of active/failed/spare disks of device.\n"
      "# TYPE node_md_disks gauge\n"
      "node_md_disks{device=\"md1\",state=\"active\"} 2\n"
      "node_md_disks{device=\"md1\",state=\"failed\"} 1\n"
      "node_md_disks{device=\"md1\",state=\"spare\"} 0\n"
      "# HELP node_md_state Indicates the state of md-device.\n"
      "# TYPE node_md_state gauge\n"
      "node_md_state{device=\"md1\",state=\"active\"} 1\n"
      "node_md_state{device=\"md1\",state=\"inactive\"} 0\n"
      "node_md_state{device=\"md1\",state=\"recovering\"} 0\n"
      "node_md_state{device=\"md1\",state=\"resync\"} 0\n"
      "node_md_state{device=\"md1\",state=\"check\"} 0\n"
      "# HELP node_md_blocks Total number of blocks on device.\n"
      "# TYPE node_md_blocks gauge\n"
      "node_md_blocks{device=\"md1\"} 10\n"
      "# HELP node_md_blocks_synced Number of blocks synced on device.\n"
      "# TYPE node_md_blocks_synced gauge\n"
      "node_md_blocks_synced{device=\"md1\"} 10\n";
  CollectorOptions options;
  options.compat_1_5 = true;
  EXPECT_EQ(Degraded().shown(options), shared);
  EXPECT_EQ(Degraded().shown(), shared +
                                    "# HELP node_md_raid_disks Number of raid disks on device.\n"
                                    "# TYPE node_md_raid_disks gauge\n"
                                    "node_md_raid_disks{device=\"md1\"} 4\n"
                                    "# HELP node_md_degraded Number of degraded disks on device.\n"
                                    "# TYPE node_md_degraded gauge\n"
                                    "node_md_degraded{device=\"md1\"} 1\n");
}

TEST(Mdadm, GarbageInSysIsRefusedAndNoMdstatIsNoData) {
  Degraded host;
  host.files["/sys/block/md1/md/raid_disks"] = "some\n";
  EXPECT_EQ(host.shown(),
            "collector mdadm: /sys/block/md1/md/raid_disks does not hold a count; its metrics are "
            "left out");
  EXPECT_EQ(collect_mdadm(MadeUpHost(), {}).error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
