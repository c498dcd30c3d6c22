#include "identity/joining.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "identity/founding.h"
#include "identity/join_json.h"
#include "identity/token.h"

namespace muster::identity {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
const std::string kPin(64, 'a');

std::string digest(std::string_view text) { return "digest of " + std::string(text); }
Issuer issuer() { return {"prod", digest, kNodeLife}; }

JoinToken token(NodeRole role = NodeRole::Agent) {
  return join_token(role, kPin, std::string(kTokenIdBytes + kSecretBytes, '\x42'));
}

ClusterState state(NodeRole role = NodeRole::Agent) {
  ClusterState state;
  state.id = "c0ffee";
  state.authorities["a1"] = {"a1", "old CA\n", "old key", kNow, false};
  state.authorities["a2"] = {"a2", "new CA\n", "new key", kNow, true};
  TokenRecord record;
  record.id = token().id;
  record.kind = TokenKind::Join;
  record.node_role = role;
  record.sha256 = digest(token().secret);
  record.expires = kNow + hours(1);
  record.uses_left = 1;
  state.tokens[record.id] = record;
  state.masters["m1"] = {{"10.0.0.1", 7947}, 1};
  NodeRecord m1;
  m1.info.rpc = {"10.0.0.1", 7947};
  m1.info.gossip = {"10.0.0.1", 7946};
  state.nodes["m1"] = m1;
  state.gossip_keys = {7, {{"01020304", "c2VjcmV0"}}, "01020304"};
  return state;
}

JoinRequest request(NodeRole role = NodeRole::Agent) {
  return {text_of(token(role)), "n1", "a request", kNow};
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

TEST(Joining, AGoodTokenGetsACertificateOfItsRoleFromTheActiveAuthority) {
  for (const NodeRole role : {NodeRole::Agent, NodeRole::Master}) {
    const auto issue = admit(state(role), request(role), "10.0.0.9", issuer(), kNow);
    ASSERT_TRUE(issue) << issue.error().text;
    EXPECT_EQ(issue->order.name, (CertificateName{"prod", "n1", role}));
    EXPECT_EQ(issue->order.authority.key, "new key");
    EXPECT_EQ(issue->order.request, "a request");
    EXPECT_TRUE(has(issue->order.hosts, "n1"));
    EXPECT_TRUE(has(issue->order.hosts, "10.0.0.9"));

    SignedCertificate made{"pem", "123", "key digest", kNow, kNow + hours(24 * 90)};
    const CommandBody body = recording(*issue, made);
    const auto* use = std::get_if<UseJoinToken>(&body);
    ASSERT_NE(use, nullptr);
    EXPECT_EQ(use->id, token().id);
    EXPECT_EQ(use->node, "n1");
    EXPECT_EQ(use->serial, "123");
    EXPECT_EQ(use->key, "key digest");
    EXPECT_EQ(use->role, role);
    EXPECT_EQ(use->authority, "a2");
  }
}

TEST(Joining, AgainstGuessersEveryUnknownTokenIsRefusedInTheSameWords) {
  ClusterState none = state();
  none.tokens.clear();
  ClusterState other = state();
  other.tokens[token().id].sha256 = digest("another secret");
  ClusterState api = state();
  api.tokens[token().id].kind = TokenKind::Api;
  std::set<std::string> words;
  for (const ClusterState& with : {none, other, api}) {
    const auto refused = admit(with, request(), "10.0.0.9", issuer(), kNow);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::PermissionDenied);
    EXPECT_EQ(refused.error().text.find(token().secret), std::string::npos);
    words.insert(refused.error().text);
  }
  JoinRequest later = request();
  later.clock = kNow + hours(2);
  const auto late = admit(state(), later, "10.0.0.9", issuer(), kNow + hours(2));
  words.insert(late.error().text);
  EXPECT_EQ(words.size(), 1U);
}

TEST(Joining, ATokenForAgentsDoesNotMakeAMaster) {
  const auto refused =
      admit(state(NodeRole::Agent), request(NodeRole::Master), "10.0.0.9", issuer(), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::PermissionDenied);
  EXPECT_NE(refused.error().text.find("for joining as agent"), std::string::npos);
}

TEST(Joining, AMachineWhoseClockIsADayOffIsToldSo) {
  for (const auto& [off, words] :
       {std::pair{hours(24), "24 h 0 min ahead of"}, std::pair{-hours(24), "24 h 0 min behind"}}) {
    JoinRequest wrong = request();
    wrong.clock = kNow + off;
    const auto refused = admit(state(), wrong, "10.0.0.9", issuer(), kNow);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find(words), std::string::npos) << refused.error().text;
    EXPECT_NE(refused.error().text.find("clock"), std::string::npos);
  }
  JoinRequest little = request();
  little.clock = kNow + minutes(29);
  EXPECT_TRUE(admit(state(), little, "10.0.0.9", issuer(), kNow));
}

