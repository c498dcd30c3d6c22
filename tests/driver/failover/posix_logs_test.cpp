#include "failover/posix_logs.h"

#include <sstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "failover/posix_processes.h"
#include "tests/driver/temp_dir.h"

namespace muster::failover {
namespace {

class Logs : public testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.file("web.log");

  [[nodiscard]] std::string tail_of(std::size_t lines, std::size_t bytes_max = 1 << 20) const {
    const auto text = tail(path_, lines, bytes_max);
    EXPECT_TRUE(text) << text.error().text;
    return text.value_or("");
  }
};

TEST_F(Logs, AreNotRotatedBeforeTheyAreTooLarge) {
  EXPECT_TRUE(rotate_if_larger(path_, 4, 2));  // not there yet
  write_file(path_, "1234");
  EXPECT_TRUE(rotate_if_larger(path_, 4, 2));
  EXPECT_EQ(read_file(path_), "1234");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(Logs, MoveUpAndTheOldestGoes) {
  for (const char* text : {"first", "second", "third", "fourth"}) {
    write_file(path_, text);
    ASSERT_TRUE(rotate_if_larger(path_, 4, 2));
    EXPECT_EQ(read_file(path_), "");
  }
  EXPECT_EQ(read_file(path_ + ".1"), "fourth");
  EXPECT_EQ(read_file(path_ + ".2"), "third");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  struct stat info {};
  ASSERT_EQ(::stat((path_ + ".1").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U & ~static_cast<mode_t>(022));
}

TEST_F(Logs, AreOnlyCutWhenNothingIsToBeKept) {
  write_file(path_, "12345");
  ASSERT_TRUE(rotate_if_larger(path_, 4, 0));
  EXPECT_EQ(read_file(path_), "");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(Logs, AreWrittenOnByAProcessThatKnowsOfNoRotation) {
  ProcessStart start;
  start.command = {"sh", "-c",
                   "i=0; while [ ! -e stop ]; do echo line $i; i=$((i+1)); done; exit 5"};
  start.working_dir = dir_.path();
  start.output_path = path_;
  const auto process = start_process(start);
  ASSERT_TRUE(process) << process.error().text;
  std::optional<Exit> exit;
  int rotations = 0;
  ASSERT_TRUE(eventually([&] {
    exit = reap(process->pid);
    struct stat info {};
    if (::stat(path_.c_str(), &info) == 0 && info.st_size > 4096) ++rotations;
    EXPECT_TRUE(rotate_if_larger(path_, 4096, 50));
    if (rotations == 5) write_file(dir_.file("stop"), "now");
    return exit.has_value();
  }));
  EXPECT_EQ(exit->code, 5);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".51"));
  const std::string all = tail_of(1000000, 1 << 24);
  EXPECT_EQ(all.find('\0'), std::string::npos) << "a hole where the file was cut";
  EXPECT_TRUE(all.ends_with("\n"));
  std::istringstream lines(all);
  std::string line;
  int last = -1;
  while (std::getline(lines, line)) {  // some may be lost, none moves
    const auto space = line.rfind(' ');
    ASSERT_NE(space, std::string::npos) << line;
    const int number = std::stoi(line.substr(space + 1));
    EXPECT_GT(number, last);
    last = number;
  }
  EXPECT_GT(last, 5 * 4096 / 20);
}

TEST_F(Logs, StayWholeWhenTheCopyCannotBeWritten) {
  write_file(path_, std::string(400000, 'x'));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status rotated = rotate_if_larger(path_, 4096, 2);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(rotated);
  EXPECT_EQ(rotated.error().code, Code::Exhausted) << rotated.error().text;
  EXPECT_EQ(read_file(path_).size(), 400000U);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(Logs, EndWithTheLinesThatWereAskedFor) {
  write_file(path_, "a\nb\nc\n");
  EXPECT_EQ(tail_of(0), "");
  EXPECT_EQ(tail_of(1), "c\n");
  EXPECT_EQ(tail_of(2), "b\nc\n");
  EXPECT_EQ(tail_of(9), "a\nb\nc\n");
  write_file(path_, "\n\nx");
  EXPECT_EQ(tail_of(1), "x");
  EXPECT_EQ(tail_of(2), "\nx");
  EXPECT_EQ(tail_of(3), "\n\nx");
  write_file(path_, "");
  EXPECT_EQ(tail_of(3), "");
}

TEST_F(Logs, AreReadOverTheBoundaryOfTheirFiles) {
  write_file(path_ + ".2", "1\n2\n");
  write_file(path_ + ".1", "3\n4\nhalf");
  write_file(path_, " a line\n6\n");
  EXPECT_EQ(tail_of(1), "6\n");
  EXPECT_EQ(tail_of(2), "half a line\n6\n");
  EXPECT_EQ(tail_of(4), "3\n4\nhalf a line\n6\n");
  EXPECT_EQ(tail_of(5), "2\n3\n4\nhalf a line\n6\n");
  EXPECT_EQ(tail_of(100), "1\n2\n3\n4\nhalf a line\n6\n");
}

TEST_F(Logs, AreNeverReadBeyondTheLimit) {
  write_file(path_ + ".1", "1111\n");
  write_file(path_, "2222\n3333\n");
  EXPECT_EQ(tail_of(9, 10), "2222\n3333\n");
  EXPECT_EQ(tail_of(9, 7), "3333\n");
  EXPECT_EQ(tail_of(9, 12), "2222\n3333\n");
  EXPECT_EQ(tail_of(9, 3), "33\n");  // longer than the limit by itself
  EXPECT_EQ(tail_of(9, 0), "");
}

TEST_F(Logs, ThatAreNotThereAreNamed) {
  const auto text = tail(path_, 1, 10);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::NotFound);
  EXPECT_NE(text.error().text.find(path_), std::string::npos) << text.error().text;
  EXPECT_FALSE(tail(dir_.path(), 1, 10));
  EXPECT_FALSE(rotate_if_larger("/dev/null", 0, 1));
}

}  // namespace
}  // namespace muster::failover
