#include "collector/own_process.h"

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "made_up_host.h"

namespace muster::collector {
namespace {

constexpr char kOwn[] =
    "77 (a) b ) S 1 77 77 0 -1 4194560 1 0 0 0 150 50 900 900 20 0 9 0 250 4096000 300 1\n";

struct OwnProcessTest : testing::Test {
  std::shared_ptr<MadeUpHost> host = std::make_shared<MadeUpHost>();
  OwnProcess process{host};

  OwnProcessTest() {
    host->files = {
        {"/proc/self/stat", kOwn},
        {"/proc/self/limits",
         "Limit                     Soft Limit           Hard Limit           Units     \n"
         "Max open files            1024                 524288               files     \n"
         "Max address space         unlimited            unlimited            bytes     \n"},
        {"/proc/stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n"},
        {"/proc/self/fd/0", ""},
        {"/proc/self/fd/1", ""}};
  }
  double value(const std::string& name) {
    const auto families = process.measure();
    EXPECT_TRUE(families) << families.error().text;
    for (const Family& family : families.value_or(Families{})) {
      if (family.name == name) return family.samples.at(0).value;
    }
    return -1;
  }
};

TEST_F(OwnProcessTest, EveryNumberIsReadBehindANameThatHoldsAnything) {
  EXPECT_EQ(value("process_cpu_seconds_total"), 2) << "without what children took";
  EXPECT_EQ(value("process_max_fds"), 1024);
  EXPECT_EQ(value("process_open_fds"), 2);
  EXPECT_EQ(value("process_resident_memory_bytes"), 300 * 4096);
  EXPECT_EQ(value("process_start_time_seconds"), 1'700'000'002.5);
  EXPECT_EQ(value("process_virtual_memory_bytes"), 4'096'000);
  EXPECT_EQ(value("process_virtual_memory_max_bytes"), 18446744073709551615.0);
}

TEST_F(OwnProcessTest, TheStartDoesNotMoveWhenTheClockIsSet) {
  EXPECT_EQ(value("process_start_time_seconds"), 1'700'000'002.5);
  host->files["/proc/stat"] = "btime 1700000009\n";
  EXPECT_EQ(value("process_start_time_seconds"), 1'700'000'002.5);
}

TEST_F(OwnProcessTest, WhatIsNotUnderstoodIsNotShown) {
  const auto before = host->files;
  for (const auto& [path, text] :
       {std::pair{"/proc/self/stat", "77 (a S 1"}, std::pair{"/proc/self/stat", "77 (a) S 1 2"},
        std::pair{"/proc/self/limits", "Max open files  many  1 files\nMax address space 1 1\n"},
        std::pair{"/proc/self/limits", ""}, std::pair{"/proc/stat", "cpu 1\n"}}) {
    host->files = before;
    host->files[path] = text;
    EXPECT_FALSE(OwnProcess(host).measure()) << path << ": " << text;
  }
}

}  // namespace
}  // namespace muster::collector
