// Whatever single thing happens to the files of a log, does loading them give exactly what was
// durable, or an error?
//
// Set MUSTER_EVERY_BYTE to flip a bit of every byte instead of every 181st (minutes, not seconds).
#include <cstdlib>
#include <map>

#include "tests/driver/failover/log_fixture.h"

namespace muster::failover {
namespace {

// The three files of a log, and what must be found in them.
class LogDamageTest : public LogTest {
 protected:
  std::map<std::string, std::string> files_;
  raft::Stored durable_;
  std::size_t refused_ = 0;
  std::size_t loaded_ = 0;

  // As a running master has them: part of it in the write-ahead log only.
  void SetUp() override {
    Heard heard;
    {
      auto log = open();
      log->start(heard.callbacks());
      log->submit({1, SqliteLog::SaveVote{2, 11}});
      log->submit(append(2, 1, std::vector<raft::Entry>(40, entry(2, std::string(90, 'o')))));
      log->submit(append(3, 41, {entry(2, much(9000)), entry(2, "small")}));
      log->submit(snapshot(4, 20, 11, much(7000)));
      ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 4; }));
    }  // folded into the file
    auto log = open();
    log->start(heard.callbacks());
    log->submit({5, SqliteLog::SaveVote{3, 12}});
    ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 5; }));
    log->submit(append(6, 42, {entry(3, "replaced"), entry(3, much(5000))}));
    log->submit(append(7, 44, {entry(3, "last")}));
    ASSERT_TRUE(eventually([&] { return heard.tickets().size() == 7; }));
    for (const char* end : {"", "-wal", "-mark"}) files_[end] = read_file(path_ + end);
    log.reset();
    put_back();
    durable_ = stored();
    ASSERT_EQ(durable_.entries.size(), 34U);
    ASSERT_EQ(durable_.snapshot.index, 20U);
  }
  void put_back() {
    for (const auto& [end, bytes] : files_) write_file(path_ + end, bytes);
  }

  // Pre: the damage is done.
  void check(const std::string& what) {
    std::map<std::string, std::string> before;
    for (const auto& [end, bytes] : files_) before[end] = read_file(path_ + end);
    Result<raft::Stored> found = fail(Code::Internal, "");
    if (auto log = SqliteLog::open(path_, kCluster); log) {
      found = (*log)->load();
    } else {
      found = tl::unexpected(log.error());
    }
    if (!found) {
      ++refused_;
      EXPECT_TRUE(says(found.error(), path_)) << what << ": " << found.error().text;
      EXPECT_NE(found.error().code, Code::Unavailable) << what;
      for (const auto& [end, bytes] : before) {
        EXPECT_TRUE(read_file(path_ + end) == bytes) << what << " changed a file that it refused";
      }
      return;
    }
    ++loaded_;
    EXPECT_EQ(found->term, durable_.term) << what;
    EXPECT_EQ(found->voted_for, durable_.voted_for) << what;
    EXPECT_EQ(found->snapshot, durable_.snapshot) << what;
    EXPECT_TRUE(raft::same_bytes(found->snapshot_data, durable_.snapshot_data)) << what;
    EXPECT_EQ(found->first, durable_.first) << what;
    EXPECT_TRUE(found->entries == durable_.entries) << what;
  }
};

TEST_F(LogDamageTest, AFlippedBitAnywhereIsHarmlessOrNoticed) {
  const std::size_t step = std::getenv("MUSTER_EVERY_BYTE") != nullptr ? 1 : 181;
  for (const auto& [end, bytes] : files_) {
    for (std::size_t at = 0; at < bytes.size();
         at += at % 4096 < 128 ? std::min<std::size_t>(step, 7) : step) {
      put_back();
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      write_file(path_ + end, flipped);
      check("bit " + std::to_string(at % 8) + " of byte " + std::to_string(at) + " of raft.db" +
            end);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(refused_, 60U);
  EXPECT_GT(loaded_, 30U);  // unused parts of pages, one of two marks
}

TEST_F(LogDamageTest, AFileThatWasCutAnywhereIsHarmlessOrNoticed) {
  for (const auto& [end, bytes] : files_) {
    for (std::size_t size = 0; size < bytes.size(); size += 1024) {
      put_back();
      write_file(path_ + end, bytes.substr(0, size));
      check("cutting raft.db" + end + " to " + std::to_string(size));
      if (HasFailure()) return;
    }
    put_back();
    std::filesystem::remove(path_ + end);
    check("removing raft.db" + end);
  }
  EXPECT_GT(refused_, 50U);
}

TEST_F(LogDamageTest, AnOverwrittenPageAnywhereIsHarmlessOrNoticed) {
  for (const auto& [end, bytes] : files_) {
    for (std::size_t at = 0; at < bytes.size(); at += 4096) {
      for (const bool other : {false, true}) {  // zeros, or another page of the same file
        put_back();
        std::string spoilt = bytes;
        const std::size_t size = std::min<std::size_t>(4096, bytes.size() - at);
        const std::string page =
            other ? bytes.substr((at + 8192) % bytes.size(), size) : std::string(size, '\0');
        spoilt.replace(at, std::min(size, page.size()), page);
        write_file(path_ + end, spoilt);
        check("overwriting raft.db" + end + " at " + std::to_string(at));
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(refused_, 20U);
}

}  // namespace
}  // namespace muster::failover
