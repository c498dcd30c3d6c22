#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/posix_audit.h"
#include "identity/join_json.h"
#include "identity/token.h"
#include "tests/driver/agent/civetweb_fixture.h"

namespace muster::agent {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

TEST_F(CivetwebServerTest, WhoIsNotKnownGetsNothingAndWhoFailsOftenMustWait) {
  ports_.authenticate = [](const Credentials& shown) -> Result<Caller> {
    if (shown.authorization.empty()) return fail(Code::PermissionDenied, "no token");
    Caller caller;
    caller.role = shown.authorization == "Bearer root" ? Role::Admin : Role::Viewer;
    caller.actor = {"somebody", std::string(to_text(caller.role)), shown.address};
    return caller;
  };
  open();
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  const std::string refused = raw("GET", "/v1/status");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
  EXPECT_NE(refused.find("WWW-Authenticate: Bearer"), std::string::npos);
  EXPECT_EQ(ask("GET", "/v1/status", "", {{"Authorization", "Bearer x"}}).status, 200);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", "x", {{"Authorization", "Bearer x"}}).status, 403);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", "x", {{"Authorization", "Bearer root"}}).status, 200);
  EXPECT_EQ(writes_.size(), 1U);
  const auto lines = audited();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].status, 401);
  EXPECT_EQ(lines[0].path, "/v1/status");
  EXPECT_EQ(lines[1].status, 403);
  EXPECT_EQ(lines[1].by.name, "somebody");
  EXPECT_EQ(lines[1].by.role, "viewer");
  EXPECT_EQ(lines[2].status, 200);
  EXPECT_FALSE(lines[2].request_id.empty());
  int waits = 0;
  for (int i = 0; i < 30; ++i) waits += raw("GET", "/v1/kv").starts_with("HTTP/1.1 429") ? 1 : 0;
  EXPECT_GT(waits, 10);
  // What is shown is not even looked at, until the address has waited.
  EXPECT_EQ(ask("GET", "/v1/status", "", {{"Authorization", "Bearer x"}}).status, 429);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(CivetwebServerTest, TheAuditLogSaysWhatAChangeWasAboutAndNoSecret) {
  ports_.operate = [](const TaskRequest&, const Done<ApiResponse>& done) { done(ApiResponse{}); };
  open();
  const identity::JoinToken token =
      identity::join_token(NodeRole::Agent, std::string(64, 'a'),
                           std::string(identity::kTokenIdBytes + identity::kSecretBytes, 'r'));
  identity::JoinRequest join;
  join.token = identity::text_of(token);
  join.name = "n9";
  join.request = "csr";
  EXPECT_EQ(ask("POST", "/v1/join", identity::text_of(join)).status, 200);
  join.name = "n9\nforged";
  EXPECT_EQ(ask("POST", "/v1/join", identity::text_of(join)).status, 200);
  EXPECT_EQ(ask("POST", "/v1/masters", R"({"name": "n4"})").status, 200);
  EXPECT_EQ(
      ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n---\nname: b\ncommand: [x]\n").status,
      200);
  const auto lines = audited();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].subject, "node n9, token " + token.id);
  EXPECT_EQ(lines[1].subject, "");
  EXPECT_EQ(lines[2].subject, "master n4");
  EXPECT_EQ(lines[3].subject, "workload a, b");
  for (const AuditRecord& line : lines) {
    EXPECT_EQ(audit_line(line, WallTime{}).find(token.secret), std::string::npos);
  }
  EXPECT_NE(audit_line(lines[0], WallTime{}).find(R"("subject":"node n9, token )"),
            std::string::npos);
}

TEST_F(CivetwebServerTest, OnlyItsOwnFrontMaySayWhoAsks) {
  front_ = "secret-of-this-process";
  std::vector<Credentials> seen;
  ports_.authenticate = [&](const Credentials& shown) -> Result<Caller> {
    seen.push_back(shown);
    return Caller{};
  };
  open();
  EXPECT_EQ(ask("GET", "/v1/status").status, 403);
  EXPECT_EQ(ask("GET", "/v1/status", "", {{"X-Muster-Front", "secret-of-this-procesS"}}).status,
            403);
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(ask("GET", "/v1/status", "",
                {{"X-Muster-Front", front_},
                 {"X-Muster-Peer-Address", "192.0.2.7"},
                 {"X-Muster-Peer-Name", "ada"},
                 {"X-Muster-Peer-Role", "operator"},
                 {"X-Muster-Peer-Expires", "86400000"}})
                .status,
            200);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].address, "192.0.2.7");
  ASSERT_TRUE(seen[0].certificate);
  EXPECT_EQ(seen[0].certificate->name, "ada");
  EXPECT_EQ(seen[0].certificate->role, Role::Operator);
  EXPECT_EQ(seen[0].certificate->expires, WallTime(std::chrono::hours(24)));
}

// As the front says where the client is.
Headers from(const std::string& address, Headers more = {}) {
  more.emplace_back("X-Muster-Front", "secret-of-this-process");
  more.emplace_back("X-Muster-Peer-Address", address);
  return more;
}

Result<Caller> root_only(const Credentials& shown) {
  if (shown.authorization != "Bearer root" && !shown.certificate) {
    return fail(Code::PermissionDenied, "not known");
  }
  Caller caller;
  caller.actor = {"root", "admin", shown.address};
  return caller;
}

