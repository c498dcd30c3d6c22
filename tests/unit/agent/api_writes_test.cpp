#include "agent/api_writes.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using std::chrono::milliseconds;

const WallTime kNow{milliseconds(1'000'000)};

std::string why(const auto& result) { return result ? "nothing" : result.error().text; }

TEST(ApiWrites, KeysAreBoundedLinesOfText) {
  EXPECT_TRUE(check_key("a/b c\u00e9"));
  EXPECT_TRUE(check_key(std::string(512, 'k')));
  for (const std::string& key : {std::string(), std::string(513, 'k'), std::string("a\nb"),
                                 std::string("a\0b", 3), std::string("\xff")}) {
    EXPECT_FALSE(check_key(key)) << key;
  }
}

TEST(ApiWrites, APreconditionIsAnETagOrThatThereIsNoSuchKey) {
  EXPECT_EQ(expected_index("", "").value(), std::nullopt);
  EXPECT_EQ(expected_index("\"17\"", "").value(), 17U);
  EXPECT_EQ(expected_index("", "*").value(), 0U);
  for (const char* tag : {"17", "\"\"", "\"x\"", "\"0\"", "*", "W/\"17\"", "\"1\", \"2\""}) {
    EXPECT_FALSE(expected_index(tag, "")) << tag;
  }
  EXPECT_FALSE(expected_index("\"17\"", "*"));
  EXPECT_FALSE(expected_index("", "\"17\""));
}

