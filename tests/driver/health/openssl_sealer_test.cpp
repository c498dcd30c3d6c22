#include "health/openssl_sealer.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace muster::health {
namespace {

using enum GossipDrop;
constexpr SealKind kDatagram = SealKind::Datagram;
constexpr SealKind kStream = SealKind::Stream;

RingKey key(unsigned char first) {
  RingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(first + 3 * i);
  return key;
}
std::unique_ptr<OpensslSealer> sealer(const std::vector<RingKey>& keys,
                                      const SealerOptions& options = {}) {
  return OpensslSealer::make(keys, options).value();
}
std::optional<GossipDrop> refusal(OpensslSealer& by, SealKind kind, const std::string& bytes) {
  const auto opened = by.open(kind, bytes);
  if (opened) return std::nullopt;
  return opened.error();
}

TEST(OpensslSealer, WhatOneMemberSealsAnotherOpens) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  for (const SealKind kind : {kDatagram, kStream}) {
    for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 1400U, 1U << 20}) {
      const std::string message(size, 'm');
      EXPECT_EQ(b->open(kind, a->seal(kind, message)), message) << size;
      EXPECT_EQ(a->open(kind, b->seal(kind, message)), message) << size;
    }
  }
}

TEST(OpensslSealer, ASealedMessageIsLongerByTheOverheadAndShowsNothingOfItself) {
  const auto a = sealer({key(1)});
  for (const std::size_t size : {0U, 1U, 1000U}) {
    EXPECT_EQ(a->seal(kDatagram, std::string(size, 'x')).size(), size + kSealOverheadBytes);
  }
  EXPECT_EQ(a->seal(kDatagram, "a plain message").find("plain"), std::string::npos);
}

TEST(OpensslSealer, AForeignKeyIsUnknownAndAForgedIdIsUnauthentic) {
  const auto a = sealer({key(1)});
  const auto foreign = sealer({key(2)});
  std::string bytes = foreign->seal(kDatagram, "let me in");
  EXPECT_EQ(refusal(*a, kDatagram, bytes), UnknownKey);
  bytes.replace(2, 4, a->seal(kDatagram, "").substr(2, 4));
  EXPECT_EQ(refusal(*a, kDatagram, bytes), Unauthentic);
  EXPECT_EQ(a->sessions(kDatagram), 0U);
}

TEST(OpensslSealer, EveryTruncationIsRefusedAndSoIsEveryAddition) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  const std::string whole = a->seal(kDatagram, "one message");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto expected = length < kSealOverheadBytes ? Malformed : Unauthentic;
    EXPECT_EQ(refusal(*b, kDatagram, whole.substr(0, length)), expected) << length;
  }
  EXPECT_EQ(refusal(*b, kDatagram, whole + '\0'), Unauthentic);
  EXPECT_EQ(b->open(kDatagram, whole), "one message");
}

TEST(OpensslSealer, EveryFlippedBitIsRefusedForTheReasonThatItIs) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  const std::string whole = a->seal(kDatagram, "small");
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const std::size_t at = bit / 8;
    const auto expected = at == 0   ? Malformed
                          : at == 1 ? WrongVersion
                          : at < 6  ? UnknownKey
                                    : Unauthentic;
    EXPECT_EQ(refusal(*b, kDatagram, bytes), expected) << "bit " << bit;
  }
  EXPECT_EQ(b->open(kDatagram, whole), "small");
}

TEST(OpensslSealer, AMessageIsTakenOnceAndLateOnesInAnyOrder) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  std::vector<std::string> sent;
  for (int i = 0; i < 1025; ++i) sent.push_back(a->seal(kDatagram, std::to_string(i)));
  EXPECT_EQ(b->open(kDatagram, sent[5]), "5");
  EXPECT_EQ(refusal(*b, kDatagram, sent[5]), Replayed);
  EXPECT_EQ(b->open(kDatagram, sent[3]), "3");
  EXPECT_EQ(b->open(kDatagram, sent[1024]), "1024");
  EXPECT_EQ(b->open(kDatagram, sent[1]), "1");
  EXPECT_EQ(refusal(*b, kDatagram, sent[0]), Replayed);  // too old to tell
  for (const std::size_t again : {1U, 3U, 5U, 1024U}) {
    EXPECT_EQ(refusal(*b, kDatagram, sent[again]), Replayed) << again;
  }
  const auto c = sealer({key(1)});
  EXPECT_EQ(c->open(kDatagram, sent[5]), "5");  // replay is each member's own matter
}

