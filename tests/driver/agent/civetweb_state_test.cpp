#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "agent/civetweb_server.h"
#include "tests/driver/agent/civetweb_fixture.h"

namespace muster::agent {
namespace {

using std::chrono::milliseconds;

TEST_F(CivetwebServerTest, AMasterAnswersFromTheViewThatItsReadIndexGives) {
  open();
  ClusterState state;
  put(state, "a/b c", "bytes");
  become(state);
  const std::string one = raw("GET", "/v1/kv/a/b%20c");
  EXPECT_NE(one.find("ETag: \"1\"\r\n"), std::string::npos) << one;
  EXPECT_NE(one.find("Muster-Index: 1\r\n"), std::string::npos) << one;
  EXPECT_NE(one.find("\"value_base64\":\"Ynl0ZXM=\""), std::string::npos) << one;
  EXPECT_TRUE(raw("GET", "/v1/kv/a/b%20c?raw").ends_with("\r\n\r\nbytes"));
  EXPECT_TRUE(raw("GET", "/v1/kv/a/b%20c", "Accept: application/octet-stream\r\n")
                  .ends_with("\r\n\r\nbytes"));
  EXPECT_TRUE(raw("GET", "/v1/kv/a/b%20c", "If-None-Match: \"1\"\r\n").starts_with("HTTP/1.1 304"));
  EXPECT_EQ(ask("GET", "/v1/kv/other").status, 404);
}

TEST_F(CivetwebServerTest, AStaleReadAsksNobodyAndSaysSo) {
  silent_ = true;
  open();
  ClusterState state;
  put(state, "a", "1");
  become(state);
  since_leader_ = milliseconds(1234);
  const std::string answer = raw("GET", "/v1/kv/a?stale");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200"));
  EXPECT_NE(answer.find("Muster-Stale: true\r\nMuster-Last-Contact: 1234\r\n"), std::string::npos)
      << answer;
  since_leader_.reset();  // it was started, and has heard nobody
  EXPECT_EQ(raw("GET", "/v1/kv/a?stale").find("Muster-Last-Contact"), std::string::npos);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(CivetwebServerTest, ABlockingReadComesWithTheNextChangeOfWhatItReads) {
  open();
  ClusterState state;
  put(state, "a/1", "x");
  become(state);
  Connection connection(port_);
  connection.send("GET /v1/kv?prefix=a/&keys_only&index=1&wait=30s HTTP/1.1\r\nHost: n5\r\n\r\n");
  // Another one that waits in vain: by its end the first one waits as well.
  EXPECT_EQ(ask("GET", "/v1/kv/a/1?index=1&wait=200ms").status, 200);
  asked_.clear();
  put(state, "b/1", "x");
  become(state);  // not below a/
  EXPECT_TRUE(asked_.empty());
  put(state, "a/2", "x");
  become(state);
  const std::string answer = connection.read_until("}\n");
  EXPECT_NE(answer.find("\"a/2\""), std::string::npos) << answer;
  EXPECT_NE(answer.find("Muster-Index: 3"), std::string::npos) << answer;
}

TEST_F(CivetwebServerTest, ABlockingReadWhoseIndexIsBehindIsAnsweredAtOnceAndItsTimeEnds) {
  open();
  ClusterState state;
  put(state, "a", "x");
  put(state, "a", "y");
  become(state);
  EXPECT_EQ(ask("GET", "/v1/kv/a?index=1&wait=30s").status, 200);
  EXPECT_EQ(ask("GET", "/v1/kv/a?index=2&wait=50ms").status, 200);
  EXPECT_EQ(ask("GET", "/v1/kv/a?wait=5s").status, 400);
  EXPECT_EQ(ask("GET", "/v1/kv/a?index=2&wait=soon").status, 400);
}

TEST_F(CivetwebServerTest, AForwardedReadWaitsThereNoLongerThanItsClient) {
  read_answer_ = ReadAnswer(ApiResponse{304, "application/json", "", {{"Muster-Index", "7"}}});
  open(milliseconds(100));
  EXPECT_EQ(ask("GET", "/v1/kv/a?index=7&wait=40ms").status, 304);
  ASSERT_GE(asked_.size(), 2U);
  const std::string first = asked_.front();
  const std::size_t wait = first.find("index=7&wait=");
  ASSERT_NE(wait, std::string::npos) << first;
  EXPECT_LE(std::stoi(first.substr(wait + 13)), 43) << first;  // a sixteenth more
  EXPECT_TRUE(first.ends_with("ms")) << first;
  EXPECT_EQ(asked_.back(), "/v1/kv/a?");
  silent_ = true;
  EXPECT_EQ(ask("GET", "/v1/kv/a?index=7&wait=5m").status, 504);
  EXPECT_EQ(asked_.back(), "/v1/kv/a?index=7&wait=3s");
}

TEST_F(CivetwebServerTest, AWatchTellsEachChangeBelowItsPrefixWithItsIndex) {
  open();
  ClusterState state;
  put(state, "a/1", "x");
  become(state);
  Connection connection(port_);
  connection.send("GET /v1/watch?prefix=a/&index=0 HTTP/1.1\r\nHost: n5\r\n\r\n");
  EXPECT_NE(connection.read_until("}\n\n").find("id: 1\nevent: put\n"), std::string::npos);
  put(state, "b", "x");
  state.kv.erase("a/1");
  ++state.index;
  state.kv_changes.push_back({state.index, "a/1", false});
  become(state);
  const std::string gone = connection.read_until("}\n\n");
  EXPECT_EQ(gone, "id: 3\nevent: delete\ndata: {\"key\":\"a/1\",\"modified_index\":3}\n\n");
  state.kv_changes_from = 9;
  Connection late(port_);
  late.send("GET /v1/watch?prefix=a/&index=3 HTTP/1.1\r\nHost: n5\r\nLast-Event-ID: 4\r\n\r\n");
  state.index = 20;
  become(state);
  EXPECT_NE(late.read_until("}\n\n").find("event: reset\n"), std::string::npos);
}

TEST_F(CivetwebServerTest, WatchesAreBoundedAndLeaveThreadsForOthers) {
  open();
  become({});
  std::vector<std::unique_ptr<Connection>> watches;
  for (int i = 0; i < CivetwebServer::kWatchingMax; ++i) {
    watches.push_back(std::make_unique<Connection>(port_));
    watches.back()->send("GET /v1/watch HTTP/1.1\r\nHost: n5\r\n\r\n");
    EXPECT_TRUE(watches.back()->read_until("muster\n\n").starts_with("HTTP/1.1 200")) << i;
  }
  EXPECT_EQ(ask("GET", "/v1/watch").status, 503);
  EXPECT_EQ(ask("GET", "/v1/nodes?index=1&wait=10s").status, 503);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/metrics").status, 200);
  EXPECT_EQ(ask("GET", "/v1/kv").status, 200);
  server_.reset();  // ends them
  (void)watches.front()->read_all();
}

TEST_F(CivetwebServerTest, AKeyIsWrittenAsItsBytesUnderItsPrecondition) {
  open();
  const std::string bytes("\0\xff{", 3);
  EXPECT_EQ(ask("PUT", "/v1/kv/a/%2Fb", bytes, {{"If-Match", "\"17\""}}).body, "{\"index\":7}\n");
  const auto& put = std::get<PutKey>(writes_.back());
  EXPECT_EQ(put.key, "a//b");
  EXPECT_EQ(*put.value, bytes);
  EXPECT_EQ(put.expected, 17U);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", "x", {{"If-None-Match", "*"}}).status, 200);
  EXPECT_EQ(std::get<PutKey>(writes_.back()).expected, 0U);
  EXPECT_EQ(ask("PUT", "/v1/kv/a").status, 200);  // an empty value
  EXPECT_EQ(std::get<PutKey>(writes_.back()).expected, std::nullopt);
  EXPECT_EQ(ask("PUT", "/v1/kv/a", "x", {{"If-Match", "17"}}).status, 400);
  EXPECT_EQ(ask("PUT", "/v1/kv/a%0Ab", "x").status, 400);
  EXPECT_EQ(ask("PUT", "/v1/kv/%zz", "x").status, 400);
  EXPECT_EQ(ask("PUT", "/v1/kv/" + std::string(513, 'k'), "x").status, 400);
  EXPECT_EQ(ask("DELETE", "/v1/kv").status, 400);  // no prefix is no wish to delete everything
  EXPECT_EQ(writes_.size(), 3U);
}

TEST_F(CivetwebServerTest, AValueThatIsTooLargeIsToldTheLimitAndWhatToDo) {
  open();
  EXPECT_EQ(ask("PUT", "/v1/kv/a", std::string(512 << 10, 'x')).status, 200);
  const HttpOutcome outcome = ask("PUT", "/v1/kv/a", std::string(10'000'000, 'x'));
  EXPECT_EQ(outcome.status, 413);
  EXPECT_NE(outcome.body.find("524288 bytes"), std::string::npos) << outcome.body;
  EXPECT_NE(outcome.body.find("\"next\":\"keep what is larger elsewhere"), std::string::npos);
  EXPECT_EQ(writes_.size(), 1U);
}

TEST_F(CivetwebServerTest, AFailedPreconditionShowsThePresentTag) {
  ClusterState state;
  put(state, "a", "1");
  write_result_ = fail(Code::Conflict, "the key was last written at index 1");
  open();
  become(state);
  Connection connection(port_);
  connection.send(
      "PUT /v1/kv/a HTTP/1.1\r\nHost: n5\r\nIf-None-Match: *\r\nContent-Length: 1\r\n"
      "Connection: close\r\n\r\nx");
  const std::string answer = connection.read_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 412 ")) << answer;
  EXPECT_NE(answer.find("ETag: \"1\"\r\n"), std::string::npos) << answer;
}

}  // namespace
}  // namespace muster::agent
