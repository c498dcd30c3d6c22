#include "agent/civetweb_server.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/driver/agent/civetweb_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(CivetwebServerTest, ServesMetricsAsPrometheusExpectsThem) {
  open();
  const std::string answer = raw("GET", "/metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            std::string::npos);
  EXPECT_NE(answer.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos);
  EXPECT_NE(answer.find("Cache-Control: no-store\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\nup 1\n"));
  EXPECT_EQ(ask("GET", "/metricsfoo").status, 404);
  EXPECT_EQ(ask("GET", "/metrics/x").status, 404);
}

TEST_F(CivetwebServerTest, AScrapeIsAnsweredAsItsHeadersAndItsQueryAsk) {
  open();
  raw("GET", "/metrics");
  EXPECT_EQ(scrape_.collectors, std::vector<std::string>());
  EXPECT_EQ(scrape_.type, collector::ScrapeRequest::Type::Text004);
  EXPECT_FALSE(scrape_.gzip);
  const std::string answer =
      raw("GET", "/metrics?collect[]=cpu&collect%5B%5D=meminfo",
          "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n"
          "Accept-Encoding: gzip\r\nX-Prometheus-Scrape-Timeout-Seconds: 5\r\n");
  EXPECT_EQ(scrape_.collectors, (std::vector<std::string>{"cpu", "meminfo"}));
  EXPECT_EQ(scrape_.within, milliseconds(4500));
  EXPECT_TRUE(scrape_.gzip);
  EXPECT_NE(answer.find("Content-Type: application/openmetrics-text; version=1.0.0; "
                        "charset=utf-8\r\n"),
            std::string::npos)
      << answer;
  EXPECT_NE(answer.find("Content-Encoding: gzip\r\n"), std::string::npos);
  const HttpOutcome refused = ask("GET", "/metrics?collect[]=none");
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("there is no collector none"), std::string::npos);
}

TEST_F(CivetwebServerTest, OneConnectionCarriesManyRequestsWithoutDelay) {
  open();
  Connection connection(port_);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    connection.send("GET /healthz HTTP/1.1\r\nHost: n5\r\n\r\n");
    ASSERT_TRUE(connection.read_until("ok\n").starts_with("HTTP/1.1 200")) << i;
  }
  // A delayed ACK a request would be 40 ms each.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(600));
}

