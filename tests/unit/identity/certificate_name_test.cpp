#include "identity/certificate_name.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace muster::identity {
namespace {

const CertificateName kMaster{"prod", "n1", NodeRole::Master};
const CertificateName kAnn{"prod", "ann", Role::Admin};

TEST(CertificateName, NodesAndUsersAreTwoUrisInAnyOrder) {
  EXPECT_EQ(uris_of(kMaster),
            (std::vector<std::string>{"muster://prod/node/n1", "muster://prod/role/master"}));
  EXPECT_EQ(uris_of(kAnn),
            (std::vector<std::string>{"muster://prod/user/ann", "muster://prod/role/admin"}));
  for (const CertificateName& name : {kMaster, kAnn}) {
    auto uris = uris_of(name);
    EXPECT_EQ(name_of(uris).value(), name);
    std::swap(uris[0], uris[1]);
    EXPECT_EQ(name_of(uris).value(), name);
  }
}

TEST(CertificateName, ACertificateThatSaysAnythingElseNamesNobody) {
  const std::string node = "muster://prod/node/n1";
  const std::vector<std::string> rows[] = {
      {},
      {node},
      {node, "muster://prod/role/master", "muster://prod/role/agent"},
      {node, node},
      {"muster://prod/role/master", "muster://prod/role/master"},
      {node, "muster://prod/role/admin"},                       // a node is no admin
      {"muster://prod/user/ann", "muster://prod/role/master"},  // a person is no master
      {node, "muster://test/role/master"},                      // of two clusters
      {node, "https://prod/role/master"},
      {"muster://prod/node/", "muster://prod/role/master"},
      {"muster://prod/node/N1", "muster://prod/role/master"},
      {"muster://prod/node/n1/", "muster://prod/role/master"},
      {"muster://prod/node/n1\n", "muster://prod/role/master"},
      {std::string("muster://prod/node/n1\0x", 23), "muster://prod/role/master"},
      {"muster:///node/n1", "muster:///role/master"},
      {node, "muster://prod/role/Master"},
      {node, "muster://prod/role/"},
      {"muster://prod/host/n1", "muster://prod/role/master"},
      {std::string(300, 'x'), "muster://prod/role/master"},
  };
  for (const auto& uris : rows) {
    const auto refused = name_of(uris);
    ASSERT_FALSE(refused) << (uris.empty() ? "" : uris[0]);
    EXPECT_EQ(refused.error().code, Code::PermissionDenied);
    EXPECT_EQ(refused.error().text.find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace muster::identity
