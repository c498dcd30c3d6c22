// Does a consensus.db of an older format keep what is in it?
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/driver/failover/log_fixture.h"

namespace muster::failover {
namespace {

// fill() writes something of everything.
class LogFormatTest : public LogTest {
 protected:
  // Each in a write of its own, the vote in the second one.
  void fill() {
    write({{1, SqliteLog::SaveVote{3, ~MasterId{0}, 9}}});
    write({append(2, 1, {entry(1, "one"), entry(2, std::string("a\0b", 3)), entry(3, "three")})});
    write({snapshot(3, 2, 2)});
  }
  void expect_filled(MasterId self) {
    const raft::Stored found = stored();
    EXPECT_EQ(found.term, 3U);
    EXPECT_EQ(found.voted_for, ~MasterId{0});
    EXPECT_EQ(found.self, self);
    EXPECT_EQ(found.snapshot.index, 2U);
    EXPECT_EQ(found.snapshot.configuration.size(), 2U);
    ASSERT_NE(found.snapshot_data, nullptr);
    EXPECT_EQ(*found.snapshot_data, "the state");
    EXPECT_EQ(found.first, 2U);
    ASSERT_EQ(found.entries.size(), 2U);
    EXPECT_EQ(*found.entries[0].data, std::string("a\0b", 3));
    EXPECT_EQ(*found.entries[1].data, "three");
  }
  // The table as format 2 first had it, in the place of the present one.
  void make_format2() {
    execute(R"(
DROP TABLE state;
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1), cluster TEXT NOT NULL, term INTEGER NOT NULL,
  voted_for INTEGER NOT NULL, write INTEGER NOT NULL, checksum INTEGER NOT NULL);
INSERT INTO state VALUES(1,'prod',3,-1,2,-414511429166427335);
PRAGMA user_version=2)");
  }
  // `late`: the later layout, whose tables are those of the present format.
  void fill_format2(bool late) {
    fill();
    if (late) {
      execute("PRAGMA user_version=2");
    } else {
      make_format2();
    }
  }
  std::string version() { return testing_sql(path_, "PRAGMA user_version"); }
};

TEST_F(LogFormatTest, ReadsAFileOfTheFirstFormatAndBringsItToThePresentOne) {
  testing_sql(path_, R"(
PRAGMA journal_mode=WAL; BEGIN;
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1), masters_digest INTEGER NOT NULL, masters TEXT NOT NULL,
  term INTEGER NOT NULL, voted_for INTEGER NOT NULL, checksum INTEGER NOT NULL);
INSERT INTO state VALUES(1,77,'n1=127.0.0.1:1, n2=127.0.0.1:2, n3=127.0.0.1:3',3,-1,
  -2108301262913276575);
CREATE TABLE entries(
  idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL,
  checksum INTEGER NOT NULL, data BLOB NOT NULL);
