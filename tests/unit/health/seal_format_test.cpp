#include "health/seal_format.h"

#include <set>

#include <gtest/gtest.h>

namespace muster::health {
namespace {

TEST(SealFormat, AHeadReadsBackAndItsBytesAreWhereTheDescriptionSays) {
  const SealHead head{0x01020304, 0x1112131415161718, 0x212223242526};
  const std::string bytes = encode_seal_head(head);
  EXPECT_EQ(bytes, "S\x01\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18\x21\x22\x23\x24\x25\x26");
  EXPECT_EQ(bytes.size(), kSealHeadBytes);
  EXPECT_EQ(decode_seal_head(bytes + std::string(kSealTagBytes, 't')), head);
}

TEST(SealFormat, AMessageTooShortForHeadAndTagHasNoHead) {
  const std::string bytes = encode_seal_head(SealHead{1, 2, 3}) + std::string(kSealTagBytes, 't');
  for (std::size_t length = 2; length < kSealOverheadBytes; ++length) {
    EXPECT_EQ(decode_seal_head(std::string_view(bytes).substr(0, length)), std::nullopt) << length;
  }
}

TEST(SealFormat, EveryCounterHasANonceOfItsOwn) {
  std::set<SealNonce> nonces;
  const std::set<std::uint64_t> counters = {0,   1,          255,         256,
                                            257, 0xffffffff, 0x100000000, kSealCounterMax};
  for (const std::uint64_t counter : counters) nonces.insert(nonce_of(counter));
  EXPECT_EQ(nonces.size(), counters.size());
  EXPECT_EQ(nonce_of(0x0102), (SealNonce{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2}));
}

TEST(SealFormat, AKeyIdIsEightHexadecimalDigits) {
  EXPECT_EQ(key_id_text(0x00c0ffee), "00c0ffee");
  EXPECT_EQ(parse_key_id("00c0ffee"), 0x00c0ffeeU);
  EXPECT_EQ(parse_key_id("00C0FFEE"), 0x00c0ffeeU);
  for (const char* bad : {"", "c0ffee", "00c0ffee0", "0x00c0ff", "-0c0ffee", "00c0ffeg"}) {
    EXPECT_EQ(parse_key_id(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace muster::health
