#include "agent/renewing.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Step = Renewing::Step;

const WallTime kIssued = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
const Instant kStart{hours(1)};

OwnCertificate certificate(const std::string& serial, WallTime issued) {
  return {serial, issued - hours(1), issued + hours(24 * 90)};
}
Renewing young() { return Renewing("n1", certificate("1", kIssued)); }

TEST(Renewing, APlainClusterRenewsNothing) {
  Renewing none("n1", std::nullopt);
  EXPECT_EQ(none.next(true, kIssued + hours(9999999), kStart), Step::None);
  EXPECT_EQ(none.deadline(), kNever);
}

TEST(Renewing, AfterTwoThirdsAKeyIsMadeSentAndItsCertificateKept) {
  Renewing renewing = young();
  EXPECT_EQ(renewing.next(true, kIssued, kStart), Step::None);
  EXPECT_LE(renewing.deadline(), kStart + hours(1));
  const WallTime due = kIssued + hours(24 * 60);
  EXPECT_EQ(renewing.next(true, due, kStart), Step::MakeRequest);
  EXPECT_EQ(renewing.next(true, due, kStart), Step::None);  // one at a time
  renewing.on_request(std::string("request"), kStart);
  EXPECT_EQ(renewing.next(true, due, kStart), Step::Send);
  EXPECT_EQ(renewing.text(), "request");
  renewing.sent(7, kStart);
  EXPECT_TRUE(renewing.waits_for(7));
  EXPECT_FALSE(renewing.waits_for(8));
  renewing.on_answer(std::string("pem"), kStart);
  EXPECT_EQ(renewing.next(true, due, kStart), Step::Store);
  EXPECT_EQ(renewing.text(), "pem");
  renewing.on_stored(certificate("2", due), kStart);
  EXPECT_EQ(renewing.serial(), "2");
  EXPECT_EQ(renewing.next(true, due, kStart), Step::None);
}

TEST(Renewing, AnotherAuthorityMakesItDueAtOnce) {
  Renewing renewing = young();
  renewing.demand();
  EXPECT_EQ(renewing.next(false, kIssued, kStart), Step::None);  // nobody to ask
  EXPECT_EQ(renewing.next(true, kIssued, kStart), Step::MakeRequest);
}

TEST(Renewing, WhatFailsIsTriedAgainAfterAPause) {
  Renewing renewing = young();
  renewing.demand();
  ASSERT_EQ(renewing.next(true, kIssued, kStart), Step::MakeRequest);
  renewing.on_request(std::string("request"), kStart);
  ASSERT_EQ(renewing.next(true, kIssued, kStart), Step::Send);
  renewing.sent(1, kStart);
  renewing.on_answer(tl::unexpected(Error{Code::Unavailable, "no"}), kStart);
  EXPECT_EQ(renewing.failure(), "no");
  EXPECT_EQ(renewing.next(true, kIssued, kStart + seconds(59)), Step::None);
  EXPECT_EQ(renewing.deadline(), kStart + seconds(60));
  EXPECT_EQ(renewing.next(true, kIssued, kStart + seconds(60)), Step::MakeRequest);
}

TEST(Renewing, ACoordinatorThatIsLostOrSilentIsNotWaitedForForEver) {
  for (const bool lost : {true, false}) {
    Renewing renewing = young();
    renewing.demand();
    ASSERT_EQ(renewing.next(true, kIssued, kStart), Step::MakeRequest);
    renewing.on_request(std::string("request"), kStart);
    ASSERT_EQ(renewing.next(true, kIssued, kStart), Step::Send);
    renewing.sent(1, kStart);
    if (lost) renewing.on_disconnected(kStart);
    EXPECT_EQ(renewing.next(true, kIssued, kStart + seconds(15)), Step::None);
    EXPECT_FALSE(renewing.waits_for(1));
    EXPECT_EQ(renewing.next(true, kIssued, kStart + seconds(90)), Step::MakeRequest);
  }
}

}  // namespace
}  // namespace muster::agent