TEST_F(CivetwebServerTest, HeadHasTheHeadersAndNoBody) {
  open();
  const std::string answer = raw("HEAD", "/metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(answer.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(CivetwebServerTest, AWrongMethodIsToldTheRightOnes) {
  open();
  const std::string answer = raw("PUT", "/v1/workloads/web");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
  EXPECT_NE(answer.find("Allow: GET, HEAD, DELETE\r\n"), std::string::npos);
  EXPECT_EQ(ask("POST", "/metrics", "x").status, 405);
  EXPECT_EQ(ask("DELETE", "/v1/workloads").status, 405);
  EXPECT_EQ(ask("GET", "/v1/nothing").status, 404);
}

TEST_F(CivetwebServerTest, EveryDocumentOfABodyIsOneWriteWithAnIdOfItsOwn) {
  open();
  const std::string body = "name: a\ncommand: [x]\n---\n{\"name\": \"b\", \"command\": [\"y\"]}\n";
  const HttpOutcome outcome = ask("POST", "/v1/workloads", body, {{"Muster-Request-Id", "mine"}});
  EXPECT_EQ(outcome.status, 200) << outcome.body;
  EXPECT_EQ(outcome.body, "{\"results\":[\"done\",\"done\"]}\n");
  ASSERT_EQ(writes_.size(), 2U);
  EXPECT_EQ(std::get<PutWorkload>(writes_[0]).spec.name, "a");
  EXPECT_EQ(std::get<PutWorkload>(writes_[1]).spec.name, "b");
  EXPECT_EQ(ids_, (std::vector<std::string>{"mine", "mine/1"}));
  EXPECT_EQ(ask("DELETE", "/v1/workloads/a").status, 200);
  EXPECT_EQ(std::get<StopWorkload>(writes_.back()).name, "a");
  const std::string drawn = ids_.back();
  EXPECT_EQ(ask("DELETE", "/v1/workloads/a").status, 200);
  EXPECT_GE(drawn.size(), 16U);
  EXPECT_NE(ids_.back(), drawn);
}

TEST_F(CivetwebServerTest, WhatIsAskedHasADigestThatIsTheSameForARetryAndForNothingElse) {
  open();
  struct Asked {
    const char* method;
    const char* path;
    const char* body;
    std::pair<std::string, std::string> header{"Accept", "*/*"};
  };
  const std::vector<Asked> all = {
      {"PUT", "/v1/kv/a", "1"},
      {"PUT", "/v1/kv/a", "2"},
      {"PUT", "/v1/kv/b", "1"},
      {"PUT", "/v1/kv/a", "1", {"If-Match", "\"1\""}},
      {"PUT", "/v1/kv/a", "1", {"If-None-Match", "*"}},
      {"DELETE", "/v1/kv/a", ""},
      {"DELETE", "/v1/kv?prefix=a/", ""},
      {"DELETE", "/v1/kv?prefix=b/", ""},
      // What is written differs: it ends an hour after it was read.
      {"POST", "/v1/silences",
       R"({"matchers": [{"label": "a", "op": "==", "value": "b"}], "duration": "1h"})"}};
  std::set<std::uint64_t> digests;
  for (const Asked& one : all) {
    const std::size_t before = digests_.size();
    for (int again = 0; again < 2; ++again) {
      const HttpOutcome outcome =
          ask(one.method, one.path, one.body, {{"Muster-Request-Id", "mine"}, one.header});
      ASSERT_LT(outcome.status, 300) << one.method << " " << one.path << outcome.body;
    }
    ASSERT_EQ(digests_.size(), before + 2);
    EXPECT_EQ(digests_[before], digests_[before + 1]);
    digests.insert(digests_[before]);
  }
  EXPECT_EQ(digests.size(), all.size());
  EXPECT_FALSE(digests.contains(0));
}

TEST_F(CivetwebServerTest, ABadBodyIsRefusedWithItsPlaceAndNothingIsWritten) {
  open();
  const HttpOutcome outcome =
      ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n---\nname: b\ncomand: [y]\n");
  EXPECT_EQ(outcome.status, 400);
  EXPECT_NE(outcome.body.find("body:5:1: comand"), std::string::npos) << outcome.body;
  EXPECT_EQ(ask("POST", "/v1/workloads").status, 400);
  EXPECT_EQ(ask("DELETE", "/v1/workloads/..%2f").status, 404);
  EXPECT_EQ(ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n",
                {{"Muster-Request-Id", std::string(129, 'x')}})
                .status,
            400);
  EXPECT_TRUE(writes_.empty());
}

TEST_F(CivetwebServerTest, AWebPageCannotWrite) {
  open();
  EXPECT_EQ(ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n",
                {{"Origin", "http://evil.example"}, {"Content-Type", "text/plain"}})
                .status,
            403);
  EXPECT_TRUE(writes_.empty());
}

