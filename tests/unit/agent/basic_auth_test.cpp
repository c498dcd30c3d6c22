#include "agent/basic_auth.h"

#include <string>

#include <gtest/gtest.h>

#include "base/base64.h"

namespace muster::agent {
namespace {

constexpr const char* kHash = "$2y$10$abcdefghijklmnopqrstuu3KWNuWLhBnmgYfnzONPueahDuedC/lu";

std::string basic(const std::string& both) { return "Basic " + base64(both); }

TEST(BasicAuth, ANameAndAPasswordAreReadHoweverTheSchemeIsWritten) {
  for (const std::string scheme : {"Basic ", "basic ", "BASIC   "}) {
    const auto shown = basic_credentials(scheme + base64("ann:a:b"));
    ASSERT_TRUE(shown) << scheme;
    EXPECT_EQ(shown->user, "ann");
    EXPECT_EQ(shown->password, "a:b");
  }
  EXPECT_EQ(basic_credentials(basic(":"))->user, "");
}

TEST(BasicAuth, WhatIsNoNameAndPasswordIsNothing) {
  EXPECT_FALSE(basic_credentials(""));
  EXPECT_FALSE(basic_credentials("Basic"));
  EXPECT_FALSE(basic_credentials("Basic !"));
  EXPECT_FALSE(basic_credentials("Bearer " + base64("a:b")));
  EXPECT_FALSE(basic_credentials(basic("no colon")));
  EXPECT_FALSE(basic_credentials(basic("ann:" + std::string(2000, 'x'))));
}

TEST(BasicAuth, APasswordWithANullByteIsNothingBecauseAHashEndsThere) {
  EXPECT_FALSE(basic_credentials(basic(std::string("ann:secret\0more", 15))));
}

TEST(BasicAuth, AHashOfBcryptIsTakenInItsThreeSpellings) {
  std::string hash = kHash;
  for (const char kind : {'a', 'b', 'y'}) {
    hash[2] = kind;
    EXPECT_FALSE(wrong_bcrypt(hash)) << *wrong_bcrypt(hash);
  }
}

TEST(BasicAuth, AnythingElseIsNoHash) {
  const std::string good = kHash;
  for (const std::string& bad :
       {std::string(), std::string("s3cret"), good.substr(0, 59), good + "a",
        "$6$" + good.substr(3), "$2x" + good.substr(3), good.substr(0, 59) + ":",
        "$2y$1a" + good.substr(6), "$2y$10." + good.substr(7)}) {
    const auto wrong = wrong_bcrypt(bad);
    ASSERT_TRUE(wrong) << bad;
    EXPECT_TRUE(wrong->starts_with("is no bcrypt hash")) << *wrong;
  }
}

TEST(BasicAuth, AHashThatTakesSecondsToCheckIsRefused) {
  std::string hash = kHash;
  hash.replace(4, 2, "14");
  EXPECT_FALSE(wrong_bcrypt(hash));
  hash.replace(4, 2, "15");
  EXPECT_TRUE(wrong_bcrypt(hash)->starts_with("has the cost 15, which is not between 4 and 14"));
  hash.replace(4, 2, "03");
  EXPECT_TRUE(wrong_bcrypt(hash));
}

TEST(Proved, RemembersTheNewestAndForgetsTheOldest) {
  Proved proved;
  for (std::size_t i = 0; i <= Proved::kMax; ++i) {
    proved.remember(std::to_string(i));
    proved.remember(std::to_string(i));
  }
  EXPECT_EQ(proved.size(), Proved::kMax);
  EXPECT_FALSE(proved.knows("0"));
  EXPECT_TRUE(proved.knows("1"));
  EXPECT_TRUE(proved.knows(std::to_string(Proved::kMax)));
}

}  // namespace
}  // namespace muster::agent
