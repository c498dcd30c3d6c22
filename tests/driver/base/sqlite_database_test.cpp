#include "base/sqlite_database.h"

#include <gtest/gtest.h>

#include "tests/driver/temp_dir.h"

namespace muster {
namespace {

SqliteOptions options(const std::string& path) {
  return {.path = path,
          .what = "the notebook",
          .application_id = 0x74657374,
          .version = 1,
          .schema = "CREATE TABLE notes(id INTEGER PRIMARY KEY, text BLOB)"};
}

Status put(SqliteDatabase& database, std::uint64_t id, const std::string& text) {
  auto insert = database.prepare("INSERT INTO notes(id, text) VALUES(?, ?)");
  if (!insert) return tl::unexpected(insert.error());
  return insert->bind(1, id).bind_blob(2, text).run();
}

std::string get(SqliteDatabase& database, std::uint64_t id) {
  auto select = database.prepare("SELECT text FROM notes WHERE id = ?");
  const auto row = select->bind(1, id).step();
  return row && *row ? select->bytes(0) : "(none)";
}

void fill(const std::string& path) {
  auto database = SqliteDatabase::open(options(path));
  ASSERT_TRUE(database) << database.error().text;
  ASSERT_TRUE(database->transaction([&]() -> Status {
    Status done;
    for (std::uint64_t id = 1; id <= 200 && done; ++id) {
      done = put(*database, id, std::string(300, 'x'));
    }
    return done;
  }));
}

Error refused(const SqliteOptions& wanted) {
  const auto database = SqliteDatabase::open(wanted);
  EXPECT_FALSE(database);
  const Error error = database ? Error{} : database.error();
  EXPECT_NE(error.text.find(wanted.path), std::string::npos) << error.text;
  EXPECT_EQ(error.text.find('\n'), std::string::npos) << error.text;
  return error;
}

bool says(const Error& error, const std::string& part) {
  return error.text.find(part) != std::string::npos;
}

TEST(SqliteDatabase, RemembersWhatWasWrittenBeforeItWasClosed) {
  const TempDir dir;
  fill(dir.file("n.db"));
  auto database = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(database) << database.error().text;
  EXPECT_EQ(get(*database, 200), std::string(300, 'x'));
  EXPECT_TRUE(put(*database, ~std::uint64_t{0}, std::string("a\0b", 3)));
  EXPECT_EQ(get(*database, ~std::uint64_t{0}), std::string("a\0b", 3));
  EXPECT_TRUE(put(*database, 201, ""));
  EXPECT_EQ(get(*database, 201), "");
}

TEST(SqliteDatabase, KeepsItsFilesPrivate) {
  const TempDir dir;
  const auto database = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(database);
  using std::filesystem::perms;
  for (const char* name : {"n.db", "n.db-wal"}) {
    const auto mode = std::filesystem::status(dir.file(name)).permissions();
    EXPECT_EQ(mode, perms::owner_read | perms::owner_write) << name;
  }
}

TEST(SqliteDatabase, UndoesATransactionWhoseBodyFails) {
  const TempDir dir;
  auto database = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(database);
  const Status done = database->transaction([&]() -> Status {
    if (Status written = put(*database, 1, "one"); !written) return written;
    return fail(Code::Unavailable, "changed my mind");
  });
  EXPECT_EQ(done.error().text, "changed my mind");
  EXPECT_EQ(get(*database, 1), "(none)");
  EXPECT_TRUE(database->transaction([&] { return put(*database, 1, "two"); }));
  EXPECT_EQ(get(*database, 1), "two");
}

TEST(SqliteDatabase, SaysThatTheDiskIsFullAndLosesNothing) {
  const TempDir dir;
  SqliteOptions small = options(dir.file("n.db"));
  small.max_pages = 16;
  auto database = SqliteDatabase::open(small);
  ASSERT_TRUE(database);
  ASSERT_TRUE(put(*database, 1, "kept"));
  const Status done = database->transaction([&]() -> Status {
    if (Status written = put(*database, 2, "undone"); !written) return written;
    return put(*database, 3, std::string(1 << 20, 'x'));
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::Exhausted) << done.error().text;
  EXPECT_TRUE(says(done.error(), "free space")) << done.error().text;
  EXPECT_EQ(get(*database, 1), "kept");
  EXPECT_EQ(get(*database, 2), "(none)");
  EXPECT_TRUE(put(*database, 2, "written later"));
}

TEST(SqliteDatabase, GivesBackWhatIsEmptyBitByBit) {
  const TempDir dir;
  SqliteOptions wanted = options(dir.file("n.db"));
  for (const bool gives_back : {false, true}) {
    std::filesystem::remove(wanted.path);
    wanted.gives_back = gives_back;
    auto database = SqliteDatabase::open(wanted);
    ASSERT_TRUE(database);
    ASSERT_TRUE(put(*database, 1, "kept"));
    ASSERT_TRUE(put(*database, 2, std::string(1 << 20, 'x')));
    ASSERT_TRUE(database->execute("DELETE FROM notes WHERE id = 2; PRAGMA wal_checkpoint"));
    const auto large = std::filesystem::file_size(wanted.path);
    EXPECT_EQ(database->give_back(10).value(), gives_back);
    EXPECT_EQ(std::filesystem::file_size(wanted.path), large - (gives_back ? 10 * 4096 : 0));
    EXPECT_EQ(database->give_back(10'000).value(), gives_back);
    EXPECT_FALSE(database->give_back(10).value());
    EXPECT_EQ(get(*database, 1), "kept");
  }
  EXPECT_LT(std::filesystem::file_size(wanted.path), 10 * 4096);
}

TEST(SqliteDatabase, NoticesThatItsFileIsNotWhereItWas) {
  const TempDir dir;
  const auto database = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(database);
  EXPECT_FALSE(database->moved());
  std::filesystem::rename(dir.file("n.db"), dir.file("m.db"));
  EXPECT_TRUE(database->moved());
  fill(dir.file("n.db"));
  EXPECT_TRUE(database->moved());
}

TEST(SqliteDatabase, LeavesAFileOfAnotherProgramAlone) {
  const TempDir dir;
  SqliteOptions other = options(dir.file("n.db"));
  other.application_id = 7;
  ASSERT_TRUE(SqliteDatabase::open(other));
  const std::string before = read_file(other.path);
  const Error error = refused(options(other.path));
  EXPECT_EQ(error.code, Code::Conflict);
  EXPECT_TRUE(says(error, "another program")) << error.text;
  EXPECT_EQ(read_file(other.path), before);
}

TEST(SqliteDatabase, RefusesAFileOfANewerVersion) {
  const TempDir dir;
  SqliteOptions newer = options(dir.file("n.db"));
  newer.version = 2;
  ASSERT_TRUE(SqliteDatabase::open(newer));
  const Error error = refused(options(newer.path));
  EXPECT_EQ(error.code, Code::Conflict);
  EXPECT_TRUE(says(error, "run the newer version")) << error.text;
}

SqliteOptions second_version(const std::string& path, bool fails) {
  SqliteOptions newer = options(path);
  newer.version = 2;
  newer.schema = "CREATE TABLE pages(id INTEGER PRIMARY KEY, text BLOB)";
  newer.upgrades = {
      {1, options(path).schema, [fails, schema = newer.schema](SqliteDatabase& database) -> Status {
         const Status done = database.execute(
             schema + "; INSERT INTO pages SELECT id, text FROM notes; DROP TABLE notes");
         if (done && fails) return fail(Code::DataLoss, "changed my mind");
         return done;
       }}};
  return newer;
}

TEST(SqliteDatabase, BringsAFileOfAnOlderVersionToThePresentOne) {
  const TempDir dir;
  fill(dir.file("n.db"));
  ASSERT_TRUE(SqliteDatabase::open(second_version(dir.file("n.db"), false)));
  {
    auto database = SqliteDatabase::open(second_version(dir.file("n.db"), false));
    ASSERT_TRUE(database) << database.error().text;
    auto select = database->prepare("SELECT count(*) FROM pages");
    ASSERT_TRUE(*select->step());
    EXPECT_EQ(select->int64(0), 200);
  }
  EXPECT_TRUE(says(refused(options(dir.file("n.db"))), "run the newer version"));
}

TEST(SqliteDatabase, LeavesAFileAsItWasWhenBringingItOverFails) {
  const TempDir dir;
  fill(dir.file("n.db"));
  const auto changed = SqliteDatabase::open(second_version(dir.file("n.db"), true));
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().text, "changed my mind");
  auto database = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(database) << database.error().text;
  EXPECT_EQ(get(*database, 200), std::string(300, 'x'));
}

TEST(SqliteDatabase, TellsASecondAgentThatTheFileIsInUse) {
  const TempDir dir;
  const auto first = SqliteDatabase::open(options(dir.file("n.db")));
  ASSERT_TRUE(first);
  const Error error = refused(options(dir.file("n.db")));
  EXPECT_EQ(error.code, Code::Conflict);
  EXPECT_TRUE(says(error, "another process")) << error.text;
}

TEST(SqliteDatabase, RefusesGarbage) {
  const TempDir dir;
  write_file(dir.file("n.db"), std::string(10000, 'g'));
  EXPECT_EQ(refused(options(dir.file("n.db"))).code, Code::DataLoss);
}

TEST(SqliteDatabase, RefusesAFileThatWasCutShort) {
  const TempDir dir;
  fill(dir.file("n.db"));
  std::filesystem::resize_file(dir.file("n.db"), 3 * 4096 + 100);
  EXPECT_EQ(refused(options(dir.file("n.db"))).code, Code::DataLoss);
}

TEST(SqliteDatabase, DoesNotTakeAnEmptyFileForANewOne) {
  const TempDir dir;
  write_file(dir.file("n.db"), "");
  EXPECT_EQ(refused(options(dir.file("n.db"))).code, Code::DataLoss);
}

TEST(SqliteDatabase, RefusesAPageThatWasOverwritten) {
  const TempDir dir;
  fill(dir.file("n.db"));
  std::string bytes = read_file(dir.file("n.db"));
  ASSERT_GT(bytes.size(), std::size_t{4 * 4096});
  bytes.replace(3 * 4096, 64, 64, '\xff');
  write_file(dir.file("n.db"), bytes);
  EXPECT_EQ(refused(options(dir.file("n.db"))).code, Code::DataLoss);
}

TEST(SqliteDatabase, RefusesTablesThatItsVersionDoesNotHave) {
  const TempDir dir;
  fill(dir.file("n.db"));
  {
    auto database = SqliteDatabase::open(options(dir.file("n.db")));
    ASSERT_TRUE(database->execute("ALTER TABLE notes ADD COLUMN author TEXT"));
  }
  EXPECT_TRUE(says(refused(options(dir.file("n.db"))), "its tables are not those of format 1"));
}

TEST(SqliteDatabase, NamesADirectoryThatIsNone) {
  const TempDir dir;
  write_file(dir.file("data"), "a file");
  for (const std::string& place : {dir.file("data"), dir.file("missing")}) {
    const auto database = SqliteDatabase::open(options(place + "/n.db"));
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, Code::PermissionDenied);
    EXPECT_TRUE(says(database.error(), place)) << database.error().text;
  }
  const Error error = refused(options("/proc/n.db"));  // not even root may make a file there
  EXPECT_EQ(error.code, Code::PermissionDenied) << error.text;
}

}  // namespace
}  // namespace muster