TEST(ApiWrites, ALeaseIsGrantedForATimeAndRenewedWithItsToken) {
  const auto grant = parse_lease("db", R"({"holder": "n1", "ttl": "10s"})");
  ASSERT_TRUE(grant) << why(grant);
  EXPECT_EQ(std::get<GrantLease>(*grant), (GrantLease{"db", "n1", 10'000}));
  const auto renewal = parse_lease("db", R"({"holder": "n1", "token": 5})");
  EXPECT_EQ(std::get<RenewLease>(*renewal), (RenewLease{"db", "n1", 5}));
  for (const char* body :
       {"", "[]", R"({"holder": "n1"})", R"({"ttl": "10s"})", R"({"holder": "", "ttl": "10s"})",
        R"({"holder": "n1", "ttl": "10ms"})", R"({"holder": "n1", "ttl": "25h"})",
        R"({"holder": "n1", "ttl": 10})", R"({"holder": "n1", "token": -1})",
        R"({"holder": "n1", "ttl": "10s", "token": 1})", R"({"holder": "n1", "tll": "10s"})"}) {
    EXPECT_FALSE(parse_lease("db", body)) << body;
  }
  EXPECT_NE(why(parse_lease("db", R"({"holder": "n1", "tll": "10s"})")).find("tll"),
            std::string::npos);
  EXPECT_TRUE(release_of("db", "n1", "5"));
  EXPECT_FALSE(release_of("db", "", "5"));
  EXPECT_FALSE(release_of("db", "n1", "five"));
}

TEST(ApiWrites, ATokenIsForARoleOrForNodes) {
  const auto api = parse_token_request(R"({"role": "operator", "ttl": "24h"})", kNow);
  ASSERT_TRUE(api) << why(api);
  EXPECT_EQ(api->kind, TokenKind::Api);
  EXPECT_EQ(api->role, Role::Operator);
  EXPECT_EQ(api->expires, kNow + std::chrono::hours(24));
  EXPECT_EQ(parse_token_request(R"({"role": "viewer"})", kNow)->expires, WallTime{});
  const auto join = parse_token_request(R"({"join": "master", "uses": 3})", kNow);
  ASSERT_TRUE(join) << why(join);
  EXPECT_EQ(join->kind, TokenKind::Join);
  EXPECT_EQ(join->node_role, NodeRole::Master);
  EXPECT_EQ(join->uses_left, 3U);
  EXPECT_EQ(join->expires, kNow + std::chrono::hours(1));  // a join token always ends
  for (const char* body :
       {"{}", R"({"role": "viewer", "join": "agent"})", R"({"role": "root"})",
        R"({"join": "viewer"})", R"({"join": "agent", "uses": 0})",
        R"({"join": "agent", "ttl": "721h"})", R"({"role": "viewer", "uses": 1})",
        R"({"role": "viewer", "ttl": "0s"})", R"({"role": "viewer", "description": "a\nb"})"}) {
    EXPECT_FALSE(parse_token_request(body, kNow)) << body;
  }
}

TEST(ApiWrites, ACertificateIsForSomebodyInARoleAndForAYearAtMost) {
  const auto usual = parse_user_certificate(R"({"csr": "a\nb", "name": "ann", "role": "viewer"})");
  ASSERT_TRUE(usual) << why(usual);
  EXPECT_EQ(usual->request, "a\nb");
  EXPECT_EQ(usual->name, "ann");
  EXPECT_EQ(usual->role, Role::Viewer);
  EXPECT_EQ(usual->life_ms, 30ULL * 24 * 3600 * 1000);
  const auto year =
      parse_user_certificate(R"({"csr": "x", "name": "ann", "role": "admin", "ttl": "8760h"})");
  ASSERT_TRUE(year) << why(year);
  EXPECT_EQ(year->life_ms, 365ULL * 24 * 3600 * 1000);
  for (const char* body :
       {R"({"name": "ann", "role": "viewer"})", R"({"csr": "x", "role": "viewer"})",
        R"({"csr": "x", "name": "ann"})", R"({"csr": 1, "name": "ann", "role": "viewer"})",
        R"({"csr": "x", "name": "Ann/role", "role": "viewer"})",
        R"({"csr": "x", "name": "ann", "role": "master"})",
        R"({"csr": "x", "name": "ann", "role": "viewer", "ttl": "8761h"})",
        R"({"csr": "x", "name": "ann", "role": "viewer", "ttl": "59s"})",
        R"({"csr": "x", "name": "ann", "role": "viewer", "hosts": []})"}) {
    EXPECT_FALSE(parse_user_certificate(body)) << body;
  }
  const std::string huge(kPemBytesMax + 1, 'x');
  EXPECT_FALSE(
      parse_user_certificate(R"({"csr": ")" + huge + R"(", "name": "ann", "role": "viewer"})"));
}

TEST(ApiWrites, ASilenceMatchesSomethingAndEnds) {
  const auto put = parse_silence(
      R"({"matchers": [{"label": "alertname", "op": "~", "value": "Node*"}, {"label": "zone"}],
          "duration": "2h", "comment": "moving"})",
      "made", kNow);
  ASSERT_TRUE(put) << why(put);
  EXPECT_EQ(put->id, "made");
  EXPECT_EQ(put->silence.starts, kNow);
  EXPECT_EQ(put->silence.ends, kNow + std::chrono::hours(2));
  ASSERT_EQ(put->silence.matchers.size(), 2U);
  EXPECT_EQ(put->silence.matchers[0].kind, MatchKind::Like);
  EXPECT_EQ(put->silence.matchers[1], (Matcher{"zone", MatchKind::Equal, ""}));
  for (const char* body :
       {R"({"duration": "2h"})", R"({"matchers": [], "duration": "2h"})",
        R"({"matchers": [{"label": "a"}]})", R"({"matchers": [{"value": "a"}], "duration": "2h"})",
        R"({"matchers": [{"label": "a", "op": "=~"}], "duration": "2h"})",
        R"({"matchers": [{"label": "a"}], "duration": "2h", "ends_ms": 5})",
        R"({"matchers": [{"label": "a"}], "ends_ms": 999999})",
        R"({"matchers": {"label": "a"}, "duration": "2h"})"}) {
    EXPECT_FALSE(parse_silence(body, "made", kNow)) << body;
  }
}

TEST(ApiWrites, AMasterIsNamed) {
  EXPECT_EQ(parse_master(R"({"name": "n4"})", false).value(), "n4");
  EXPECT_EQ(parse_master("", true).value(), "");
  EXPECT_FALSE(parse_master("", false));
  EXPECT_FALSE(parse_master(R"({"name": "N 4"})", false));
  EXPECT_FALSE(parse_master(R"({"nmae": "n4"})", true));
}

}  // namespace
}  // namespace muster::agent
