#include "identity/token.h"

#include <gtest/gtest.h>

#include "identity/base32.h"

namespace muster::identity {
namespace {

const std::string kPin = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

std::string random(char first = 1) {
  std::string bytes;
  for (std::size_t i = 0; i < kTokenIdBytes + kSecretBytes; ++i) {
    bytes.push_back(static_cast<char>(first + static_cast<char>(11 * i)));
  }
  return bytes;
}

TEST(Base32, TextsAreThoseOfTheStandard) {
  EXPECT_EQ(base32(""), "");
  EXPECT_EQ(base32("fooba"), "mzxw6ytb");
  EXPECT_EQ(base32(std::string(5, '\xff')), "77777777");
  EXPECT_EQ(from_base32("mzxw6ytb"), "fooba");
  for (const char* wrong : {"mzxw6yt", "MZXW6YTB", "mzxw6yt1", "mzxw6yt="}) {
    EXPECT_FALSE(from_base32(wrong)) << wrong;
  }
}

TEST(Token, AJoinTokenSurvivesBeingCopied) {
  for (const NodeRole role : {NodeRole::Agent, NodeRole::Master}) {
    const JoinToken token = join_token(role, kPin, random());
    const std::string text = text_of(token);
    EXPECT_TRUE(text.starts_with(role == NodeRole::Agent ? "MUSTER-1-agent-" : "MUSTER-1-master-"));
    EXPECT_LE(text.size(), kTokenBytesMax);
    EXPECT_EQ(parse_join_token(text).value(), token);
    EXPECT_EQ(parse_join_token("  " + text + "\r\n").value(), token);
  }
}

TEST(Token, AnApiTokenSurvivesBeingCopied) {
  const ApiToken token = api_token(random());
  EXPECT_TRUE(text_of(token).starts_with("MUSTER-1-api-"));
  EXPECT_EQ(parse_api_token(text_of(token)).value(), token);
  EXPECT_EQ(token.secret.size(), 32U);  // 160 bits
}

TEST(Token, OneKindIsNotTakenForTheOther) {
  const auto api = parse_api_token(text_of(join_token(NodeRole::Agent, kPin, random())));
  ASSERT_FALSE(api);
  EXPECT_NE(api.error().text.find("is for joining"), std::string::npos);
  const auto join = parse_join_token(text_of(api_token(random())));
  ASSERT_FALSE(join);
  EXPECT_NE(join.error().text.find("is for the API"), std::string::npos);
}

TEST(Token, EveryChangedCharacterAndEveryCutIsNoticed) {
  const std::string good = text_of(join_token(NodeRole::Master, kPin, random()));
  for (std::size_t at = 0; at < good.size(); ++at) {
    EXPECT_FALSE(parse_token(good.substr(0, at))) << at;
    std::string changed = good;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(parse_token(changed)) << at;
  }
  EXPECT_FALSE(parse_token(good + "a"));
  EXPECT_FALSE(parse_token(good + "-a"));
}

TEST(Token, WhatIsNoTokenIsRefusedWithTheReasonAndWithoutTheToken) {
  const std::string good = text_of(join_token(NodeRole::Agent, kPin, random()));
  const struct {
    std::string text, expected;
  } rows[] = {
      {"", "it is empty"},
      {" \n", "it is empty"},
      {std::string(kTokenBytesMax + 1, 'x'), "too long"},
      {"swmtkn-1-abc", "does not begin with MUSTER-1-"},
      {"MUSTER", "a format that this version does not know"},
      {"MUSTER-2-agent-x-y-z-c", "a format that this version does not know"},
      {good.substr(0, 60), "not copied whole"},
  };
  for (const auto& row : rows) {
    const auto refused = parse_token(row.text);
    ASSERT_FALSE(refused) << row.expected;
    EXPECT_EQ(refused.error().code, Code::InvalidArgument);
    EXPECT_NE(refused.error().text.find(row.expected), std::string::npos) << refused.error().text;
    if (row.text.size() > 30) {
      EXPECT_EQ(refused.error().text.find(row.text.substr(20, 10)), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace muster::identity
