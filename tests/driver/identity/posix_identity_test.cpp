#include "identity/posix_identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/driver/identity/openssl_tls_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::identity {
namespace {

std::map<std::string, std::string> files(const Credentials& from) {
  return {{"ca.pem", from.bundle}, {"node.pem", from.certificate}, {"node.key", from.key}};
}

unsigned mode_of(const std::string& path) {
  struct stat state {};
  EXPECT_EQ(::stat(path.c_str(), &state), 0) << path;
  return state.st_mode & 0777U;
}

class PosixIdentity : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status made = create_identity(here(), files(first));
    ASSERT_TRUE(made) << made.error().text;
  }
  [[nodiscard]] std::string here() const { return dir.file("data/identity"); }
  [[nodiscard]] std::string at(const std::string& name) const { return here() + "/" + name; }

  TempDir dir;
  Town town;
  Credentials first = town.issue(node("n1"));
  Credentials second = town.issue(node("n1"));
};

TEST_F(PosixIdentity, IsForItsOwnerAlone) {
  EXPECT_EQ(mode_of(here()), 0700U);
  EXPECT_EQ(mode_of(at("node.key")), 0600U);
  const auto loaded = load_credentials(here());
  ASSERT_TRUE(loaded) << loaded.error().text;
  EXPECT_EQ(loaded->certificate, first.certificate);
  EXPECT_EQ(loaded->key, first.key);
  EXPECT_EQ(loaded->bundle, first.bundle);
}

TEST_F(PosixIdentity, IsNeverOverwritten) {
  const Status refused = create_identity(here(), files(second));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Conflict);
  EXPECT_EQ(load_credentials(here())->key, first.key);
  EXPECT_FALSE(std::filesystem::exists(here() + ".new"));
}

TEST_F(PosixIdentity, AKeyThatOthersMayReadIsRefused) {
  std::filesystem::permissions(at("node.key"), std::filesystem::perms(0640));
  const auto refused = load_credentials(here());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::PermissionDenied);
  EXPECT_NE(refused.error().text.find("chmod 600"), std::string::npos);
}

TEST_F(PosixIdentity, WhatIsMissingIsNamedWithTheWayOut) {
  std::filesystem::remove(at("node.pem"));
  const auto refused = load_credentials(here());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::NotFound);
  EXPECT_NE(refused.error().text.find("node.pem"), std::string::npos);
  EXPECT_NE(refused.error().text.find("muster join"), std::string::npos);
}

TEST_F(PosixIdentity, ARenewedCertificateTakesThePlaceOfTheOldOneWithItsKey) {
  ASSERT_TRUE(replace_certificate(here(), second.certificate, second.key));
  EXPECT_EQ(load_credentials(here())->certificate, second.certificate);
  EXPECT_EQ(load_credentials(here())->key, second.key);
  EXPECT_EQ(mode_of(at("node.key")), 0600U);
  EXPECT_FALSE(std::filesystem::exists(at("node.key.next")));
}

TEST_F(PosixIdentity, ACrashBetweenCertificateAndKeyLeavesAPairThatFits) {
  write_file(at("node.key.next"), second.key);
  std::filesystem::permissions(at("node.key.next"), std::filesystem::perms(0600));
  EXPECT_EQ(load_credentials(here())->key, first.key);  // before the certificate was renamed
  write_file(at("node.pem"), second.certificate);
  EXPECT_EQ(load_credentials(here())->key, second.key);  // and after it
}

TEST_F(PosixIdentity, AKeyOfAnotherCertificateIsNoticed) {
  const Status refused = replace_certificate(here(), second.certificate, first.key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(load_credentials(here())->certificate, first.certificate);
  write_file(at("node.pem"), second.certificate);
  const auto torn = load_credentials(here());
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code, Code::DataLoss);
}

TEST_F(PosixIdentity, ABundleThatTrustsNobodyIsNotTaken) {
  const Town other;
  EXPECT_TRUE(replace_bundle(here(), first.bundle + other.authority.certificate));
  EXPECT_FALSE(replace_bundle(here(), ""));
  EXPECT_FALSE(replace_bundle(here(), second.certificate));
  EXPECT_EQ(load_credentials(here())->bundle, first.bundle + other.authority.certificate);
}

TEST_F(PosixIdentity, ALinkThatWaitsInItsPlaceIsNotWrittenThrough) {
  const std::string victim = dir.file("victim");
  ASSERT_TRUE(create_file(victim, "as it was"));
  ASSERT_EQ(::symlink(victim.c_str(), at("revoked.new").c_str()), 0);
  ASSERT_TRUE(replace_revoked(here(), {"12ab"}));
  EXPECT_EQ(load_secret(victim).value(), "as it was");
  EXPECT_EQ(load_revoked(here()).value(), (std::set<std::string>{"12ab"}));
}

