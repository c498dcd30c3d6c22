// The collector of workloads against real processes.
#include "collector/workloads.h"

#include <array>
#include <csignal>
#include <ctime>
#include <map>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/posix_host_fs.h"

namespace muster::collector {
namespace {

constexpr std::size_t kHeldBytes = std::size_t{64} * 1024 * 1024;

// A session of two processes: the leader holds memory and three descriptors more than a pipe, its
// child has burnt a quarter of a second of processor.
class Session {
 public:
  Session() {
    std::array<int, 2> ready{};
    EXPECT_EQ(::pipe(ready.data()), 0);
    leader_ = ::fork();
    if (leader_ == 0) lead(ready[1]);
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }
  ~Session() {
    ::kill(-leader_, SIGKILL);
    ::waitpid(leader_, nullptr, 0);
  }
  [[nodiscard]] std::int64_t leader() const { return leader_; }

 private:
  [[noreturn]] static void lead(int ready) {
    ::setsid();
    std::string held(kHeldBytes, 'x');
    for (int i = 0; i < 3; ++i) (void)::open("/dev/null", O_RDONLY);
    if (::fork() == 0) {
      while (std::clock() < CLOCKS_PER_SEC / 4) {
      }
      if (::write(ready, held.data(), 1) != 1) ::_exit(1);
    }
    for (;;) ::pause();
  }
  pid_t leader_ = 0;
};

TEST(WorkloadsOnThisMachine, TheKernelsNumbersOfASessionAreShown) {
  const Session session;
  const PosixHostFs fs;
  const std::string base = "/proc/" + std::to_string(session.leader());
  const auto stat = fs.read(base + "/stat").and_then(parse_process_stat);
  ASSERT_TRUE(stat) << stat.error().text;
  Workloads workloads;
  const auto families = workloads.collect(fs, {{"web", 1, session.leader(), stat->start_time, 0}});
  ASSERT_TRUE(families) << families.error().text;
  std::map<std::string, double> values;
  for (const Family& family : *families) values[family.name] = family.samples.at(0).value;
  EXPECT_EQ(values.size(), 8U);
  EXPECT_GE(values["muster_workload_cpu_seconds_total"], 0.2);
  EXPECT_LT(values["muster_workload_cpu_seconds_total"], 5);
  EXPECT_GE(values["muster_workload_memory_bytes"], double(kHeldBytes));
  EXPECT_EQ(values["muster_workload_processes"], 2);
  EXPECT_EQ(values["muster_workload_threads"], 2);
  EXPECT_GE(values["muster_workload_open_fds"], 2 * (3 + 3 + 1));
  EXPECT_LT(values["muster_workload_open_fds"], 200);
}

TEST(WorkloadsOnThisMachine, ADirectoryIsCountedWithoutItsNames) {
  const PosixHostFs fs;
  const auto before = fs.count("/proc/self/fd");
  const int one = ::open("/dev/null", O_RDONLY);
  const auto after = fs.count("/proc/self/fd");
  ::close(one);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(*after, *before + 1);
  EXPECT_EQ(*fs.count("/proc/self/task"), fs.list("/proc/self/task")->size());
  EXPECT_EQ(fs.count("/proc/none").error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
