#include "failover/posix_snapshots.h"

#include <gtest/gtest.h>

#include "failover/snapshot_file.h"
#include "tests/driver/temp_dir.h"

namespace muster::failover {
namespace {

namespace fs = std::filesystem;

bool private_file(const std::string& path) {
  return fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write);
}

TEST(PosixSnapshots, WritesForTheOwnerAloneAndLeavesNoDraft) {
  const TempDir dir;
  write_file(dir.file("a.snap.new"), "of an attempt that was cut off");
  ASSERT_TRUE(write_private_file(dir.file("a.snap"), "first"));
  ASSERT_TRUE(write_private_file(dir.file("a.snap"), "second"));
  EXPECT_EQ(read_file_up_to(dir.file("a.snap"), 100).value_or("?"), "second");
  EXPECT_TRUE(private_file(dir.file("a.snap")));
  EXPECT_FALSE(fs::exists(dir.file("a.snap.new")));
}

TEST(PosixSnapshots, NamesTheFileThatItCannotWriteOrRead) {
  const TempDir dir;
  const Status written = write_private_file(dir.file("missing/a.snap"), "x");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("missing/a.snap"), std::string::npos);
  EXPECT_EQ(read_file_up_to(dir.file("b.snap"), 100).error().code, Code::NotFound);
  write_file(dir.file("large"), std::string(200'000, 'x'));
  EXPECT_EQ(read_file_up_to(dir.file("large"), 199'999).error().code, Code::Exhausted);
  EXPECT_EQ(read_file_up_to(dir.file("large"), 200'000)->size(), 200'000U);
  EXPECT_FALSE(read_file_up_to(dir.path(), 100));
}

TEST(PosixSnapshots, TakesAPassphraseOnlyFromAFileThatNobodyElseReads) {
  const TempDir dir;
  const std::string path = dir.file("passphrase");
  write_file(path, "correct horse\nbattery\n");
  fs::permissions(path, fs::perms::owner_read | fs::perms::group_read);
  const auto refused = read_passphrase(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::PermissionDenied);
  EXPECT_EQ(refused.error().text.find("correct"), std::string::npos);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(read_passphrase(path).value_or("?"), "correct horse");
  write_file(path, "\nsecond line");
  EXPECT_EQ(read_passphrase(path).error().code, Code::InvalidArgument);
}

TEST(PosixSnapshots, RemovesWhatIsSupersededAndNothingElse) {
  const TempDir dir;
  SnapshotInfo info;
  info.cluster = "prod";
  for (info.index = 1; info.index <= 5; ++info.index) {
    write_file(dir.file(snapshot_file_name(info)), "s");
  }
  write_file(dir.file("notes"), "n");
  ASSERT_TRUE(newest_snapshot(dir.path(), "prod"));
  EXPECT_FALSE(newest_snapshot(dir.path(), "other"));
  ASSERT_TRUE(prune_snapshots(dir.path(), "prod", 2));
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(dir.path())) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 3U);
  info.index = 4;
  EXPECT_TRUE(fs::exists(dir.file(snapshot_file_name(info))));
  EXPECT_TRUE(prune_snapshots(dir.file("missing"), "prod", 2));
}

}  // namespace
}  // namespace muster::failover