TEST(Joining, ATokenThatOnlyAWrongClockCallsExpiredIsRefusedNamingBothClocks) {
  const auto refused = admit(state(), request(), "10.0.0.9", issuer(), kNow + hours(24));
  ASSERT_FALSE(refused);
  for (const char* part : {"expired at 2026-11-21T01:00:00Z", "2026-11-21T00:00:00Z there",
                           "2026-11-22T00:00:00Z here", "timedatectl"}) {
    EXPECT_NE(refused.error().text.find(part), std::string::npos) << refused.error().text;
  }
  // Who does not show the secret learns nothing of clocks.
  ClusterState other = state();
  other.tokens[token().id].sha256 = digest("another secret");
  const auto guessed = admit(other, request(), "10.0.0.9", issuer(), kNow + hours(24));
  EXPECT_EQ(guessed.error().text.find("clock"), std::string::npos);
}

TEST(Joining, ACertificateIsForTheAddressThatTheRequestCameFromUnlessAnotherNodeHasIt) {
  EXPECT_EQ(admit(state(), request(), "10.0.0.9", issuer(), kNow)->order.hosts,
            (std::vector<std::string>{"localhost", "127.0.0.1", "n1", "10.0.0.9"}));
  EXPECT_EQ(admit(state(), request(), "10.0.0.1", issuer(), kNow)->order.hosts,
            (std::vector<std::string>{"localhost", "127.0.0.1", "n1"}));
  ClusterState near = state();  // everybody is on one machine
  near.nodes.edit("m1")->info.http.host = "127.0.0.1";
  EXPECT_TRUE(has(admit(near, request(), "127.0.0.1", issuer(), kNow)->order.hosts, "127.0.0.1"));
  ClusterState named = state();
  named.nodes.edit("m1")->info.http.host = "n1";
  EXPECT_FALSE(has(admit(named, request(), "10.0.0.9", issuer(), kNow)->order.hosts, "n1"));
}

TEST(Joining, AHostNameThatTheNodeIsCalledByIsNoHostOfItsCertificate) {
  JoinRequest wide = request();
  wide.name = "muster.example.com";
  EXPECT_EQ(admit(state(), wide, "10.0.0.9", issuer(), kNow)->order.hosts,
            (std::vector<std::string>{"localhost", "127.0.0.1", "10.0.0.9"}));
}

TEST(Joining, ANameThatReadsAsAnAddressIsRefused) {
  for (const char* name : {"10.9.8.7", "7", "n.7", "0x7f000001", "a.0x7f", "0x"}) {
    JoinRequest posing = request();
    posing.name = name;
    const auto refused = admit(state(), posing, "10.0.0.9", issuer(), kNow);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Code::InvalidArgument);
    EXPECT_NE(refused.error().text.find("reads as an address"), std::string::npos);
  }
  for (const char* name : {"n7", "7a", "10.9.8.n", "0xg", "7-7"}) {
    EXPECT_TRUE(check_node_name(name)) << name;
  }
}

TEST(Joining, WithoutAnAuthorityThatSignsNobodyJoins) {
  ClusterState plain = state();
  plain.authorities["a2"].active = false;
  EXPECT_EQ(admit(plain, request(), "10.0.0.9", issuer(), kNow).error().code, Code::Unavailable);
}

TEST(Joining, ABadNameIsRefused) {
  JoinRequest bad = request();
  bad.name = "N 1";
  EXPECT_EQ(admit(state(), bad, "10.0.0.9", issuer(), kNow).error().code, Code::InvalidArgument);
}

ClusterState with_certificate(NodeRole role = NodeRole::Agent) {
  ClusterState known = state();
  known.certificates["n1"] = {"200", "k", role, kNow, kNow + hours(24 * 90), {{"100", kNow}}, ""};
  return known;
}
PeerIdentity peer(const std::string& serial) { return {"n1", true, serial, "prod", kNow}; }