INSERT INTO entries VALUES(2,2,1,-3806346285606787537,X'74776f');
INSERT INTO entries VALUES(3,2,1,-3343513382076639865,X'610062');
INSERT INTO entries VALUES(4,3,2,9208386283270942080,X'');
INSERT INTO entries VALUES(5,3,1,8829941521918191334,X'66697665');
CREATE TABLE snapshot(
  one INTEGER PRIMARY KEY CHECK(one = 1), idx INTEGER NOT NULL, term INTEGER NOT NULL,
  configuration_idx INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
INSERT INTO snapshot VALUES(1,3,2,1,-6913179854396866469,X'746865207374617465');
CREATE TABLE servers(
  position INTEGER PRIMARY KEY, id INTEGER NOT NULL, address TEXT NOT NULL,
  voter INTEGER NOT NULL);
INSERT INTO servers VALUES(1,11,'127.0.0.1:1',1);
INSERT INTO servers VALUES(2,12,'127.0.0.1:2',0);
COMMIT; PRAGMA user_version=1; PRAGMA application_id=1836413543)");
  const std::string old = read_file(path_);
  for (int again = 0; again < 2; ++again) {
    const raft::Stored found = stored();
    EXPECT_EQ(found.term, 3U);
    EXPECT_EQ(found.voted_for, ~MasterId{0});
    EXPECT_EQ(found.snapshot.index, 3U);
    EXPECT_EQ(found.snapshot.configuration.size(), 2U);
    EXPECT_EQ(*found.snapshot_data, "the state");
    EXPECT_EQ(found.first, 2U);
    ASSERT_EQ(found.entries.size(), 4U);
    EXPECT_EQ(*found.entries[1].data, std::string("a\0b", 3));
    EXPECT_EQ(found.entries[2].type, raft::EntryType::Barrier);
  }
  EXPECT_EQ(testing_sql(path_, "PRAGMA user_version"), "3");

  std::filesystem::remove(path_ + "-mark");
  write_file(path_, old);
  execute("UPDATE entries SET term = 1 WHERE idx = 4");
  const std::string bad = read_file(path_);
  EXPECT_TRUE(says(load_error(), "entry 4")) << load_error().text;
  EXPECT_EQ(read_file(path_), bad);
}

TEST_F(LogFormatTest, AFileOfTheSecondFormatThatDoesNotTellWhoseItIsIsAFounders) {
  fill_format2(false);
  for (int again = 0; again < 2; ++again) expect_filled(0);
  EXPECT_EQ(version(), "3");
  write({append(1, 4, {entry(3, "four")})});
  EXPECT_EQ(stored().entries.size(), 3U);
}

TEST_F(LogFormatTest, AFileOfTheSecondFormatThatTellsWhoseItIsKeepsIt) {
  fill_format2(true);
  for (int again = 0; again < 2; ++again) expect_filled(9);
  EXPECT_EQ(version(), "3");
}

TEST_F(LogFormatTest, AFileOfTheSecondFormatThatWasNeverWrittenToIsANewOne) {
  fill_format2(false);
  execute("DELETE FROM state; DELETE FROM entries; DELETE FROM snapshot; DELETE FROM servers");
  const Error error = load_error();  // that is what the mark is for
  EXPECT_TRUE(says(error, "durable writes are not in it")) << error.text;
  std::filesystem::remove(path_ + "-mark");
  ASSERT_TRUE(PosixMarkFile::make(path_ + "-mark"));
  const raft::Stored found = stored();
  EXPECT_EQ(found.term, 0U);
  EXPECT_TRUE(found.entries.empty());
  EXPECT_EQ(version(), "3");
}

TEST_F(LogFormatTest, NamesAVoteOfTheSecondFormatThatLostABitAndChangesNothing) {
  for (const bool late : {false, true}) {
    fill_format2(late);
    execute("UPDATE state SET term = 2");
    const std::string bad = read_file(path_);
    EXPECT_TRUE(says(load_error(), "the vote does not match its checksum")) << load_error().text;
    EXPECT_TRUE(says(load_error(), "muster masters remove")) << load_error().text;
    EXPECT_EQ(read_file(path_), bad);
    EXPECT_EQ(version(), "2");
    for (const char* end : {"", "-wal", "-mark"}) std::filesystem::remove(path_ + end);
  }
}

TEST_F(LogFormatTest, LeavesAFileOfTheSecondFormatOfAnotherClusterAsItIs) {
  for (const bool late : {false, true}) {
    fill_format2(late);
    const std::string before = read_file(path_);
    const auto log = SqliteLog::open(path_, "stage");
    ASSERT_FALSE(log);
    EXPECT_TRUE(says(log.error(), "belongs to cluster prod")) << log.error().text;
    EXPECT_EQ(read_file(path_), before);
    EXPECT_EQ(version(), "2");
    for (const char* end : {"", "-wal", "-mark"}) std::filesystem::remove(path_ + end);
  }
}

}  // namespace
}  // namespace muster::failover