TEST(OpensslSealer, ADatagramIsNoStreamAndAStreamNoDatagram) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  EXPECT_EQ(refusal(*b, kStream, a->seal(kDatagram, "m")), Unauthentic);
  EXPECT_EQ(refusal(*b, kDatagram, a->seal(kStream, "m")), Unauthentic);
}

TEST(OpensslSealer, PlainAndSealedMembersRefuseEachOtherByName) {
  const auto sealed = sealer({key(1)});
  const auto plain = sealer({});
  const std::string message = "M\x01 packet";
  EXPECT_EQ(plain->seal(kDatagram, message), message);
  EXPECT_EQ(plain->open(kDatagram, message), message);
  EXPECT_EQ(refusal(*sealed, kDatagram, message), Unsealed);
  EXPECT_EQ(refusal(*sealed, kDatagram, "GET / HTTP/1.1"), Malformed);
  EXPECT_EQ(refusal(*sealed, kDatagram, ""), Malformed);
  EXPECT_EQ(refusal(*sealed, kDatagram, "S"), Malformed);
  EXPECT_EQ(refusal(*plain, kDatagram, sealed->seal(kDatagram, message)), Sealed);
}

TEST(OpensslSealer, NoKeyAndNonceComeTwiceAlsoAfterARestart) {
  // Key and nonce are what the head says: two heads alike would be one key stream twice.
  std::set<std::string> heads;
  for (int life = 0; life < 20; ++life) {
    const auto member = sealer({key(1)}, {16, 5});  // a new session every five messages
    for (int i = 0; i < 23; ++i) {
      for (const SealKind kind : {kDatagram, kStream}) {
        EXPECT_TRUE(heads.insert(member->seal(kind, "m").substr(0, kSealHeadBytes)).second);
      }
    }
    ASSERT_TRUE(member->rekey({key(2)}));
    ASSERT_TRUE(member->rekey({key(1)}));
    EXPECT_TRUE(heads.insert(member->seal(kDatagram, "m").substr(0, kSealHeadBytes)).second);
  }
}

TEST(OpensslSealer, ANewSessionIsTakenLikeTheOneBefore) {
  const auto a = sealer({key(1)}, {16, 3});
  const auto b = sealer({key(1)});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(b->open(kDatagram, a->seal(kDatagram, "m")), "m") << i;
  EXPECT_EQ(b->sessions(kDatagram), 4U);
}

TEST(OpensslSealer, TheSameMessageNeverLooksTheSame) {
  const auto a = sealer({key(1)});
  std::set<std::string> bodies;
  for (int i = 0; i < 100; ++i) bodies.insert(a->seal(kDatagram, "m").substr(kSealHeadBytes));
  EXPECT_EQ(bodies.size(), 100U);
}

