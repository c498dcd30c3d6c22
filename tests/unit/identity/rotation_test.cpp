#include "identity/rotation.h"

#include <gtest/gtest.h>

namespace muster::identity {
namespace {

using std::chrono::hours;

const WallTime kNow = std::chrono::sys_days{std::chrono::year{2026} / 11 / 21};
const std::string kBundle = "digest of the bundle";

AuthorityRecord authority(const std::string& id, WallTime created, bool active) {
  return {id, id + " pem", id + " key", created, active};
}
CertificateRecord certificate(const std::string& serial, const std::string& signer) {
  CertificateRecord record;
  record.serial = serial;
  record.authority = signer;
  record.expires = kNow + hours(24);
  return record;
}

// Two nodes with certificates of the authority `old`, which is the only one.
ClusterState state() {
  ClusterState state;
  state.authorities["old"] = authority("old", kNow - hours(99), true);
  state.certificates["n1"] = certificate("11", "old");
  state.certificates["n2"] = certificate("21", "old");
  state.nodes["n1"].state = NodeState::Alive;
  state.nodes["n2"].state = NodeState::Alive;
  state.gossip_keys = {5, {{"k1", "s1"}}, "k1"};
  return state;
}
InstalledBy nothing_new() { return {{"n1", {"older", 5, "11"}}, {"n2", {"older", 5, "21"}}}; }

ClusterState spreading() {
  ClusterState begun = state();
  begun.authorities["new"] = authority("new", kNow, false);
  return begun;
}
ClusterState switching() {
  ClusterState later = spreading();
  later.authorities["old"].active = false;
  later.authorities["new"].active = true;
  return later;
}

TEST(AuthorityRotation, NothingIsDoneWhereNobodyAsked) {
  const RotationStep step = next_authority_step(state(), nothing_new(), kBundle, kNow);
  EXPECT_EQ(step.phase, RotationPhase::None);
  EXPECT_FALSE(step.command);
  EXPECT_EQ(next_authority_step({}, {}, kBundle, kNow).phase, RotationPhase::None);
}

TEST(AuthorityRotation, TheNewOneSignsWhenEveryNodeTrustsIt) {
  InstalledBy installed = nothing_new();
  RotationStep step = next_authority_step(spreading(), installed, kBundle, kNow);
  EXPECT_EQ(step.phase, RotationPhase::Spread);
  EXPECT_EQ(step.waits_for, (std::vector<NodeName>{"n1", "n2"}));
  EXPECT_FALSE(step.command);

  installed["n1"].bundle_sha256 = kBundle;
  step = next_authority_step(spreading(), installed, kBundle, kNow);
  EXPECT_EQ(step.waits_for, (std::vector<NodeName>{"n2"}));

  installed["n2"].bundle_sha256 = kBundle;
  step = next_authority_step(spreading(), installed, kBundle, kNow);
  ASSERT_TRUE(step.command);
  const auto& put = std::get<PutAuthority>(*step.command);
  EXPECT_EQ(put.authority.id, "new");
  EXPECT_TRUE(put.authority.active);
  EXPECT_EQ(put.authority.key, "new key");
}

TEST(AuthorityRotation, ANodeThatIsDownHoldsItBackUntilItIsBackOrRevokedOrExpired) {
  ClusterState down = spreading();
  down.nodes["n2"].state = NodeState::Failed;
  const InstalledBy only_n1{{"n1", {kBundle, 5, "11"}}};
  EXPECT_EQ(next_authority_step(down, only_n1, kBundle, kNow).waits_for,
            (std::vector<NodeName>{"n2"}));
  ClusterState expired = down;
  expired.certificates["n2"].expires = kNow;
  EXPECT_TRUE(next_authority_step(expired, only_n1, kBundle, kNow).command);
  ClusterState revoked = down;
  revoked.certificates.erase("n2");
  EXPECT_TRUE(next_authority_step(revoked, only_n1, kBundle, kNow).command);
}

TEST(AuthorityRotation, TheOldOneGoesWhenEveryNodeKeepsACertificateOfTheNewOne) {
  ClusterState later = switching();
  InstalledBy installed{{"n1", {kBundle, 5, "11"}}, {"n2", {kBundle, 5, "21"}}};
  EXPECT_EQ(next_authority_step(later, installed, kBundle, kNow).phase, RotationPhase::Switch);
  EXPECT_EQ(next_authority_step(later, installed, kBundle, kNow).waits_for.size(), 2U);

  later.certificates["n1"] = certificate("12", "new");
  later.certificates["n2"] = certificate("22", "new");
  installed["n1"].serial = "12";
  const RotationStep step = next_authority_step(later, installed, kBundle, kNow);
  EXPECT_EQ(step.waits_for, (std::vector<NodeName>{"n2"}));  // it was given it: has it kept it?
  EXPECT_FALSE(step.command);

  installed["n2"].serial = "22";
  const RotationStep last = next_authority_step(later, installed, kBundle, kNow);
  ASSERT_TRUE(last.command);
  EXPECT_EQ(std::get<RetireAuthority>(*last.command).id, "old");
}

TEST(AuthorityRotation, OneAtATimeAndOnlyWhereThereIsOne) {
  const AuthorityRecord fresh = authority("new", kNow - hours(200), true);
  const auto begun = begin_authority_rotation(state(), fresh);
  ASSERT_TRUE(begun);
  const AuthorityRecord& put = std::get<PutAuthority>(*begun).authority;
  EXPECT_FALSE(put.active);
  EXPECT_GT(put.created, kNow - hours(99));  // newer than the old one, whatever the clock said
  EXPECT_EQ(begin_authority_rotation(spreading(), fresh).error().code, Code::Conflict);
  EXPECT_EQ(begin_authority_rotation({}, fresh).error().code, Code::Unavailable);
}

TEST(GossipRotation, ANewKeyIsOpenedByAllThenSealsThenStandsAlone) {
  ClusterState now = state();
  EXPECT_EQ(next_gossip_step(now, nothing_new()).phase, RotationPhase::None);
  const auto begun = begin_gossip_rotation(now, {"k2", "s2"});
  ASSERT_TRUE(begun);
  now.gossip_keys = {6, std::get<PutGossipKeys>(*begun).keys,
                     std::get<PutGossipKeys>(*begun).primary};
  EXPECT_EQ(now.gossip_keys.primary, "k1");
  ASSERT_EQ(now.gossip_keys.keys.size(), 2U);

  InstalledBy installed = nothing_new();
  installed["n1"].keys_revision = 6;
  RotationStep step = next_gossip_step(now, installed);
  EXPECT_EQ(step.phase, RotationPhase::Spread);
  EXPECT_EQ(step.waits_for, (std::vector<NodeName>{"n2"}));
  EXPECT_FALSE(step.command);

  installed["n2"].keys_revision = 6;
  step = next_gossip_step(now, installed);
  ASSERT_TRUE(step.command);
  EXPECT_EQ(std::get<PutGossipKeys>(*step.command).primary, "k2");
  EXPECT_EQ(std::get<PutGossipKeys>(*step.command).keys.size(), 2U);

  now.gossip_keys = {7, now.gossip_keys.keys, "k2"};
  step = next_gossip_step(now, installed);
  EXPECT_EQ(step.phase, RotationPhase::Switch);
  EXPECT_FALSE(step.command);
  installed["n1"].keys_revision = installed["n2"].keys_revision = 7;
  step = next_gossip_step(now, installed);
  ASSERT_TRUE(step.command);
  EXPECT_EQ(std::get<PutGossipKeys>(*step.command).keys, (std::vector<GossipKey>{{"k2", "s2"}}));
}

TEST(GossipRotation, OnlyNodesThatLiveAreWaitedFor) {
  ClusterState now = state();
  now.gossip_keys = {6, {{"k1", "s1"}, {"k2", "s2"}}, "k1"};
  now.nodes["n2"].state = NodeState::Failed;
  const InstalledBy installed{{"n1", {kBundle, 6, "11"}}};
  EXPECT_TRUE(next_gossip_step(now, installed).command);
  EXPECT_FALSE(next_gossip_step(now, {}).command);
}

TEST(GossipRotation, OneAtATimeAndOnlyWhereTheMastersDriveIt) {
  ClusterState now = state();
  now.gossip_keys = {6, {{"k1", "s1"}, {"k2", "s2"}}, "k1"};
  EXPECT_EQ(begin_gossip_rotation(now, {"k3", "s3"}).error().code, Code::Conflict);
  EXPECT_EQ(begin_gossip_rotation({}, {"k3", "s3"}).error().code, Code::Unavailable);
}

}  // namespace
}  // namespace muster::identity
