// Is the mark on the disk soon enough to tell of a log that a power cut damaged?
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>

#include <sys/syscall.h>
#include <unistd.h>

#include "tests/driver/failover/log_fixture.h"

namespace muster::failover {
namespace {

// What of marks a power cut would leave.
struct MarksOnDisk {
  std::mutex mutex;
  std::string last;  // as it was when it was last synced
  int syncs = 0;
  int failures = 0;  // so many more fail
};
MarksOnDisk& marks() {
  static MarksOnDisk it;
  return it;
}

bool sync_fails(const std::string& path) {
  if (!path.ends_with("-mark")) return false;
  const std::lock_guard lock(marks().mutex);
  if (marks().failures > 0) {
    --marks().failures;
    return true;
  }
  ++marks().syncs;
  marks().last = read_file(path);
  return false;
}

}  // namespace
}  // namespace muster::failover

// In the place of the C library's, for this whole program.
extern "C" int fdatasync(int file) {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file), error);
  if (!error && muster::failover::sync_fails(path.string())) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

namespace muster::failover {
namespace {

class MarkSyncTest : public LogTest {
 protected:
  std::string on_disk() {
    const std::lock_guard lock(marks().mutex);
    return marks().last;
  }
  int syncs() {
    const std::lock_guard lock(marks().mutex);
    return marks().syncs;
  }
  bool is_on_disk() { return on_disk() == read_file(path_ + "-mark"); }
};

TEST_F(MarkSyncTest, ALogThatAPowerCutCutIsRefusedOnceItsMarkIsOnTheDisk) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  log->submit({1, SqliteLog::SaveVote{3, 1}});
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 1; }));
  log->submit(append(2, 1, {entry(1, "a")}));
  ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 2 && is_on_disk(); }));
  const std::string database = read_file(path_);
  std::string ahead = read_file(path_ + "-wal");
  const std::string mark = on_disk();
  log.reset();

  ahead.resize(ahead.size() - 100);
  write_file(path_, database);
  write_file(path_ + "-wal", ahead);
  write_file(path_ + "-mark", mark);
  EXPECT_TRUE(says(load_error(), "the last 1 durable writes")) << load_error().text;
}

TEST_F(MarkSyncTest, ManyWritesAreOneSync) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  const int before = syncs();
  for (std::uint64_t ticket = 1; ticket <= 50; ++ticket) {
    log->submit({ticket, SqliteLog::SaveVote{ticket, 1}});
    ASSERT_TRUE(eventually([&] { return heard.tickets().size() == ticket; }));
  }
  ASSERT_TRUE(eventually([&] { return is_on_disk(); }));
  const int after = syncs();
  EXPECT_LT(after - before, 50);
  log.reset();
  EXPECT_EQ(syncs(), after);  // nothing was left to do
}

TEST_F(MarkSyncTest, AMarkThatCannotBeSyncedIsADiskThatFailsUntilItCan) {
  Heard heard;
  auto log = open();
  log->start(heard.callbacks());
  {
    const std::lock_guard lock(marks().mutex);
    marks().failures = 2;
  }
  log->submit({1, SqliteLog::SaveVote{3, 1}});
  ASSERT_TRUE(eventually([&] { return heard.health().size() == 2; }));
  EXPECT_TRUE(heard.health()[0].first);
  EXPECT_TRUE(says(heard.health()[0].second, "cannot sync " + path_ + "-mark"))
      << heard.health()[0].second.text;
  EXPECT_FALSE(heard.health()[1].first);
  EXPECT_TRUE(is_on_disk());
  EXPECT_EQ(heard.tickets().size(), 1U);
}

}  // namespace
}  // namespace muster::failover