TEST(Renewal, KeepsTheRoleOnRecordWhateverThePeerSays) {
  const auto issue = admit_renewal(with_certificate(NodeRole::Agent), peer("200"),
                                   {"a request", "10.0.0.9"}, issuer(), kNow);
  ASSERT_TRUE(issue) << issue.error().text;
  EXPECT_EQ(issue->role, NodeRole::Agent);
  EXPECT_EQ(issue->order.name, (CertificateName{"prod", "n1", NodeRole::Agent}));
  const CommandBody body = recording(*issue, {"pem", "300", "key digest", kNow, kNow + hours(9)});
  const auto* record = std::get_if<RecordCertificate>(&body);
  ASSERT_NE(record, nullptr);
  EXPECT_EQ(record->replaces, "200");
  EXPECT_EQ(record->serial, "300");
  EXPECT_EQ(record->expires, kNow + hours(9));
}

TEST(Renewal, IsRefusedToOneWhoseClockIsADayOffAndNamesBothTimes) {
  for (const auto off : {hours(24), -hours(24)}) {
    const auto refused =
        admit_renewal(with_certificate(), peer("200"), {"r", "", kNow + off}, issuer(), kNow);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().text.find("the clock of n1 is 24 h 0 min"), std::string::npos)
        << refused.error().text;
  }
  const Renewal little{"r", "", kNow + minutes(29)};
  EXPECT_TRUE(admit_renewal(with_certificate(), peer("200"), little, issuer(), kNow));
  EXPECT_TRUE(admit_renewal(with_certificate(), peer("200"), {"r", "", {}}, issuer(), kNow));
}

TEST(Renewal, AFormerCertificateMayStillRenew) {
  EXPECT_TRUE(admit_renewal(with_certificate(), peer("100"), {"r", ""}, issuer(), kNow));
}

TEST(Renewal, ARevokedOrUnknownOrForeignCertificateMayNot) {
  ClusterState revoked = with_certificate();
  revoked.revoked["200"] = {"n1", kNow, "admin", kNow};
  ClusterState gone = with_certificate();
  gone.certificates.clear();
  PeerIdentity foreign = peer("200");
  foreign.cluster = "test";
  EXPECT_FALSE(admit_renewal(revoked, peer("200"), {"r", ""}, issuer(), kNow));
  EXPECT_FALSE(admit_renewal(gone, peer("200"), {"r", ""}, issuer(), kNow));
  EXPECT_FALSE(admit_renewal(with_certificate(), peer("999"), {"r", ""}, issuer(), kNow));
  EXPECT_FALSE(admit_renewal(with_certificate(), foreign, {"r", ""}, issuer(), kNow));
}

TEST(Renewal, IsForTheAddressThatTheNodeIsRegisteredWithAndForNoOtherHost) {
  ClusterState known = with_certificate();
  known.nodes["n1"].info.rpc = {"10.0.0.9", 7947};
  const auto hosts = [&](const std::string& host) {
    return admit_renewal(known, peer("200"), {"r", host}, issuer(), kNow + hours(1))->order.hosts;
  };
  EXPECT_TRUE(has(hosts("10.0.0.9"), "10.0.0.9"));
  EXPECT_FALSE(has(hosts("10.0.0.7"), "10.0.0.7"));
  EXPECT_FALSE(has(hosts("10.0.0.1"), "10.0.0.1"));
  known.nodes["n1"].info.rpc.host = "muster.example.com";
  EXPECT_FALSE(has(hosts("muster.example.com"), "muster.example.com"));
  known.nodes["n1"].info.rpc.host = "10.0.0.1";  // m1 has it too
  EXPECT_FALSE(has(hosts("10.0.0.1"), "10.0.0.1"));
}

TEST(Renewal, NotTwiceInAMomentUnlessAnotherAuthoritySigns) {
  ClusterState known = with_certificate();
  known.certificates["n1"].authority = "a2";
  EXPECT_EQ(admit_renewal(known, peer("200"), {"r", ""}, issuer(), kNow + minutes(0)).error().code,
            Code::Exhausted);
  EXPECT_TRUE(admit_renewal(known, peer("200"), {"r", ""}, issuer(), kNow + minutes(1)));
  known.certificates["n1"].authority = "a1";
  EXPECT_TRUE(admit_renewal(known, peer("200"), {"r", ""}, issuer(), kNow));
  known.certificates["n1"].authority = "a2";
  EXPECT_TRUE(admit_renewal(known, peer("100"), {"r", ""}, issuer(), kNow));  // the answer was lost
}

TEST(Joining, WhatIsHandedOutIsWhatTheStateNames) {
  const ClusterState known = with_certificate();
  EXPECT_TRUE(is_current(known, "n1", "200"));
  EXPECT_FALSE(is_current(known, "n1", "100"));
  EXPECT_FALSE(is_current(known, "n2", "200"));
}

