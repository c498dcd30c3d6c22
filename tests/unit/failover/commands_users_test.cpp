#include <gtest/gtest.h>

#include "failover/commands.h"
#include "state_fixture.h"

namespace muster::failover {
namespace {

struct UsersTest : StateTest {
  Result<Outcome> certify(const std::string& serial, const std::string& name,
                          Role role = Role::Viewer, Duration life = 24h) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(life);
    return put(RecordUserCertificate{serial, name, role, wall + ms, "a1"});
  }
};

TEST_F(UsersTest, ACertificateIsOnRecordWithWhoseItIs) {
  ASSERT_TRUE(certify("5", "ann", Role::Operator));
  const UserCertificateRecord& record = state.user_certificates.at("5");
  EXPECT_EQ(record.name, "ann");
  EXPECT_EQ(record.role, Role::Operator);
  EXPECT_EQ(record.issued, wall);
  const EventRecord& event = *std::prev(state.events.end());
  EXPECT_EQ(event.kind, "user-certified");
  EXPECT_EQ(event.subject, "user/ann");
  EXPECT_NE(event.text.find("certificate 5 as operator, good until "), std::string::npos);
  EXPECT_EQ(certify("5", "eve").error().code, Code::Conflict);
  EXPECT_EQ(certify("6", "Not A Name").error().code, Code::InvalidArgument);
  EXPECT_EQ(certify("6", "ann", Role::Viewer, -1h).error().code, Code::InvalidArgument);
  EXPECT_EQ(state.user_certificates.size(), 1U);
}

TEST_F(UsersTest, OneIsRevokedBySerialAndAllByName) {
  for (const char* serial : {"1", "2", "3"}) ASSERT_TRUE(certify(serial, "ann"));
  ASSERT_TRUE(certify("4", "bob"));
  const WallTime end = state.user_certificates.at("2").expires;
  ASSERT_TRUE(put(RevokeUserCertificates{"", "2"}));
  EXPECT_EQ(state.revoked.size(), 1U);
  EXPECT_EQ(state.revoked.at("2").user, "ann");
  EXPECT_EQ(state.revoked.at("2").expires, end);
  ASSERT_TRUE(put(RevokeUserCertificates{"ann", ""}));
  EXPECT_EQ(state.revoked.size(), 3U);
  EXPECT_EQ(state.user_certificates.size(), 1U);
  EXPECT_EQ(put(RevokeUserCertificates{"ann", ""}).error().code, Code::NotFound);
  EXPECT_EQ(put(RevokeUserCertificates{"", "2"}).error().code, Code::NotFound);
  EXPECT_EQ(put(RevokeUserCertificates{"", ""}).error().code, Code::InvalidArgument);
  EXPECT_EQ(put(RevokeUserCertificates{"bob", "4"}).error().code, Code::InvalidArgument);
  EXPECT_EQ(certify("2", "ann").error().code, Code::Conflict) << "it is revoked";
}

TEST_F(UsersTest, ThereAreSoManyAndThoseThatExpiredDoNotCount) {
  for (std::size_t i = 0; i < kUserCertificatesMax; ++i) {
    ASSERT_TRUE(certify(std::to_string(i), "ann", Role::Viewer, 100h));
  }
  EXPECT_EQ(certify("more", "ann").error().code, Code::Exhausted);
  wall += 101h;
  ASSERT_TRUE(certify("more", "ann"));
  EXPECT_LT(state.user_certificates.size(), kUserCertificatesMax);
}

}  // namespace
}  // namespace muster::failover
