#include "collector/posix_watched_host.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/driver/collector/gate.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

using std::chrono::milliseconds;

constexpr PosixRelay::Limits kHasty{
    .overtaken_after = milliseconds(2), .each = milliseconds(300), .threads_max = 32};
constexpr Duration kLong = std::chrono::seconds(30);

// Whose mounts below /nfs hang until the gate opens.
struct Hung : MadeUpHost {
  Hung() {
    for (const char* path : {"/", "/home", "/nfs/1"}) usages[path].size_bytes = 1;
  }
  [[nodiscard]] Result<FsUsage> usage(std::string_view path) const override {
    if (path.starts_with("/nfs/")) gate.pass();
    return MadeUpHost::usage(path);
  }
  mutable Gate gate;
};

std::vector<std::string> errors(const std::vector<Result<FsUsage>>& usages) {
  std::vector<std::string> out;
  for (const auto& usage : usages) out.push_back(usage ? "" : usage.error().text);
  return out;
}

TEST(PosixWatchedHost, AMountThatHangsCostsOnlyItselfAndIsNotAskedAgainUntilItAnswers) {
  const auto hung = std::make_shared<Hung>();
  const PosixWatchedHost host(hung, kHasty, kLong);
  const std::vector<std::string> paths{"/", "/nfs/1", "/home", "/gone"};
  const std::vector<std::string> expected{"", "cannot read the usage of /nfs/1: it does not answer",
                                          "", "cannot read /gone: no such file"};
  EXPECT_EQ(errors(host.usage_of_all(paths)), expected);
  EXPECT_EQ(errors(host.usage_of_all(paths)), expected);
  EXPECT_EQ(host.usage_of_all({"/nfs/1"}).front().error().code, Code::Timeout);
  EXPECT_EQ(hung->gate.arrived(), 1);

  hung->gate.open();
  while (!host.usage_of_all({"/nfs/1"}).front()) std::this_thread::yield();
  EXPECT_EQ(errors(host.usage_of_all({"/", "/nfs/1"})), (std::vector<std::string>{"", ""}));
}

TEST(PosixWatchedHost, ManyMountsThatHangAtOnceLeaveTheOthersTheirAnswers) {
  const auto hung = std::make_shared<Hung>();
  const PosixWatchedHost host(hung, kHasty, kLong);
  std::vector<std::string> paths;
  for (int i = 0; i < 40; ++i) paths.push_back("/nfs/" + std::to_string(i));
  paths.insert(paths.begin() + 20, "/home");
  for (int again = 0; again < 3; ++again) {
    const auto usages = host.usage_of_all(paths);
    EXPECT_TRUE(usages[20]) << again;
    EXPECT_EQ(usages[0].error().code, Code::Timeout);
    EXPECT_EQ(usages[40].error().code, Code::Exhausted);
  }
  EXPECT_EQ(hung->gate.arrived(), 31);
  EXPECT_EQ(host.parked(), 31U);
  hung->gate.open();
}

TEST(PosixWatchedHost, PassesEverythingElseOn) {
  const auto made_up = std::make_shared<MadeUpHost>();
  made_up->files["/proc/x/y"] = "text";
  made_up->times["/proc/x/y"] = 5;
  made_up->links["/sys/l"] = "../target";
  made_up->kernel.release = "6.1";
  made_up->clock->tai = 37;
  made_up->page = 16'384;
  made_up->time = 7;
  made_up->local.offset_s = 3600;
  made_up->usages["/"].size_bytes = 9;
  const PosixWatchedHost host(made_up);
  EXPECT_EQ(host.read("/proc/x/y").value(), "text");
  EXPECT_EQ(host.modified("/proc/x/y").value(), 5);
  EXPECT_EQ(host.list("/proc/x").value(), std::vector<std::string>{"y"});
  EXPECT_EQ(host.usage("/")->size_bytes, 9U);
  EXPECT_EQ(host.link("/sys/l").value(), "../target");
  EXPECT_EQ(host.names()->release, "6.1");
  EXPECT_EQ(host.clock_state()->tai, 37);
  EXPECT_EQ(host.page_bytes(), 16'384U);
  EXPECT_EQ(host.now(), 7);
  EXPECT_EQ(host.zone().offset_s, 3600);
}

}  // namespace
}  // namespace muster::collector
