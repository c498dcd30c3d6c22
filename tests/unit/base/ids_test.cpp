#include "base/ids.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

TEST(Ids, AValidNameIsShortLowerCaseAndBeginsAndEndsWithALetterOrDigit) {
  for (const char* good : {"a", "n1", "web-1", "a.b.c", "0", "rack-7.site-b"}) {
    EXPECT_TRUE(valid_name(good)) << good;
  }
  for (const char* bad : {"", "-a", "a-", ".a", "a.", "A", "a_b", "a b", "a/b", "ä", "a\n"}) {
    EXPECT_FALSE(valid_name(bad)) << bad;
  }
  EXPECT_TRUE(valid_name(std::string(63, 'a')));
  EXPECT_FALSE(valid_name(std::string(64, 'a')));
  EXPECT_FALSE(valid_name(std::string("a\0b", 3)));
}

// From the authors' list of vectors: the hash is in files and on wires.
TEST(Ids, TheHashIsFnv1aForEver) {
  EXPECT_EQ(fnv1a64(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(fnv1a64("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(fnv1a64("foobar"), 0x85944171f73967e8ULL);
  EXPECT_EQ(fnv1a64("bar", fnv1a64("foo")), fnv1a64("foobar"));
  EXPECT_EQ(master_id("foobar"), fnv1a64("foobar"));
}

TEST(Ids, BytesAboveAsciiAreHashedUnsigned) { EXPECT_EQ(fnv1a64("\xff"), 0xaf64724c8602eb6eULL); }

TEST(Ids, AnAddressIsAHostAndAPort) {
  EXPECT_EQ(parse_address("10.0.0.1:7947"), (Address{"10.0.0.1", 7947}));
  EXPECT_EQ(parse_address("db.example:1"), (Address{"db.example", 1}));
  EXPECT_EQ(parse_address("h:65535").value().text(), "h:65535");
}

TEST(Ids, WhatIsNoAddressIsRefusedWithItsText) {
  for (const char* bad : {"", ":", "h", "h:", ":80", "h:0", "h:65536", "h:-1", "h:+1", "h:8x",
                          "h: 80", "h:80 ", "h:99999999999999999999"}) {
    const Result<Address> address = parse_address(bad);
    ASSERT_FALSE(address.has_value()) << bad;
    EXPECT_EQ(address.error().code, Code::InvalidArgument) << bad;
    EXPECT_NE(address.error().text.find("host:port"), std::string::npos) << bad;
  }
}

TEST(Ids, LoopbackIsOnlyWhatCanBeNothingElse) {
  for (const char* good : {"127.0.0.1", "127.255.255.255", "127.1.2.3", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(good)) << good;
  }
  for (const char* bad : {"",
                          "127",
                          "127.",
                          "127.1",
                          "127.0.1",
                          "127.0.0.1.2",
                          "127.0.0.1.example.org",
                          "127.0.0.",
                          "127..0.1",
                          "127.0.0.256",
                          "127.0.0.-1",
                          "127.0.0.1 ",
                          "127.0.0.0x1",
                          "127.0.0.01",
                          "127.a.b.c",
                          "1127.0.0.1",
                          "128.0.0.1",
                          "10.0.0.1",
                          "0.0.0.0",
                          "::",
                          "::11",
                          "localhost.example.org",
                          "notlocalhost"}) {
    EXPECT_FALSE(is_loopback(bad)) << bad;
  }
}

}  // namespace
}  // namespace muster