TEST_F(CivetwebServerTest, WhatIsTooLargeIsRefusedAndTheServerLivesOn) {
  open();
  EXPECT_EQ(ask("POST", "/v1/workloads", "#" + std::string(3 << 20, 'x')).status, 413);
  EXPECT_EQ(ask("GET", "/" + std::string(5000, 'a')).status, 414);
  EXPECT_TRUE(raw("GET", "/" + std::string(60'000, 'a')).starts_with("HTTP/1.1 4"));
  Connection chunked(port_);
  chunked.send("POST /v1/workloads HTTP/1.1\r\nHost: n5\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 20; ++i) chunked.send("10000\r\n" + std::string(0x10000, '#') + "\r\n");
  chunked.send("0\r\n\r\n");
  EXPECT_TRUE(chunked.read_until("\r\n").starts_with("HTTP/1.1 413"));
  for (const std::string& garbage : {std::string("\0\0\r\n\r\n", 6), std::string("GET\r\n\r\n"),
                                     std::string("PUT / HTTP/9.9\r\n\r\n")}) {
    Connection connection(port_);
    connection.send(garbage);
    (void)connection.read_all();
  }
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_TRUE(writes_.empty());
}

TEST_F(CivetwebServerTest, RefusalsHaveTheStatusOfTheirCode) {
  write_result_ = fail(Code::Unavailable, "no quorum: a majority of the masters must be up");
  open();
  const HttpOutcome outcome = ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n");
  EXPECT_EQ(outcome.status, 503);
  EXPECT_NE(outcome.body.find("no quorum"), std::string::npos);
}

TEST_F(CivetwebServerTest, AReadThatNeedsTheStateIsForwarded) {
  open();
  EXPECT_EQ(ask("GET", "/v1/nodes?stale").body, "{}");
  EXPECT_EQ(asked_, std::vector<std::string>{"/v1/nodes?stale"});
  read_answer_ = fail(Code::Unavailable, "no quorum");
  const HttpOutcome nobody = ask("GET", "/v1/events");
  EXPECT_EQ(nobody.status, 503);
  EXPECT_NE(nobody.body.find("quorum"), std::string::npos);
  EXPECT_EQ(ask("GET", "/v1/members").status, 200);
}

TEST_F(CivetwebServerTest, AParameterThatNobodyKnowsIsNamed) {
  open();
  const HttpOutcome outcome = ask("DELETE", "/v1/kv?prefx=a");
  EXPECT_EQ(outcome.status, 400);
  EXPECT_NE(outcome.body.find("prefx"), std::string::npos) << outcome.body;
  EXPECT_EQ(ask("GET", "/v1/nodes?a=1").status, 400);
  EXPECT_TRUE(writes_.empty());
}

TEST_F(CivetwebServerTest, AWriteWithoutAnAnswerEndsInTimeAndItsOutcomeIsUnknown) {
  silent_ = true;
  open(milliseconds(50));
  EXPECT_EQ(ask("POST", "/v1/workloads", "name: a\ncommand: [x]\n").status, 504);
  EXPECT_EQ(ask("GET", "/v1/nodes").status, 504);
  const std::string told = raw("DELETE", "/v1/kv/a", "Muster-Request-Id: mine\r\n");
  for (const char* part : {"HTTP/1.1 504 ", "Content-Type: application/problem+json\r\n",
                           "Muster-Request-Id: mine\r\n", "may or may not have been done",
                           "the same Muster-Request-Id: it is then done once"}) {
    EXPECT_NE(told.find(part), std::string::npos) << part << "\n" << told;
  }
}

TEST_F(CivetwebServerTest, RequestsThatWaitLeaveAThreadForHealth) {
  silent_ = true;
  open(seconds(30));
  std::vector<std::unique_ptr<Connection>> waiting;
  for (int i = 0; i < CivetwebServer::kWaitingMax; ++i) {
    waiting.push_back(std::make_unique<Connection>(port_));
    waiting.back()->send("DELETE /v1/workloads/a HTTP/1.1\r\nHost: n5\r\n\r\n");
  }
  const auto all_wait = [&] {
    const std::lock_guard lock(mutex_);
    return writes_.size() == static_cast<std::size_t>(CivetwebServer::kWaitingMax);
  };
  ASSERT_TRUE(eventually(all_wait));
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("DELETE", "/v1/workloads/b").status, 503);
  server_.reset();  // does not wait for the thirty seconds
  EXPECT_TRUE(waiting.front()->read_until("\r\n").starts_with("HTTP/1.1 503"));
}

TEST_F(CivetwebServerTest, LogsAreTextAndAskedOfTheNodeThatHasThem) {
  open();
  EXPECT_EQ(ask("GET", "/v1/logs/3").body, "100 lines\n");
  EXPECT_EQ(ask("GET", "/v1/logs/3?lines=7").body, "7 lines\n");
  EXPECT_EQ(ask("GET", "/v1/logs/3?lines=10001").status, 400);
  ClusterState state;
  state.placements[4].node = "n2";
  MasterView master;
  master.state = std::make_shared<const ClusterState>(state);
  view_.master = std::make_shared<const MasterView>(master);
  const HttpOutcome elsewhere = ask("GET", "/v1/logs/4");
  EXPECT_EQ(elsewhere.status, 404);
  EXPECT_NE(elsewhere.body.find("n2"), std::string::npos) << elsewhere.body;
}

TEST_F(CivetwebServerTest, APortInUseIsNamed) {
  open();
  const auto second = CivetwebServer::open({"127.0.0.1", port_}, ports_, {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("127.0.0.1:" + std::to_string(port_)), std::string::npos);
  EXPECT_NE(second.error().text.find("listen.http_port"), std::string::npos);
  EXPECT_EQ(second.error().text.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace muster::agent
