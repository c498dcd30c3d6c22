// What does a node take of what the coordinator tells it to prove itself with?
#include <gtest/gtest.h>

#include "agent/posix_own_identity.h"
#include "identity/openssl_certificate.h"
#include "identity/posix_identity.h"
#include "tests/driver/identity/openssl_tls_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using identity::kNoon;
using std::chrono::hours;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct OwnIdentityTest : testing::Test {
  void SetUp() override {
    ASSERT_TRUE(identity::create_identity(
        config().identity.dir,
        {{"ca.pem", mine.bundle}, {"node.pem", mine.certificate}, {"node.key", mine.key}}));
    auto opened = OwnIdentity::open(config());
    ASSERT_TRUE(opened) << opened.error().text;
    own = std::move(*opened);
  }
  [[nodiscard]] Config config() const {
    Config made;
    made.cluster = "prod";
    made.node.name = "n1";
    made.identity.dir = dir.file("data/identity");
    return made;
  }
  // The old authority and one that was made then.
  [[nodiscard]] rpc::Facts told(WallTime made_at) const {
    rpc::Facts facts;
    facts.authorities = mine.bundle + identity::make_authority("prod", made_at)->certificate;
    facts.revoked = {"5"};
    return facts;
  }
  [[nodiscard]] std::string on_disk() const {
    return identity::load_credentials(config().identity.dir)->bundle;
  }
  // Made at that time, for the key that this node has just made.
  std::string renewed(WallTime made_at) {
    const auto request = own->make_request();
    EXPECT_TRUE(request);
    return identity::sign(
               {town.authority, *request, identity::node("n1"), {}, made_at, identity::kNodeLife})
        ->certificate;
  }

  TempDir dir;
  identity::Town town{"prod", kNoon - hours(24 * 100)};
  identity::Credentials mine = town.issue(identity::node("n1"), kNoon - hours(24));
  std::unique_ptr<OwnIdentity> own;
};

TEST_F(OwnIdentityTest, ANewAuthorityIsInUseAndSaidToBe) {
  const rpc::Facts facts = told(kNoon);
  const auto installed = own->install(facts, kNoon);
  ASSERT_TRUE(installed) << installed.error().text;
  EXPECT_EQ(installed->refused, "");
  EXPECT_EQ(installed->authorities_sha256, identity::sha256(facts.authorities));
  EXPECT_EQ(on_disk(), facts.authorities);
}

TEST_F(OwnIdentityTest, AnAuthorityOfTomorrowIsNotTakenNotConfirmedAndTheReasonIsNamed) {
  const rpc::Facts facts = told(kNoon + hours(24));
  const auto installed = own->install(facts, kNoon);
  ASSERT_TRUE(installed) << installed.error().text;
  for (const char* part :
       {"not valid before 2026-11-22T11:00:00Z", "clock says 2026-11-21T12:00", "timedatectl"}) {
    EXPECT_TRUE(has(installed->refused, part)) << installed->refused;
  }
  EXPECT_EQ(installed->authorities_sha256, identity::sha256(mine.bundle));
  EXPECT_FALSE(installed->outdated);
  EXPECT_EQ(on_disk(), mine.bundle);
  // What it says besides is heeded: somebody was revoked.
  EXPECT_EQ(identity::load_revoked(config().identity.dir), std::set<std::string>{"5"});
  // When this clock has come so far, or was set, it is taken.
  const auto later = own->install(facts, kNoon + hours(24));
  ASSERT_TRUE(later);
  EXPECT_EQ(later->refused, "");
  EXPECT_EQ(on_disk(), facts.authorities);
}

TEST_F(OwnIdentityTest, AnAuthorityThatHasEndedByThisClockIsNotTaken) {
  const auto installed = own->install(told(kNoon), kNoon + hours(24 * 365 * 20));
  ASSERT_TRUE(installed);
  EXPECT_TRUE(has(installed->refused, "valid until")) << installed->refused;
  EXPECT_EQ(on_disk(), mine.bundle);
}

TEST_F(OwnIdentityTest, OneThatIsTrustedAlreadyStaysSoWhateverTheClockSays) {
  rpc::Facts facts = told(kNoon);
  ASSERT_TRUE(own->install(facts, kNoon));
  facts.authorities = mine.bundle;  // the other one goes
  const auto installed = own->install(facts, kNoon - hours(24 * 365));
  ASSERT_TRUE(installed);
  EXPECT_EQ(installed->refused, "");
  EXPECT_EQ(on_disk(), mine.bundle);
}

TEST_F(OwnIdentityTest, ARenewedCertificateIsKeptUnlessItIsOfTomorrowOrHasEnded) {
  const std::string before = own->certificate().serial;
  for (const WallTime made_at : {kNoon + hours(24), kNoon - hours(24 * 91)}) {
    const auto refused = own->store(renewed(made_at), kNoon);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(has(refused.error().text, "clock says 2026-11-21T12:00:00Z"))
        << refused.error().text;
    EXPECT_EQ(own->certificate().serial, before);
    const auto kept = identity::load_credentials(config().identity.dir);
    ASSERT_TRUE(kept) << kept.error().text;
    EXPECT_EQ(kept->certificate, mine.certificate);
  }
  const auto stored = own->store(renewed(kNoon), kNoon);
  ASSERT_TRUE(stored) << stored.error().text;
  EXPECT_NE(stored->serial, before);
}

}  // namespace
}  // namespace muster::agent
