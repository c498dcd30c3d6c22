#include "agent/crypt_password.h"

#include <gtest/gtest.h>

#include "tests/driver/agent/web_config_fixture.h"

namespace muster::agent {
namespace {

TEST(CryptPassword, AHashFitsItsPasswordAndNoOther) {
  EXPECT_TRUE(is_password_of(kSecretHash, "s3cret"));
  EXPECT_TRUE(is_password_of(kOtherHash, "other"));
  for (const char* const wrong : {"", "s3cre", "s3cret ", "S3cret", "other"}) {
    EXPECT_FALSE(is_password_of(kSecretHash, wrong)) << wrong;
  }
}

TEST(CryptPassword, WhatIsNoHashFitsNothing) {
  for (const char* const hash : {"", "*0", "*1", "s3cret", "$2b$04$"}) {
    EXPECT_FALSE(is_password_of(hash, "s3cret")) << hash;
    EXPECT_FALSE(is_password_of(hash, "")) << hash;
    EXPECT_FALSE(is_password_of(hash, hash)) << hash;
  }
}

}  // namespace
}  // namespace muster::agent