TEST(JoinJson, RequestAndAnswerComeBackAsTheyWere) {
  const JoinRequest asked = request();
  const auto read = parse_join_request(text_of(asked));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->token, asked.token);
  EXPECT_EQ(read->name, "n1");
  EXPECT_EQ(read->request, "a request");
  EXPECT_EQ(read->clock, kNow);

  const auto issue = admit(state(), asked, "10.0.0.9", issuer(), kNow).value();
  const JoinAnswer answer = join_answer(state(), issue, {"pem", "1", "k", kNow, kNow});
  EXPECT_EQ(answer.bundle, "new CA\nold CA\n");  // the one that signs first
  const auto back = parse_join_answer(text_of(answer));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(text_of(*back), text_of(answer));
  EXPECT_EQ(back->masters, answer.masters);
  EXPECT_EQ(back->gossip, (std::vector<Address>{{"10.0.0.1", 7946}}));
  EXPECT_EQ(back->gossip_keys, state().gossip_keys);
  EXPECT_EQ(text_of(answer).find("new key"), std::string::npos);  // the authority's
}

TEST(JoinJson, WhatIsMalformedIsRefusedNamingTheKeyAndNoValue) {
  const std::string good = text_of(request());
  const std::string secret = request().token;
  for (const std::string& bad :
       {std::string(), std::string("["), std::string("[]"), std::string("null"),
        good.substr(0, good.size() - 2), std::string(kJoinRequestBytesMax + 1, ' '),
        std::string(R"({"token": 1, "name": "n", "csr": "", "clock": 1})"),
        std::string(R"({"token": "x", "name": "n", "csr": "", "clock": -1})"),
        std::string(R"({"token": "x", "name": "n", "csr": "", "clock": 1e99})"),
        std::string(5000, '[')}) {
    const auto refused = parse_join_request(bad);
    ASSERT_FALSE(refused) << bad.substr(0, 80);
    EXPECT_EQ(refused.error().code, Code::InvalidArgument);
    EXPECT_EQ(refused.error().text.find(secret), std::string::npos);
    EXPECT_FALSE(parse_join_answer(bad));
  }
}

Founding founding() {
  Founding made;
  made.cluster = "prod";
  made.node = "m1";
  made.authority = {"a1", "CA", "CA key", kNow, true};
  made.gossip_key = {"01020304", "c2VjcmV0"};
  made.admin.id = "admin";
  made.admin.sha256 = std::string(64, 'b');
  made.admin.role = Role::Admin;
  made.admin.description = "made by muster init";
  made.admin.created_by = "muster init";
  made.serial = "11";
  made.key = std::string(64, 'c');
  made.issued = kNow;
  made.expires = kNow + hours(24);
  return made;
}

TEST(Founding, ComesBackFromItsFile) {
  EXPECT_EQ(parse_founding(text_of(founding()), "founding").value(), founding());
  const std::string text = text_of(founding());
  for (const std::string& bad :
       {std::string(), text.substr(0, text.size() / 2), std::string("{}")}) {
    const auto refused = parse_founding(bad, "founding");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::DataLoss);
    EXPECT_TRUE(refused.error().text.starts_with("founding is broken"));
    EXPECT_EQ(refused.error().text.find("CA key"), std::string::npos);
  }
}

TEST(Founding, GoesOnWhereItBrokeOffAndHappensOnce) {
  ClusterState formed;
  const auto all = founding_commands(formed, founding());
  ASSERT_EQ(all.size(), 4U);
  EXPECT_TRUE(std::holds_alternative<PutAuthority>(all.back()));
  formed.gossip_keys = {3, {founding().gossip_key}, "01020304"};
  formed.tokens["admin"] = founding().admin;
  EXPECT_EQ(founding_commands(formed, founding()).size(), 2U);
  formed.authorities["a9"] = {"a9", "another CA", "key", kNow, true};
  formed.tokens.clear();  // deleted by an operator: it does not come back
  EXPECT_TRUE(founding_commands(formed, founding()).empty());
}

TEST(Joining, ANodeThatIsCalledAsAUserIsNotRevokedWithHim) {
  ClusterState state;
  state.revoked["1"] = {.at = kNow, .by = "ann", .expires = kNow + hours(1), .user = "n1"};
  EXPECT_FALSE(is_revoked(state, "n1"));
  EXPECT_FALSE(is_revoked(state, ""));
  state.revoked["2"] = {.node = "n1", .at = kNow, .by = "ann", .expires = kNow + hours(1)};
  EXPECT_TRUE(is_revoked(state, "n1"));
}

}  // namespace
}  // namespace muster::identity