TEST(OpensslSealer, GarbageFillsNoSessionsAndTheLongestSilentOneIsForgottenFirst) {
  const auto a = sealer({key(1)}, {3, 1000});
  std::vector<std::unique_ptr<OpensslSealer>> members;
  std::vector<std::string> first;
  for (int i = 0; i < 4; ++i) {
    members.push_back(sealer({key(1)}));
    first.push_back(members.back()->seal(kDatagram, "first"));
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(a->open(kDatagram, first[i]));
  for (int i = 0; i < 1000; ++i) {  // each names a session that nobody has
    std::string garbage = first[0];
    garbage[6 + i % 8] = static_cast<char>(i);
    garbage.back() = static_cast<char>(garbage.back() ^ 1);
    EXPECT_FALSE(a->open(kDatagram, garbage));
  }
  EXPECT_EQ(a->sessions(kDatagram), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(refusal(*a, kDatagram, first[i]), Replayed);

  EXPECT_TRUE(a->open(kDatagram, members[0]->seal(kDatagram, "heard again")));
  EXPECT_TRUE(a->open(kDatagram, first[3]));
  EXPECT_EQ(a->sessions(kDatagram), 3U);
  EXPECT_EQ(refusal(*a, kDatagram, first[0]), Replayed);
  EXPECT_EQ(refusal(*a, kDatagram, first[2]), Replayed);
  EXPECT_TRUE(a->open(kDatagram, first[1]));  // forgotten: what its reader must be able to bear
}

TEST(OpensslSealer, ARotationLosesNoMessageWhileRingsOverlap) {
  const RingKey old_key = key(1);
  const RingKey new_key = key(2);
  const std::vector<std::vector<RingKey>> steps = {
      {old_key}, {old_key, new_key}, {new_key, old_key}, {new_key}};
  // Each member takes a step of its own time, so that at any moment two steps are side by side.
  const auto a = sealer(steps[0]);
  const auto b = sealer(steps[0]);
  const auto talk = [&] {
    for (const SealKind kind : {kDatagram, kStream}) {
      EXPECT_EQ(b->open(kind, a->seal(kind, "from a")), "from a");
      EXPECT_EQ(a->open(kind, b->seal(kind, "from b")), "from b");
    }
  };
  talk();
  for (std::size_t step = 1; step < steps.size(); ++step) {
    ASSERT_TRUE(a->rekey(steps[step]));
    talk();
    ASSERT_TRUE(b->rekey(steps[step]));
    talk();
  }
  EXPECT_EQ(a->sessions(kDatagram), 1U);  // those under the old key are gone with it
  const auto late = sealer(steps[0]);
  EXPECT_EQ(refusal(*a, kDatagram, late->seal(kDatagram, "m")), UnknownKey);
}

TEST(OpensslSealer, AReloadDoesNotForgetWhatWasTaken) {
  const auto a = sealer({key(1)});
  const auto b = sealer({key(1)});
  const std::string sent = a->seal(kDatagram, "m");
  EXPECT_TRUE(b->open(kDatagram, sent));
  ASSERT_TRUE(b->rekey({key(2), key(1)}));
  EXPECT_EQ(refusal(*b, kDatagram, sent), Replayed);
}

TEST(OpensslSealer, ARingThatCannotBeUsedLeavesTheOldOne) {
  const auto a = sealer({key(1)});
  EXPECT_EQ(a->rekey({}).error().code, Code::InvalidArgument);
  EXPECT_EQ(a->rekey({key(3), key(3)}).error().code, Code::InvalidArgument);
  EXPECT_EQ(a->key_ids(), std::vector<KeyId>{key_id(key(1))});
  EXPECT_TRUE(sealer({key(1)})->open(kDatagram, a->seal(kDatagram, "m")));
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (; !digits.empty(); digits.remove_prefix(2)) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(0, 2)), nullptr, 16));
  }
  return bytes;
}

TEST(OpensslSealer, MessagesOfAnotherImplementationOfTheFormatAreOpened) {
  // Of Python's cryptography package: HKDF-SHA256 without salt of the ring's key, with the label
  // and the session as info; AES-256-GCM with the head as associated data. A member of another
  // version must read the same, so these bytes never change while kSealFormat is 1.
  const std::string head = "530129f28c721112131415161718000000000007";
  const auto a = sealer({key(1)});
  EXPECT_EQ(a->open(kDatagram, from_hex(head + "e6df630e6b32fd6ca19fcd83475b9077da8bd4b6175595db")),
            "M\x01 hello");
  EXPECT_EQ(a->open(kStream, from_hex(head + "778ed48b3753d9e930b930612244fc4d809e332b78bea858")),
            "M\x01 hello");
  EXPECT_EQ(key_id_text(a->key_ids().front()), "29f28c72");
}

TEST(OpensslSealer, DrawnKeysDifferAndAreNoneThatAFileWouldRefuse) {
  std::set<RingKey> keys;
  for (int i = 0; i < 100; ++i) {
    const RingKey drawn = random_ring_key();
    EXPECT_EQ(parse_ring_key(ring_key_text(drawn)).value(), drawn);
    keys.insert(drawn);
  }
  EXPECT_EQ(keys.size(), 100U);
}

}  // namespace
}  // namespace muster::health