TEST_F(CivetwebServerTest, WhoFailsAtOneAddressKeepsNobodyElsewhereOut) {
  front_ = "secret-of-this-process";
  ports_.authenticate = root_only;
  open();
  const Headers root{{"Authorization", "Bearer root"}};
  for (int i = 0; i < 30; ++i) ask("GET", "/v1/status", "", from("192.0.2.1"));
  EXPECT_EQ(ask("GET", "/v1/status", "", from("192.0.2.1", root)).status, 429);
  EXPECT_EQ(ask("GET", "/v1/status", "", from("192.0.2.2", root)).status, 200);
  // A certificate was proved before.
  EXPECT_EQ(ask("GET", "/v1/status", "",
                from("192.0.2.1", {{"X-Muster-Peer-Name", "ada"}, {"X-Muster-Peer-Role", "admin"}}))
                .status,
            200);
}

TEST_F(CivetwebServerTest, SuccessesGiveNobodyMoreGuesses) {
  ports_.authenticate = root_only;
  open();
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ask("GET", "/v1/status").status, 401);
  EXPECT_EQ(ask("GET", "/v1/status", "", {{"Authorization", "Bearer root"}}).status, 200);
  int waits = 0;
  for (int i = 0; i < 8; ++i) waits += ask("GET", "/v1/status").status == 429 ? 1 : 0;
  EXPECT_GE(waits, 4);
}

TEST_F(CivetwebServerTest, WhileWhoMayAskIsNotKnownNobodyIsCalledAnIntruder) {
  ports_.authenticate = [](const Credentials&) -> Result<Caller> {
    return fail(Code::Unavailable, "not known yet");
  };
  double failures = 0;
  ports_.count = [&](const std::string&, double by) { failures += by; };
  open();
  for (int i = 0; i < 30; ++i) EXPECT_EQ(ask("GET", "/v1/status").status, 503);
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(audited().empty());
}

TEST_F(CivetwebServerTest, WhatNobodySendsFillsNoAuditLog) {
  ports_.authenticate = root_only;
  open();
  const std::string long_path = "/v1/kv/" + std::string(3000, 'x');
  EXPECT_EQ(ask("DELETE", "/nothing").status, 404);
  EXPECT_EQ(ask("DELETE", "/healthz").status, 405);
  EXPECT_EQ(ask("POST", "/v1/join?x=1").status, 400);
  EXPECT_TRUE(audited().empty());
  for (int i = 0; i < 100; ++i) ask("PUT", long_path, "x");
  const auto lines = audited();
  EXPECT_GE(lines.size(), 10U);
  EXPECT_LT(lines.size(), 30U);
  EXPECT_LT(lines.at(0).path.size(), 1100U);
}

TEST_F(CivetwebServerTest, FailedJoinsAreCountedAndLimitedAndASuccessfulOneIsWrittenDown) {
  ports_.authenticate = root_only;
  double failures = 0;
  ports_.count = [&](const std::string&, double by) { failures += by; };
  int asked = 0;
  ports_.operate = [&](TaskRequest request, const Done<ApiResponse>& done) {
    ++asked;
    if (std::get<JoinNode>(request.task).body == "good") return done(ApiResponse{});
    done(fail(Code::PermissionDenied, "not known"));
  };
  open();
  EXPECT_EQ(ask("POST", "/v1/join", "good").status, 200);
  ASSERT_EQ(audited().size(), 1U);
  EXPECT_EQ(audited()[0].path, "/v1/join");
  int refused = 0, waited = 0;
  for (int i = 0; i < 60; ++i) {
    const int status = ask("POST", "/v1/join", "bad").status;
    refused += status == 403 ? 1 : 0;
    waited += status == 429 ? 1 : 0;
  }
  EXPECT_EQ(refused + waited, 60);
  EXPECT_LT(asked, 15);  // the coordinator is not asked for the others
  EXPECT_EQ(failures, 60) << "with those that were not looked at";
  EXPECT_EQ(audited().size(), 1U + static_cast<unsigned>(refused));
}

TEST_F(CivetwebServerTest, AStreamEndsWhenWhatItShowedIsTakenBack) {
  std::atomic<bool> taken_back = false;
  ports_.authenticate = [&](const Credentials&) -> Result<Caller> {
    if (taken_back) return fail(Code::PermissionDenied, "not known");
    return Caller{};
  };
  open();
  ClusterState state;
  put(state, "a", "1");
  become(state);
  Connection connection(port_);
  connection.send("GET /v1/watch?index=0 HTTP/1.1\r\nHost: n5\r\n\r\n");
  EXPECT_NE(connection.read_until("}\n\n").find("event: put\n"), std::string::npos);
  taken_back = true;
  put(state, "a", "secret");
  become(state);
  EXPECT_EQ(connection.read_all(), "");
}

TEST_F(CivetwebServerTest, APlainAgentAnswersUnderNoNameThatAWebPageBroughtWithIt) {
  open();
  const auto asked_as = [&](const std::string& host, const std::string& path) {
    Connection connection(port_);
    connection.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return connection.read_all().substr(9, 3);
  };
  for (const char* host :
       {"127.0.0.1:7948", "10.0.0.1", "localhost:7948", "n5", "n5:7948", "[::1]:7948"}) {
    EXPECT_EQ(asked_as(host, "/v1/status"), "200") << host;
  }
  for (const char* host : {"evil.example:7948", "evil.example", "n5.evil.example", "127.0.0.1.x"}) {
    EXPECT_EQ(asked_as(host, "/v1/status"), "421") << host;
    EXPECT_EQ(asked_as(host, "/metrics"), "200") << host;
  }
}

}  // namespace
}  // namespace muster::agent
