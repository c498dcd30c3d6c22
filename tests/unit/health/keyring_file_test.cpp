#include "health/keyring_file.h"

#include <gtest/gtest.h>

namespace muster::health {
namespace {

RingKey key(unsigned char first) {
  RingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(first + 7 * i);
  return key;
}
std::string line(unsigned char first) { return ring_key_text(key(first)) + "\n"; }
KeyringFile ring(const std::string& text) { return KeyringFile::parse(text, "ring").value(); }

TEST(KeyringFile, TheTextOfAKeyIsItsBase64) {
  RingKey known{};
  for (std::size_t i = 0; i < known.size(); ++i) known[i] = static_cast<unsigned char>(i);
  EXPECT_EQ(ring_key_text(known), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
  for (unsigned first = 0; first < 256; ++first) {
    const RingKey any = key(static_cast<unsigned char>(first));
    EXPECT_EQ(parse_ring_key(ring_key_text(any)).value(), any);
  }
}

TEST(KeyringFile, KeysComeInTheOrderOfTheirLinesAndCommentsAreNone) {
  const KeyringFile file =
      ring("# ours\r\n\n  " + ring_key_text(key(1)) + " # new\r\n" + line(2) + "   # the end");
  EXPECT_EQ(file.keys(), (std::vector<RingKey>{key(1), key(2)}));
}

TEST(KeyringFile, WhatIsNotAKeyringIsRefusedWithItsLineAndTheWayOut) {
  const std::string good = line(1);
  std::string many;
  for (unsigned char i = 0; i <= kKeysMax; ++i) many += line(i);
  const struct {
    std::string text, expected;
  } rows[] = {
      {"", "ring: holds no key"},
      {"# nothing\n\n", "ring: holds no key"},
      {"secret!\n", "ring:1: this is not base64"},
      {"\n# c\nabcd\n", "ring:3: this is 4 characters"},
      {good.substr(0, 43) + "\n", "ring:1: this is 43 characters"},
      {good.substr(0, 43) + "==\n", "ring:1: this is 45 characters"},
      {good.substr(0, 42) + "==\n", "ring:1: this is 44 characters"},
      {good.substr(0, 42) + "B=\n", "ring:1: its last character"},
      {ring_key_text(RingKey{}) + "\n", "ring:1: this key is not random"},
      {good + "#\n" + good, "ring:3: this key stands in line 1 already"},
      {many, "ring:17: this is one key more than the 16"},
      {std::string(kKeyringBytesMax + 1, '#'), "ring: is larger than 65536"},
      {std::string("\0\n", 2), "ring:1: this is not base64"},
  };
  for (const auto& row : rows) {
    const auto refused = KeyringFile::parse(row.text, "ring");
    ASSERT_FALSE(refused) << row.expected;
    EXPECT_EQ(refused.error().code, Code::InvalidArgument);
    EXPECT_TRUE(refused.error().text.starts_with(row.expected)) << refused.error().text;
  }
}

TEST(KeyringFile, NoErrorHoldsAnyPartOfAKey) {
  const std::string text = ring_key_text(key(9));
  for (std::size_t length = 1; length < text.size(); ++length) {
    for (const std::string& bad : {text.substr(0, length), text.substr(0, length) + "?"}) {
      const auto refused = KeyringFile::parse(bad, "ring");
      ASSERT_FALSE(refused);
      if (length >= 4) {
        EXPECT_EQ(refused.error().text.find(text.substr(0, 4)), std::string::npos);
      }
    }
  }
}

TEST(KeyringFile, AnAddedKeyComesLastAndTheTextReadsBack) {
  KeyringFile file = ring("# a\n" + line(1) + "# b\n");
  ASSERT_TRUE(file.add(key(2)));
  EXPECT_EQ(file.keys(), (std::vector<RingKey>{key(1), key(2)}));
  EXPECT_EQ(file.text(), "# a\n" + line(1) + "# b\n" + line(2));
  EXPECT_EQ(ring(file.text()).keys(), file.keys());
}

TEST(KeyringFile, AKeyThatIsThereIsWeakOrIsOneTooManyIsNotAdded) {
  KeyringFile file = ring(line(0));
  EXPECT_EQ(file.add(key(0)).error().code, Code::Conflict);
  EXPECT_EQ(file.add(RingKey{}).error().code, Code::InvalidArgument);
  for (unsigned char i = 1; i < kKeysMax; ++i) ASSERT_TRUE(file.add(key(i)));
  EXPECT_EQ(file.add(key(100)).error().code, Code::Exhausted);
  EXPECT_EQ(file.keys().size(), kKeysMax);
}

TEST(KeyringFile, TheKeyToUseComesFirstAndTheOthersKeepTheirOrderAndComments) {
  KeyringFile file = ring("# a\n" + line(1) + "# b\n" + line(2) + line(3));
  file.use(2);
  EXPECT_EQ(file.keys(), (std::vector<RingKey>{key(3), key(1), key(2)}));
  EXPECT_EQ(file.text(), "# a\n" + line(3) + line(1) + "# b\n" + line(2));
  file.use(0);
  EXPECT_EQ(ring(file.text()).keys(), file.keys());
}

TEST(KeyringFile, TheKeyThatSealsIsNotRemovedAndAnyOtherIs) {
  KeyringFile file = ring("# a\n" + line(1) + "# b\n" + line(2) + line(3));
  EXPECT_EQ(file.remove(0).error().code, Code::Conflict);
  ASSERT_TRUE(file.remove(1));
  EXPECT_EQ(file.text(), "# a\n" + line(1) + "# b\n" + line(3));
  ASSERT_TRUE(file.remove(1));
  EXPECT_EQ(file.remove(0).error().code, Code::Conflict);
  EXPECT_EQ(file.keys(), std::vector<RingKey>{key(1)});
}

TEST(KeyringFile, ANewFileHoldsOneKeyAndSaysWhatItIs) {
  const KeyringFile file = KeyringFile::with_key(key(5));
  EXPECT_TRUE(file.text().starts_with("# muster keyring"));
  EXPECT_EQ(ring(file.text()).keys(), std::vector<RingKey>{key(5)});
}

}  // namespace
}  // namespace muster::health
