#include "agent/trust.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

PeerIdentity node(const std::string& name, bool master, const std::string& serial) {
  return {name, master, serial, "c", {}};
}

const WallTime kLater{std::chrono::hours(1000)};

rpc::Hello hello(const std::string& from, rpc::Purpose purpose) {
  rpc::Hello hello;
  hello.from = from;
  hello.purpose = purpose;
  return hello;
}

TEST(Trust, InAPlainClusterEverybodyIsBelieved) {
  Trust trust(false, "c");
  EXPECT_EQ(trust.admit(2, std::nullopt), "");
  EXPECT_EQ(trust.admit_master(1, std::nullopt, "n1"), "");
  EXPECT_EQ(trust.objection(2, hello("n7", rpc::Purpose::Master)), "");
  EXPECT_TRUE(trust.vouches(2));
}

TEST(Trust, InASecuredClusterNobodyIsAdmittedWithoutAProof) {
  Trust trust(true, "c");
  EXPECT_NE(trust.admit(2, std::nullopt), "");
  EXPECT_NE(trust.objection(2, hello("n1", rpc::Purpose::Agent)), "");
  EXPECT_FALSE(trust.vouches(2));
}

TEST(Trust, ACertificateOfAnotherClusterIsRefused) {
  Trust trust(true, "c");
  PeerIdentity stranger = node("n1", true, "1");
  stranger.cluster = "d";
  EXPECT_NE(trust.admit(2, stranger).find("cluster \"d\""), std::string::npos);
}

TEST(Trust, ANodeSpeaksForItselfOnly) {
  Trust trust(true, "c");
  ASSERT_EQ(trust.admit(2, node("n2", false, "5")), "");
  EXPECT_EQ(trust.objection(2, hello("n2", rpc::Purpose::Agent)), "");
  EXPECT_NE(trust.objection(2, hello("n1", rpc::Purpose::Agent)).find("n1"), std::string::npos);
}

TEST(Trust, AnAgentsCertificateMakesNoMaster) {
  Trust trust(true, "c");
  ASSERT_EQ(trust.admit(2, node("n2", false, "5")), "");
  EXPECT_NE(trust.objection(2, hello("n2", rpc::Purpose::Master)), "");
  EXPECT_FALSE(trust.vouches(2));
  ASSERT_EQ(trust.admit(4, node("n1", true, "6")), "");
  EXPECT_EQ(trust.objection(4, hello("n1", rpc::Purpose::Master)), "");
  EXPECT_TRUE(trust.vouches(4));
}

TEST(Trust, WhoeverAnswersAtAMastersAddressMustBeThatMaster) {
  Trust trust(true, "c");
  EXPECT_EQ(trust.admit_master(1, node("n1", true, "1"), "n1"), "");
  EXPECT_NE(trust.admit_master(3, node("n2", true, "2"), "n1").find("n2"), std::string::npos);
  EXPECT_NE(trust.admit_master(5, node("n1", false, "3"), "n1"), "");
  EXPECT_FALSE(trust.vouches(3));
  EXPECT_FALSE(trust.vouches(5));
}

TEST(Trust, ARevocationEndsTheStreamsOfThatCertificateAndNoOthers) {
  Trust trust(true, "c");
  ASSERT_EQ(trust.admit(2, node("n2", false, "5")), "");
  ASSERT_EQ(trust.admit(4, node("n3", false, "6")), "");
  ASSERT_EQ(trust.admit(6, node("n2", false, "5")), "");
  EXPECT_EQ(trust.revoke({"5", "77"}), (std::vector<StreamId>{2, 6}));
  EXPECT_NE(trust.admit(8, node("n2", false, "5")).find("revoked"), std::string::npos);
  EXPECT_EQ(trust.objection(4, hello("n3", rpc::Purpose::Agent)), "");
  EXPECT_TRUE(trust.revoke({"5", "77"}).empty());
}

TEST(Trust, WhatIsForgottenIsHeldNowhere) {
  Trust trust(true, "c");
  ASSERT_EQ(trust.admit(2, node("n2", false, "5")), "");
  ASSERT_EQ(trust.admit_master(1, node("n1", true, "6"), "n1"), "");
  trust.forget(2);
  trust.forget(1);
  trust.forget(1);
  EXPECT_EQ(trust.streams(), 0U);
  EXPECT_EQ(trust.expired(kLater), std::nullopt);
  EXPECT_EQ(trust.surplus(2), std::nullopt);
}

TEST(Trust, AStreamEndsWithItsCertificate) {
  Trust trust(true, "c");
  PeerIdentity soon = node("n2", false, "5");
  soon.expires = WallTime(std::chrono::hours(2));
  PeerIdentity late = node("n1", true, "6");
  late.expires = WallTime(std::chrono::hours(3));
  PeerIdentity other = late;  // of a stream that was opened here: its node ends it
  other.expires = soon.expires;
  ASSERT_EQ(trust.admit_master(1, other, "n1"), "");
  ASSERT_EQ(trust.admit(4, late), "");
  ASSERT_EQ(trust.admit(2, soon), "");
  EXPECT_EQ(trust.expired(WallTime(std::chrono::hours(1))), std::nullopt);
  EXPECT_EQ(trust.expired(WallTime(std::chrono::hours(2))), 2U);
  trust.forget(2);
  EXPECT_EQ(trust.expired(WallTime(std::chrono::hours(2))), std::nullopt);
  EXPECT_EQ(trust.expired(kLater), 4U);
  trust.renewed(4, "9", kLater);
  EXPECT_EQ(trust.expired(WallTime(std::chrono::hours(999))), std::nullopt);
  EXPECT_EQ(trust.expired(kLater), 4U);
  EXPECT_EQ(trust.peer_of(4)->serial, "9");
  EXPECT_EQ(trust.revoke({"9"}), (std::vector<StreamId>{4}));
}

TEST(Trust, OfTheStreamsThatANodeOpensTheOldestGoesWhenThereAreTooMany) {
  Trust trust(true, "c");
  ASSERT_EQ(trust.admit_master(1, node("n2", true, "5"), "n2"), "");  // opened here: not its own
  ASSERT_EQ(trust.admit(2, node("n3", false, "6")), "");
  for (StreamId stream = 4; stream < 12; stream += 2) {
    ASSERT_EQ(trust.admit(stream, node("n2", true, "5")), "");
    EXPECT_EQ(trust.surplus(stream), std::nullopt);
  }
  ASSERT_EQ(trust.admit(12, node("n2", true, "7")), "");
  EXPECT_EQ(trust.surplus(12), 4U);
  trust.forget(4);
  EXPECT_EQ(trust.surplus(12), std::nullopt);
}

}  // namespace
}  // namespace muster::agent
