#include "collector/posix_host_fs.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/collectors.h"
#include "collector/host.h"
#include "collector/posix_gathering.h"
#include "tests/driver/temp_dir.h"

namespace muster::collector {
namespace {

class PosixHostFsTest : public testing::Test {
 protected:
  PosixHostFsTest() {
    std::filesystem::create_directories(root_ / "proc/net");
    std::filesystem::create_directories(root_ / "sys");
  }

  void write(const std::string& path, const std::string& content) {
    std::ofstream(root_ / path, std::ios::binary) << content;
  }
  PosixHostFs fixture() { return PosixHostFs({root_ / "proc", root_ / "sys", root_}); }
  Code refusal(std::string_view path) {
    const auto content = fixture().read(path);
    EXPECT_FALSE(content) << path;
    return content ? Code::Unknown : content.error().code;
  }

  const TempDir directory_;
  const std::filesystem::path root_ = directory_.path();
};

TEST_F(PosixHostFsTest, NoCollectorFailsOnThisMachine) {
  const auto collectors = all_collectors({});
  const std::size_t number = collectors.size();
  PosixGathering gathering(std::make_shared<const PosixHostFs>(), collectors, {});
  for (int scrape = 0; scrape < 2; ++scrape) {
    const auto gathered = gathering.gather({}, std::chrono::seconds(30));
    for (const auto& [name, errors] : gathered->report->errors) {
      EXPECT_EQ(errors, std::vector<std::string>()) << name;
    }
    const Family& successes = gathered->report->families.back();
    ASSERT_EQ(successes.name, "node_scrape_collector_success");
    EXPECT_EQ(successes.samples.size(), number);
  }
}

TEST_F(PosixHostFsTest, EveryCollectorUnderstandsThisMachineOrSaysThatItHasNoData) {
  const PosixHostFs files;
  const std::vector<Collector> collectors = all_collectors({});
  for (int scrape = 0; scrape < 2; ++scrape) {
    for (const Collector& collector : collectors) {
      Complaints complaints;
      const auto families = collector.collect(files, complaints);
      EXPECT_EQ(complaints, Complaints()) << collector.name;
      if (!families) {
        EXPECT_EQ(families.error().code, Code::NotFound) << families.error().text;
      }
    }
  }
}

TEST_F(PosixHostFsTest, TheCapacityOfThisMachineIsWhatTheKernelSays) {
  const PosixHostFs files;
  const auto capacity =
      parse_capacity(files.read("/proc/stat").value(), files.read("/proc/meminfo").value());
  ASSERT_TRUE(capacity) << capacity.error().text;
  EXPECT_EQ(capacity->cpu_millis, 1000 * ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_EQ(capacity->memory_bytes / 4096, static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                               static_cast<std::uint64_t>(::getpagesize()) / 4096);
}

TEST_F(PosixHostFsTest, TheRootsStandForProcAndSys) {
  write("proc/net/dev", "from proc\n");
  write("sys/value", "from sys\n");
  EXPECT_EQ(fixture().read("/proc/net/dev").value(), "from proc\n");
  EXPECT_EQ(fixture().read("/sys/value").value(), "from sys\n");
}

TEST_F(PosixHostFsTest, SeveralFilesOfADirectoryAreReadAsEachAlone) {
  write("sys/value", "7\n");
  write("sys/empty", "");
  std::filesystem::create_directories(root_ / "sys/device/below");
  write("sys/device/below/deep", "8\n");
  const std::string_view names[] = {"missing", "value", "empty", "device", "device/below/deep"};
  const auto together = fixture().read_all("/sys", names);
  ASSERT_EQ(together.size(), std::size(names));
  for (std::size_t i = 0; i < std::size(names); ++i) {
    const auto alone = fixture().read("/sys/" + std::string(names[i]));
    ASSERT_EQ(together[i].has_value(), alone.has_value()) << names[i];
    if (alone) {
      EXPECT_EQ(*together[i], *alone);
    } else {
      EXPECT_EQ(together[i].error(), alone.error());
    }
  }
  for (const std::string directory : {"/sys/none", "/sys/value", "/sys/../secret"}) {
    const auto refused = fixture().read_all(directory, names);
    ASSERT_EQ(refused.size(), std::size(names));
    const Code why = directory.ends_with("secret") ? Code::InvalidArgument : Code::NotFound;
    for (const auto& one : refused) EXPECT_EQ(one.error().code, why) << directory;
  }
}

// The names at the beginnings of the lines, which do not change while the test runs.
std::vector<std::string> first_fields(std::istream& text) {
  std::vector<std::string> fields;
  for (std::string line; std::getline(text, line);) {
    std::istringstream rest(line);
    rest >> fields.emplace_back();
  }
  return fields;
}

TEST_F(PosixHostFsTest, AFileOfTheKernelIsReadToItsEndHoweverOftenItIsRead) {
  const PosixHostFs files;
  for (const char* path :
       {"/proc/stat", "/proc/meminfo", "/proc/vmstat", "/proc/cpuinfo", "/proc/net/dev",
        "/proc/net/netstat", "/proc/net/snmp", "/sys/devices/system/cpu/online"}) {
    std::ifstream opened(path);
    const auto expected = first_fields(opened);
    EXPECT_FALSE(expected.empty()) << path;
    for (int time = 0; time < 3; ++time) {
      std::istringstream text(files.read(path).value());
      EXPECT_EQ(first_fields(text), expected) << path;
    }
  }
}

TEST_F(PosixHostFsTest, EachReadOfATableOfTheKernelSeesAllThatIsThereNow) {
  const PosixHostFs files;
  const auto sockets = [&] {
    std::istringstream text(files.read("/proc/net/udp").value());
    return first_fields(text).size();
  };
  const std::size_t before = sockets();
  std::vector<Descriptor> open;
  for (const std::size_t number : {1, 40, 200}) {  // of lines of 128 bytes: many pages
    while (open.size() < number) {
      open.emplace_back(::socket(AF_INET, SOCK_DGRAM, 0));
      sockaddr_in any{};
      any.sin_family = AF_INET;
      ASSERT_EQ(::bind(open.back().get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    }
    EXPECT_GE(sockets() + 20, before + number);  // others come and go meanwhile
  }
  open.clear();
  EXPECT_LE(sockets(), before + 20);
}

TEST_F(PosixHostFsTest, ManyThreadsMayReadTheSameFile) {
  const PosixHostFs files;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&files] {
      for (int time = 0; time < 50; ++time) {
        const std::string text = files.read("/proc/meminfo").value();
        EXPECT_TRUE(text.starts_with("MemTotal:"));
        EXPECT_TRUE(text.ends_with("\n"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(PosixHostFsTest, NoPathLeavesTheRoots) {
  write("secret", "x");
  for (const char* path :
       {"/proc/../secret", "/proc/net/..", "/sys/a/../../secret", "/..", "proc/stat", ""}) {
    EXPECT_EQ(refusal(path), Code::InvalidArgument) << path;
  }
  EXPECT_EQ(refusal(std::string_view("/proc/net/dev\0.png", 18)), Code::InvalidArgument);
}

TEST_F(PosixHostFsTest, WhatCannotBeReadIsNamedWithItsReason) {
  EXPECT_EQ(refusal("/proc/missing"), Code::NotFound);
  EXPECT_EQ(fixture().read("/proc/missing").error().text,
            "cannot read " + (root_ / "proc/missing").string() + ": No such file or directory");
  EXPECT_EQ(refusal("/proc/net"), Code::InvalidArgument);
}

TEST_F(PosixHostFsTest, APipeInThePlaceOfAFileDoesNotHoldTheReader) {
  ASSERT_EQ(::mkfifo((root_ / "proc/stat").c_str(), 0600), 0);
  EXPECT_EQ(refusal("/proc/stat"), Code::InvalidArgument);
}

TEST_F(PosixHostFsTest, AFileMayHaveTheLargestSizeButNotOneByteMore) {
  write("proc/stat", std::string(PosixHostFs::kBytesMax, 'x'));
  EXPECT_EQ(fixture().read("/proc/stat").value().size(), PosixHostFs::kBytesMax);
  write("proc/stat", std::string(PosixHostFs::kBytesMax + 1, 'x'));
  EXPECT_EQ(refusal("/proc/stat"), Code::Exhausted);
  write("proc/stat", "");
  EXPECT_EQ(fixture().read("/proc/stat").value(), "");
}

}  // namespace
}  // namespace muster::collector
