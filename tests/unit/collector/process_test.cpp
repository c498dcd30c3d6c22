#include "collector/process.h"

#include <string>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

constexpr const char* kNginx =
    "812 (nginx) S 1 812 812 0 -1 4194624 905 1230 2 3 41 22 7 5 20 0 3 0 90210 56737792 1411 "
    "18446744073709551615 1 1 0 0 0 0 0 16781312 134235755 0 0 0 17 1 0 0 0 0 0\n";

TEST(Process, ItsOwnTimeAndThatOfChildrenItWaitedForAreOne) {
  const auto stat = parse_process_stat(kNginx);
  ASSERT_TRUE(stat) << stat.error().text;
  EXPECT_EQ(*stat,
            (ProcessStat{812, 'S', 1, 812, 41 + 22 + 7 + 5, 3, 90210, 1411, 41 + 22, 56737792}));
}

TEST(Process, AProgramMayBeCalledAnything) {
  for (const std::string name : {"a) S 9 (b", "", ") R 1 2 3", "tmux: server", "((", "))"}) {
    std::string text = kNginx;
    text.replace(text.find("nginx"), 5, name);
    const auto stat = parse_process_stat(text);
    ASSERT_TRUE(stat) << name << ": " << stat.error().text;
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->start_time, 90210U);
  }
}

TEST(Process, WhatIsNoStatOfAProcessIsRefused) {
  const std::string whole = kNginx;
  const std::string cases[] = {
      "",
      "\n",
      "garbage\n",
      whole.substr(0, 40) + "\n",
      "812 (x)\n",
      "812 (x) S\n",
      ") (\n",
      "-1" + whole,
      whole.substr(0, whole.size() - 1),
      "812 (x) S 1 812 812 0 -1 0 0 0 0 0 99999999999999999999 1 1 1 20 0 1 0 1 1 1\n",
      "812 (x) S 1 812 812 0 -1 0 0 0 0 0 18446744073709551615 1 1 1 20 0 1 0 1 1 1\n"};
  for (const std::string& text : cases) {
    const auto stat = parse_process_stat(text);
    ASSERT_FALSE(stat) << text;
    EXPECT_EQ(stat.error().code, Code::DataLoss);
    EXPECT_EQ(stat.error().text.find("collector workloads: /proc/PID/stat "), 0U);
  }
}

TEST(Process, IoIsWhatReachedADisk) {
  const auto io = parse_process_io(
      "rchar: 7278\nwchar: 302\nsyscr: 12\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 8192\n"
      "cancelled_write_bytes: 0\n");
  ASSERT_TRUE(io) << io.error().text;
  EXPECT_EQ(*io, (IoBytes{4096, 8192}));
  EXPECT_FALSE(parse_process_io("rchar: 7278\n"));
  EXPECT_FALSE(parse_process_io("read_bytes: x\nwrite_bytes: 1\n"));
  EXPECT_FALSE(parse_process_io("read_bytes: 1\nwrite_bytes: 1"));
}

TEST(Process, OnlyTheVersionTwoHierarchyNamesItsControlGroup) {
  EXPECT_EQ(parse_process_cgroup("1:cpu:/old\n0::/system.slice/muster.service\n"),
            "/system.slice/muster.service");
  EXPECT_EQ(parse_process_cgroup("1:cpu:/old\n"), "");
  EXPECT_EQ(parse_process_cgroup("0::/../of/another/namespace\n"), "");
  EXPECT_EQ(parse_process_cgroup("0::/..web\n"), "/..web");
  EXPECT_FALSE(parse_process_cgroup("0::relative/path\n"));
  EXPECT_FALSE(parse_process_cgroup("0::\n"));
  EXPECT_FALSE(parse_process_cgroup(""));
}

TEST(Cgroup, ItsFilesAreSummedOverDevices) {
  EXPECT_EQ(parse_cgroup_cpu("usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n"), 1500000U);
  EXPECT_EQ(parse_cgroup_memory("73400320\n"), 73400320U);
  EXPECT_EQ(parse_cgroup_procs("12\n7\n"), (std::set<std::int64_t>{7, 12}));
  EXPECT_EQ(parse_cgroup_procs(""), std::set<std::int64_t>());
  EXPECT_EQ(parse_cgroup_io("8:0 rbytes=10 wbytes=1 rios=9 wios=9 dbytes=0 dios=0\n"
                            "259:1 rbytes=5 wbytes=2 rios=9 wios=9 dbytes=0 dios=0\n"),
            (IoBytes{15, 3}));
  EXPECT_EQ(parse_cgroup_io(""), IoBytes());
}

TEST(Cgroup, GarbageIsRefused) {
  EXPECT_FALSE(parse_cgroup_cpu("user_usec 1\n"));
  EXPECT_FALSE(parse_cgroup_cpu("usage_usec -1\n"));
  EXPECT_FALSE(parse_cgroup_memory("max\n"));
  EXPECT_FALSE(parse_cgroup_memory("1\n2\n"));
  EXPECT_FALSE(parse_cgroup_procs("12\nx\n"));
  EXPECT_FALSE(parse_cgroup_io("8:0 rbytes=x\n"));
  EXPECT_FALSE(parse_cgroup_io("8:0 rbytes=18446744073709551615 rbytes=18446744073709551615\n"));
}

}  // namespace
}  // namespace muster::collector