TEST_F(PosixIdentity, RevokedSerialsAreRememberedOverARestart) {
  EXPECT_TRUE(load_revoked(here())->empty());
  ASSERT_TRUE(replace_revoked(here(), {"12ab", "ff"}));
  EXPECT_EQ(load_revoked(here()).value(), (std::set<std::string>{"12ab", "ff"}));
  ASSERT_TRUE(replace_revoked(here(), {}));
  EXPECT_TRUE(load_revoked(here())->empty());
}

TEST_F(PosixIdentity, TheFoundingFileGoesOnce) {
  EXPECT_FALSE(load_founding(here())->has_value());
  write_file(at("founding"), "secret");
  EXPECT_FALSE(load_founding(here()));  // open to others
  std::filesystem::permissions(at("founding"), std::filesystem::perms(0600));
  EXPECT_EQ(load_founding(here())->value(), "secret");
  EXPECT_TRUE(remove_founding(here()));
  EXPECT_TRUE(remove_founding(here()));
  EXPECT_FALSE(load_founding(here())->has_value());
}

TEST_F(PosixIdentity, WhatAJoinAsksWithIsKeptForWhoeverRunsItUntilItIsRemoved) {
  const std::string other = dir.file("other/identity");
  auto found = load_draft(other);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_FALSE(*found);
  for (const std::string key : {"a key", "another key"}) {
    const Status kept = keep_draft(other, {"for n1", key, "a request"});
    ASSERT_TRUE(kept) << kept.error().text;
    found = load_draft(other);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->purpose, "for n1");
    EXPECT_EQ((*found)->key, key);
    EXPECT_EQ((*found)->request, "a request");
  }
  EXPECT_EQ(mode_of(other + ".joining"), 0700U);
  EXPECT_EQ(mode_of(other + ".joining/node.key"), 0600U);
  // An identity that cannot be made takes nothing of it along.
  write_file(other, "in its way");
  EXPECT_FALSE(create_identity(other, files(first)));
  EXPECT_TRUE(*load_draft(other));
  std::filesystem::permissions(other + ".joining/node.key", std::filesystem::perms(0640));
  found = load_draft(other);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::PermissionDenied);
  ASSERT_TRUE(remove_draft(other));
  EXPECT_FALSE(std::filesystem::exists(other + ".joining"));
  EXPECT_TRUE(remove_draft(other));
}

TEST(OpensslAuthority, ACertificateSaysWhatWasOrderedAndNothingOfWhatWasRequested) {
  const Town town;
  const KeyAndRequest made = make_request().value();
  const auto signed_one =
      sign({town.authority, made.request, node("n1"), {"n1", "10.0.0.1"}, kNoon, kDay});
  ASSERT_TRUE(signed_one) << signed_one.error().text;
  const CertificateFacts facts = read_certificate(signed_one->certificate).value();
  EXPECT_EQ(facts.name, node("n1"));
  EXPECT_FALSE(facts.authority);
  EXPECT_EQ(facts.begins, kNoon - std::chrono::hours(1));
  EXPECT_EQ(facts.ends, kNoon + kDay);
  EXPECT_EQ(facts.serial, signed_one->serial);
  EXPECT_EQ(facts.pin, signed_one->key);
  EXPECT_TRUE(belongs(signed_one->certificate, made.key));
}

TEST(OpensslAuthority, NoCertificateOutlivesItsAuthority) {
  const SigningAuthority brief = make_authority("prod", kNoon, 2 * kDay).value();
  const auto made = sign({brief, make_request()->request, node("n1"), {}, kNoon, kNodeLife});
  EXPECT_EQ(made->ends, kNoon + 2 * kDay);
  const auto late =
      sign({brief, make_request()->request, node("n1"), {}, kNoon + 3 * kDay, kNodeLife});
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().text.find("clock"), std::string::npos);
  EXPECT_NE(late.error().text.find("rotate"), std::string::npos);
}

TEST(OpensslAuthority, ARequestThatIsNoneIsRefused) {
  const Town town;
  const std::string good = make_request()->request;
  std::string flipped = good;
  flipped[good.size() / 2] = flipped[good.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& bad :
       {std::string(), std::string("hello"), good.substr(0, 100), flipped,
        std::string(kRequestBytesMax + 1, 'x'), town.authority.key, town.authority.certificate}) {
    EXPECT_FALSE(check_request(bad)) << bad.substr(0, 40);
    EXPECT_FALSE(sign({town.authority, bad, node("n1"), {}, kNoon, kDay}));
  }
  EXPECT_TRUE(check_request(good));
}

TEST(OpensslAuthority, SecretsDifferAndCompareAsWholes) {
  EXPECT_NE(random_bytes(20), random_bytes(20));
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
}

}  // namespace
}  // namespace muster::identity
