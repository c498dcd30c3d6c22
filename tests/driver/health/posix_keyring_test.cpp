#include "health/posix_keyring.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_dir.h"

namespace muster::health {
namespace {

RingKey key(unsigned char first) {
  RingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(first + 5 * i);
  return key;
}
unsigned mode_of(const std::string& path) {
  struct stat state {};
  return ::stat(path.c_str(), &state) == 0 ? state.st_mode & 07777 : 0;
}
std::size_t files_in(const std::string& directory) {
  const std::filesystem::directory_iterator all(directory);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
Status add(const std::string& path, const RingKey& added) {
  return change_keyring(path, [&](KeyringFile& ring) { return ring.add(added); });
}

TEST(PosixKeyring, AKeyringIsMadeForItsOwnerOnlyAndReadBack) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  const mode_t before = ::umask(0);
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(1))));
  ::umask(before);
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(load_keyring(path).value().keys(), std::vector<RingKey>{key(1)});
  EXPECT_EQ(files_in(dir.path()), 1U);
}

TEST(PosixKeyring, WhatIsThereIsNotOverwritten) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  write_file(path, "mine");
  const Status refused = create_keyring(path, KeyringFile::with_key(key(1)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Conflict);
  EXPECT_NE(refused.error().text.find(path), std::string::npos);
  EXPECT_EQ(read_file(path), "mine");
  EXPECT_EQ(files_in(dir.path()), 1U);
}

TEST(PosixKeyring, AFileThatOthersMayReadOrWriteIsRefusedWithTheWayOut) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(1))));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0666U}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto refused = load_keyring(path);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code, Code::PermissionDenied);
    EXPECT_NE(refused.error().text.find("chmod 600 " + path), std::string::npos);
    EXPECT_FALSE(add(path, key(2))) << mode;
  }
  ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
  EXPECT_TRUE(load_keyring(path));
}

TEST(PosixKeyring, AFileOfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  const TempDir dir;
  const std::string path = dir.file("keyring");
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(1))));
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  const auto refused = load_keyring(path);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("12345"), std::string::npos) << refused.error().text;
}

TEST(PosixKeyring, WhatIsNoFileOrIsMissingIsNamed) {
  const TempDir dir;
  EXPECT_EQ(load_keyring(dir.file("nothing")).error().code, Code::NotFound);
  EXPECT_NE(load_keyring(dir.file("nothing")).error().text.find("muster keyring generate"),
            std::string::npos);
  EXPECT_EQ(load_keyring(dir.path()).error().code, Code::InvalidArgument);
  const std::string fifo = dir.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(load_keyring(fifo).error().code, Code::InvalidArgument);  // and does not wait
  EXPECT_FALSE(create_keyring(dir.file("no/such/directory"), KeyringFile::with_key(key(1))));
}

TEST(PosixKeyring, AFileLargerThanAnyRingIsRefusedWithoutBeingReadWhole) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  write_file(path, std::string(1U << 22, '#'));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  const auto refused = load_keyring(path);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("larger than 65536"), std::string::npos);
}

TEST(PosixKeyring, AChangeReplacesTheFileAndKeepsItsModeAndComments) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  write_file(path, "# ours\n" + ring_key_text(key(1)) + "\n");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(add(path, key(2)));
  EXPECT_EQ(read_file(path),
            "# ours\n" + ring_key_text(key(1)) + "\n" + ring_key_text(key(2)) + "\n");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(files_in(dir.path()), 1U);
}

TEST(PosixKeyring, ARefusedChangeLeavesTheFileAsItWas) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(1))));
  const std::string before = read_file(path);
  EXPECT_EQ(add(path, key(1)).error().code, Code::Conflict);
  EXPECT_EQ(read_file(path), before);
  write_file(path, "# " + std::string(kKeyringBytesMax - 60, 'c') + "\n" + ring_key_text(key(1)));
  EXPECT_FALSE(add(path, key(2)));  // it could not be read again
  EXPECT_EQ(load_keyring(path).value().keys().size(), 1U);
  EXPECT_EQ(files_in(dir.path()), 1U);
}

TEST(PosixKeyring, ALinkStaysALinkAndTheFileBehindItChanges) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(1))));
  const std::string link = dir.file("link");
  std::filesystem::create_symlink(path, link);
  ASSERT_TRUE(add(link, key(2)));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(load_keyring(path).value().keys().size(), 2U);
}

TEST(PosixKeyring, TwoThatChangeOneFileLoseNothing) {
  const TempDir dir;
  const std::string path = dir.file("keyring");
  ASSERT_TRUE(create_keyring(path, KeyringFile::with_key(key(0))));
  const auto add_seven = [&](unsigned char from) {
    for (unsigned char i = 0; i < 7; ++i) {
      EXPECT_TRUE(add(path, key(static_cast<unsigned char>(from + i))));
    }
  };
  std::thread other(add_seven, static_cast<unsigned char>(100));
  add_seven(50);
  other.join();
  EXPECT_EQ(load_keyring(path).value().keys().size(), 15U);
}

}  // namespace
}  // namespace muster::health
