#include <gtest/gtest.h>

#include "failover/commands.h"
#include "state_fixture.h"

namespace muster::failover {
namespace {

struct TokensTest : StateTest {
  static TokenRecord join_token(const std::string& id, std::uint32_t uses, WallTime expires,
                                NodeRole role = NodeRole::Agent) {
    TokenRecord token;
    token.id = id;
    token.kind = TokenKind::Join;
    token.node_role = role;
    token.sha256 = std::string(64, 'a');
    token.uses_left = uses;
    token.expires = expires;
    return token;
  }
  Result<Outcome> join(const std::string& token, const NodeName& name, const std::string& serial,
                       const std::string& key = {}, NodeRole role = NodeRole::Agent) {
    return put(UseJoinToken{token, name, serial, key, role, wall + 24h});
  }
  std::string all_texts() const {
    std::string all;
    for (const EventRecord& event : state.events) all += event.text + "\n";
    return all;
  }
};

TEST_F(TokensTest, AJoinTokenIsForSoManyNodesAndUntilItExpires) {
  ASSERT_TRUE(put(PutToken{join_token("t", 2, wall + 1h)}));
  ASSERT_TRUE(join("t", "n1", "1"));
  ASSERT_TRUE(join("t", "n2", "2"));
  EXPECT_EQ(join("t", "n3", "3").error().code, Code::PermissionDenied);
  EXPECT_EQ(state.certificates.at("n2").serial, "2");
  EXPECT_FALSE(state.certificates.contains("n3"));
  ASSERT_TRUE(put(PutToken{join_token("late", 2, wall + 1h)}));
  wall += 2h;
  EXPECT_EQ(join("late", "n3", "3").error().code, Code::PermissionDenied);
  EXPECT_EQ(join("unknown", "n3", "3").error().code, Code::PermissionDenied);
}

TEST_F(TokensTest, AJoinTokenGivesNoOtherRoleThanItsOwn) {
  ASSERT_TRUE(put(PutToken{join_token("t", 2, wall + 1h)}));
  EXPECT_EQ(join("t", "n1", "1", "", NodeRole::Master).error().code, Code::PermissionDenied);
  TokenRecord api = join_token("api", 0, {});
  api.kind = TokenKind::Api;
  ASSERT_TRUE(put(PutToken{api}));
  EXPECT_EQ(join("api", "n1", "1").error().code, Code::PermissionDenied);
}

TEST_F(TokensTest, NobodyTakesTheNameOfANodeThatIsThere) {
  ASSERT_TRUE(put(PutToken{join_token("t", 5, wall + 1h)}));
  ASSERT_TRUE(join("t", "n1", "1", "key"));
  EXPECT_EQ(join("t", "n1", "2", "other").error().code, Code::Conflict);
  EXPECT_EQ(join("t", "n1", "2").error().code, Code::Conflict);
  EXPECT_EQ(state.certificates.at("n1").serial, "1");
  ASSERT_TRUE(put(RevokeNode{"n1"}));
  EXPECT_TRUE(join("t", "n1", "2", "other"));
}

TEST_F(TokensTest, WhoAsksAgainWithTheSameKeyTakesNoFurtherUse) {
  ASSERT_TRUE(put(PutToken{join_token("t", 1, wall + 1h)}));
  ASSERT_TRUE(join("t", "n1", "1", "key"));
  ASSERT_TRUE(join("t", "n1", "2", "key"));
  EXPECT_EQ(state.tokens.at("t").uses_left, 0U);
  ASSERT_TRUE(put(RevokeNode{"n1"}));
  EXPECT_TRUE(state.revoked.contains("1")) << "the first was handed out too, perhaps";
  EXPECT_TRUE(state.revoked.contains("2"));
}

TEST_F(TokensTest, ARevokedNodeDoesNotRenew) {
  ASSERT_TRUE(put(RecordCertificate{"n1", "1", "", "", NodeRole::Agent, wall, wall + 24h}));
  ASSERT_TRUE(put(RecordCertificate{"n1", "2", "", "1", NodeRole::Agent, wall, wall + 24h}));
  EXPECT_EQ(
      put(RecordCertificate{"n1", "3", "", "9", NodeRole::Agent, wall, wall + 24h}).error().code,
      Code::PermissionDenied);
  EXPECT_EQ(
      put(RecordCertificate{"n1", "3", "", "2", NodeRole::Master, wall, wall + 24h}).error().code,
      Code::PermissionDenied);
  ASSERT_TRUE(put(RevokeNode{"n1"}));
  EXPECT_EQ(state.revoked.size(), 2U);
  EXPECT_EQ(
      put(RecordCertificate{"n1", "3", "", "2", NodeRole::Agent, wall, wall + 24h}).error().code,
      Code::PermissionDenied);
  EXPECT_EQ(put(RevokeNode{"n1"}).error().code, Code::NotFound);
}

TEST_F(TokensTest, TokensThatMakeNoSenseAreRefused) {
  TokenRecord token = join_token("t", 1, wall + 1h);
  token.sha256 = std::string(64, 'A');
  EXPECT_EQ(put(PutToken{token}).error().code, Code::InvalidArgument);
  token.sha256 = std::string(63, 'a');
  EXPECT_EQ(put(PutToken{token}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(PutToken{join_token("t", 0, wall + 1h)}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(PutToken{join_token("t", 1, {})}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(PutToken{join_token("", 1, wall + 1h)}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(PutToken{join_token("a\nb", 1, wall + 1h)}).error().code, Code::InvalidArgument);
  ASSERT_TRUE(put(PutToken{join_token("t", 1, wall + 1h)}));
  EXPECT_EQ(put(PutToken{join_token("t", 1, wall + 1h)}).error().code, Code::Conflict);
  ASSERT_TRUE(put(DeleteToken{"t"}));
  EXPECT_EQ(put(DeleteToken{"t"}).error().code, Code::NotFound);
}

TEST_F(TokensTest, TokensThatAreOverMakeRoomForOthers) {
  for (std::size_t i = 0; i < kTokensMax; ++i) {
    const WallTime expires = i == 0 ? wall + 1h : wall + 999h;
    ASSERT_TRUE(put(PutToken{join_token("t" + std::to_string(i), 1, expires)}));
  }
  EXPECT_EQ(put(PutToken{join_token("more", 1, wall + 999h)}).error().code, Code::Exhausted);
  ASSERT_TRUE(join("t5", "n1", "1"));
  EXPECT_TRUE(put(PutToken{join_token("more", 1, wall + 999h)}));
  EXPECT_EQ(put(PutToken{join_token("again", 1, wall + 999h)}).error().code, Code::Exhausted);
  wall += 2h;
  EXPECT_TRUE(put(PutToken{join_token("again", 1, wall + 999h)}));
  EXPECT_FALSE(state.tokens.contains("t0"));
}

TEST_F(TokensTest, ANodeThatRenewsAllTheTimeIsStoppedUntilItsOlderOnesExpire) {
  ASSERT_TRUE(put(RecordCertificate{"n1", "0", "", "", NodeRole::Agent, wall, wall + 24h}));
  std::string serial = "0";
  for (std::size_t i = 1; i <= kFormerCertificatesMax; ++i) {
    const std::string next = std::to_string(i);
    ASSERT_TRUE(put(RecordCertificate{"n1", next, "", serial, NodeRole::Agent, wall, wall + 24h}));
    serial = next;
  }
  EXPECT_EQ(
      put(RecordCertificate{"n1", "x", "", serial, NodeRole::Agent, wall, wall + 24h}).error().code,
      Code::Exhausted);
  EXPECT_EQ(
      put(RecordCertificate{"n1", "x", "", "", NodeRole::Agent, wall, wall + 24h}).error().code,
      Code::Conflict);
  wall += 25h;
  EXPECT_TRUE(put(RecordCertificate{"n1", "x", "", serial, NodeRole::Agent, wall, wall + 24h}));
  EXPECT_TRUE(state.certificates.at("n1").former.empty());
}

TEST_F(TokensTest, ACertificateThatWouldBeExpiredIsRefused) {
  ASSERT_TRUE(put(PutToken{join_token("t", 5, wall + 1h)}));
  EXPECT_EQ(put(UseJoinToken{"t", "n1", "1", "", NodeRole::Agent, wall}).error().code,
            Code::InvalidArgument);
  EXPECT_EQ(put(UseJoinToken{"t", "N 1", "1", "", NodeRole::Agent, wall + 1h}).error().code,
            Code::InvalidArgument);
  EXPECT_EQ(put(RecordCertificate{"n1", "", "", "", NodeRole::Agent, wall, wall + 1h}).error().code,
            Code::InvalidArgument);
  EXPECT_EQ(state.tokens.at("t").uses_left, 5U);
}

TEST_F(TokensTest, WhatIsOnBehalfOfSomebodySaysSo) {
  const Actor ann{"ann", "admin", "10.0.0.9"};
  ASSERT_TRUE(apply(state, ++index, {PutToken{join_token("t", 1, wall + 1h)}, wall, {}, ann}));
  EXPECT_EQ(state.events.back().text,
            "join token t for 1 nodes as agent was made by ann from 10.0.0.9");
  EXPECT_EQ(state.tokens.at("t").created_by, "ann");
  EXPECT_EQ(state.tokens.at("t").created, wall);
}

TEST_F(TokensTest, NoSecretIsInAnyEventOrError) {
  ASSERT_TRUE(put(PutAuthority{{"ca1", "CERT", "PRIVATE", wall, true}}));
  ASSERT_TRUE(put(PutGossipKeys{{{"k1", "PRIVATE"}, {"k2", "PRIVATE2"}}, "k1"}));
  EXPECT_FALSE(put(PutGossipKeys{{{"k1", "PRIVATE"}, {"k1", "PRIVATE2"}}, "k1"}));
  EXPECT_FALSE(put(PutGossipKeys{{{"k1", "PRIVATE"}}, "k2"}));
  EXPECT_EQ(all_texts().find("PRIVATE"), std::string::npos);
}

TEST_F(TokensTest, OneAuthoritySignsAndTheOthersAreTrustedUntilTheyRetire) {
  ASSERT_TRUE(put(PutAuthority{{"ca1", "C", "K", wall, true}}));
  EXPECT_EQ(put(RetireAuthority{"ca1"}).error().code, Code::Conflict);
  ASSERT_TRUE(put(PutAuthority{{"ca2", "C", "K", wall, true}}));
  EXPECT_FALSE(state.authorities.at("ca1").active);
  ASSERT_TRUE(put(RetireAuthority{"ca1"}));
  EXPECT_EQ(put(RetireAuthority{"ca1"}).error().code, Code::NotFound);
}

TEST_F(TokensTest, AClusterIsFormedOnce) {
  ASSERT_TRUE(put(ClusterFormed{"id-1"}));
  EXPECT_TRUE(put(ClusterFormed{"id-1"}));
  EXPECT_EQ(put(ClusterFormed{"id-2"}).error().code, Code::Conflict);
  EXPECT_EQ(state.id, "id-1");
  EXPECT_EQ(kinds(), std::vector<std::string>{"cluster-formed"});
}

TEST_F(TokensTest, MastersHaveDifferentAddressesAndTheLastOneStays) {
  ASSERT_TRUE(put(SetMaster{"m1", {"10.0.0.1", 7947}}));
  EXPECT_EQ(put(SetMaster{"m2", {"10.0.0.1", 7947}}).error().code, Code::Conflict);
  EXPECT_EQ(put(ForgetMaster{"m1"}).error().code, Code::Conflict);
  ASSERT_TRUE(put(SetMaster{"m2", {"10.0.0.2", 7947}}));
  EXPECT_EQ(state.masters.at("m2").id, master_id("m2"));
  ASSERT_TRUE(put(ForgetMaster{"m1"}));
  EXPECT_EQ(put(ForgetMaster{"m1"}).error().code, Code::NotFound);
}

TEST_F(TokensTest, MastersAndAuthoritiesAreBounded) {
  for (std::size_t i = 0; i < kMastersMax; ++i) {
    ASSERT_TRUE(put(SetMaster{"m" + std::to_string(i), {"10.0.0." + std::to_string(i), 7947}}));
  }
  EXPECT_EQ(put(SetMaster{"more", {"10.0.1.1", 7947}}).error().code, Code::Exhausted);
  EXPECT_EQ(put(SetMaster{"more", {}}).error().code, Code::InvalidArgument);
  EXPECT_TRUE(put(SetMaster{"m0", {"10.0.1.1", 7947}})) << "one that is there may move";
  for (std::size_t i = 0; i < kAuthoritiesMax; ++i) {
    ASSERT_TRUE(put(PutAuthority{{"ca" + std::to_string(i), "C", "K", wall, false}}));
  }
  EXPECT_EQ(put(PutAuthority{{"more", "C", "K", wall, true}}).error().code, Code::Exhausted);
  EXPECT_EQ(put(PutAuthority{{"ca0", "C", "", wall, true}}).error().code, Code::InvalidArgument);
}

TEST_F(TokensTest, SilencesAreBoundedAndThoseThatAreOverMakeRoom) {
  const auto silence = [&](Duration lasts) {
    SilenceRecord made{.matchers = {{"node", MatchKind::Equal, "n1"}},
                       .starts = wall,
                       .ends = wall + std::chrono::duration_cast<std::chrono::milliseconds>(lasts),
                       .created_by = {},
                       .comment = {}};
    return made;
  };
  EXPECT_EQ(put(PutSilence{"s", {}}).error().code, Code::InvalidArgument);
  for (std::size_t i = 0; i < kSilencesMax; ++i) {
    ASSERT_TRUE(put(PutSilence{"s" + std::to_string(i), silence(i == 3 ? 5h : 999h)}));
  }
  EXPECT_EQ(put(PutSilence{"more", silence(1h)}).error().code, Code::Exhausted);
  wall += 6h;
  EXPECT_TRUE(put(PutSilence{"more", silence(1h)}));
  EXPECT_FALSE(state.silences.contains("s3"));
}

TEST_F(TokensTest, ASilenceIsPutChangedAndDeleted) {
  SilenceRecord silence{.matchers = {{"node", MatchKind::Equal, "n1"}},
                        .starts = wall,
                        .ends = wall + 1h,
                        .created_by = {},
                        .comment = "disk swap"};
  wall += 1s;
  ASSERT_TRUE(apply(state, ++index, {PutSilence{"s", silence}, wall, {}, {"ann", "admin", "ip"}}));
  EXPECT_EQ(state.silences.at("s").created_by, "ann");
  silence.ends = silence.starts;
  EXPECT_EQ(put(PutSilence{"s", silence}).error().code, Code::InvalidArgument);
  ASSERT_TRUE(put(DeleteSilence{"s"}));
  EXPECT_EQ(put(DeleteSilence{"s"}).error().code, Code::NotFound);
  EXPECT_EQ(state.events.front().text, "silence s was made by ann from ip");
}

}  // namespace
}  // namespace muster::failover
