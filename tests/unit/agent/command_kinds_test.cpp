#include "agent/command_kinds.h"

#include <set>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(CommandKinds, EachHasAFitNameOfItsOwn) {
  const auto name = [](const CommandBody& body) { return kCommandKindNames.at(body.index()); };
  EXPECT_EQ(name(CoordinatorElected{}), "coordinator-elected");
  EXPECT_EQ(name(NodeFailed{}), "node-failed");
  EXPECT_EQ(name(ReportInstances{}), "report-instances");
  EXPECT_EQ(name(SetMaster{}), "set-master");
  EXPECT_EQ(name(PutKey{}), "put-key");
  EXPECT_EQ(name(ExpireLease{}), "expire-lease");
  EXPECT_EQ(name(RevokeNode{}), "revoke-node");
  EXPECT_EQ(name(PutSilence{}), "put-silence");
  EXPECT_EQ(name(RevokeUserCertificates{}), "revoke-user-certificates");
  EXPECT_EQ(std::set(kCommandKindNames.begin(), kCommandKindNames.end()).size(), kCommandKinds);
}

}  // namespace
}  // namespace muster::agent
