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
