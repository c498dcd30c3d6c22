#include "base/curl_transfers.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/driver/posix_http_fixture.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpRequest get(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  return request;
}

struct Started {
  std::uint64_t id;
  std::future<HttpOutcome> outcome;
};
Started start(CurlTransfers& transfers, HttpRequest request) {
  auto promise = std::make_shared<std::promise<HttpOutcome>>();
  auto outcome = promise->get_future();
  const std::uint64_t id = transfers.start(
      std::move(request), [promise](HttpOutcome o) { promise->set_value(std::move(o)); });
  return {id, std::move(outcome)};
}
// Fails the test rather than hanging it.
HttpOutcome finish(Started started) {
  if (started.outcome.wait_for(seconds(20)) != std::future_status::ready) {
    ADD_FAILURE() << "no outcome";
    return {};
  }
  return started.outcome.get();
}

TEST(CurlTransfersTest, BringsStatusAndBodyAndSendsHeadersAndBody) {
  HttpFixture server([](const std::string&) { return http_reply(201, "made"); });
  CurlTransfers transfers;
  HttpRequest request = get(server.url("/a?b=c"));
  request.method = "POST";
  request.headers = {{"X-One", "1"}, {"X-Empty", ""}};
  request.body = "hello";
  const HttpOutcome outcome = finish(start(transfers, request));
  EXPECT_TRUE(outcome.reached);
  EXPECT_EQ(outcome.status, 201);
  EXPECT_EQ(outcome.body, "made");
  EXPECT_EQ(outcome.error, "");
  const std::string sent = server.requests().at(0);
  EXPECT_TRUE(sent.starts_with("POST /a?b=c HTTP/1.1\r\n")) << sent;
  EXPECT_TRUE(sent.ends_with("\r\n\r\nhello")) << sent;
  EXPECT_NE(sent.find("X-One: 1\r\n"), std::string::npos) << sent;
  EXPECT_NE(sent.find("X-Empty:"), std::string::npos) << sent;
  EXPECT_EQ(sent.find("Expect"), std::string::npos) << sent;
}

TEST(CurlTransfersTest, OtherMethodsCarryTheirBody) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  HttpRequest request = get(server.url());
  request.method = "PUT";
  request.body = "spec";
  EXPECT_EQ(run(request).status, 200);
  request.method = "DELETE";
  request.body.clear();
  EXPECT_EQ(run(request).status, 200);
  EXPECT_TRUE(server.requests().at(0).starts_with("PUT / "));
  EXPECT_TRUE(server.requests().at(0).ends_with("spec"));
  EXPECT_TRUE(server.requests().at(1).starts_with("DELETE / "));
}

TEST(CurlTransfersTest, ARefusedConnectionIsNotReachedAndSaysWhy) {
  CurlTransfers transfers;
  const HttpOutcome outcome =
      finish(start(transfers, get("http://127.0.0.1:" + std::to_string(closed_port()))));
  EXPECT_FALSE(outcome.reached);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.error.find("connect"), std::string::npos) << outcome.error;
}

TEST(CurlTransfersTest, ASilentServerTimesOutAndDelaysNoOther) {
  HttpFixture silent([](const std::string&) { return std::nullopt; });
  HttpFixture quick([](const std::string&) { return http_reply(200, "quick"); });
  CurlTransfers transfers;
  HttpRequest slow = get(silent.url());
  slow.timeout = milliseconds(300);
  Started first = start(transfers, slow);
  EXPECT_EQ(finish(start(transfers, get(quick.url()))).body, "quick");
  const HttpOutcome outcome = finish(std::move(first));
  EXPECT_FALSE(outcome.reached);
  EXPECT_NE(outcome.error.find("timed out"), std::string::npos) << outcome.error;
}

TEST(CurlTransfersTest, ABodyBeyondTheLimitIsCut) {
  HttpFixture server([](const std::string&) { return http_reply(200, std::string(1 << 20, 'x')); });
  HttpRequest request = get(server.url());
  request.body_bytes_max = 1000;
  const HttpOutcome outcome = run(request);
  EXPECT_TRUE(outcome.reached);
  EXPECT_TRUE(outcome.truncated);
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.body, std::string(1000, 'x'));
}

TEST(CurlTransfersTest, ABodyOfExactlyTheLimitIsWhole) {
  HttpFixture server([](const std::string&) { return http_reply(200, std::string(1000, 'x')); });
  HttpRequest request = get(server.url());
  request.body_bytes_max = 1000;
  const HttpOutcome outcome = run(request);
  EXPECT_FALSE(outcome.truncated);
  EXPECT_EQ(outcome.body.size(), 1000U);
}

TEST(CurlTransfersTest, HalfAnAnswerIsNoAnswer) {
  HttpFixture server(
      [](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"; });
  const HttpOutcome outcome = run(get(server.url()));
  EXPECT_FALSE(outcome.reached);
  EXPECT_EQ(outcome.body, "");
  EXPECT_NE(outcome.error, "");
}

TEST(CurlTransfersTest, EndlessHeadersAreCutOff) {
  HttpFixture server([](const std::string&) {
    std::string reply = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 5000; ++i)
      reply += "X-" + std::to_string(i) + ": " + std::string(50, 'y') + "\r\n";
    return reply + "\r\n";
  });
  const HttpOutcome outcome = run(get(server.url()));
  EXPECT_FALSE(outcome.reached);
  EXPECT_NE(outcome.error.find("64 KiB"), std::string::npos) << outcome.error;
}

TEST(CurlTransfersTest, RetryAfterIsHandedOn) {
  HttpFixture server([](const std::string&) { return http_reply(429, "", "Retry-After: 7\r\n"); });
  const HttpOutcome outcome = run(get(server.url()));
  EXPECT_EQ(outcome.status, 429);
  EXPECT_EQ(outcome.retry_after, Duration(seconds(7)));
}

TEST(CurlTransfersTest, FollowsARedirectToTheSameHostOnlyWhenAsked) {
  HttpFixture server([](const std::string& request) {
    return request.starts_with("GET /end ") ? http_reply(200, "end")
                                            : http_reply(302, "", "Location: /end\r\n");
  });
  HttpRequest request = get(server.url("/start"));
  EXPECT_EQ(run(request).status, 302);
  request.follow_same_host_redirects = true;
  EXPECT_EQ(run(request).body, "end");
  CurlTransfers transfers;
  EXPECT_EQ(finish(start(transfers, request)).body, "end");
}

TEST(CurlTransfersTest, NeverFollowsARedirectToAnotherHost) {
  HttpFixture other([](const std::string&) { return http_reply(200); });
  HttpFixture server([&](const std::string&) {
    return http_reply(302, "",
                      "Location: http://localhost:" + std::to_string(other.port()) + "/\r\n");
  });
  HttpRequest request = get(server.url());
  request.follow_same_host_redirects = true;
  const HttpOutcome outcome = run(request);
  EXPECT_TRUE(outcome.redirected_elsewhere);
  EXPECT_EQ(outcome.status, 302);
  EXPECT_TRUE(other.requests().empty());
}

TEST(CurlTransfersTest, ACircleOfRedirectsEnds) {
  HttpFixture server([](const std::string&) { return http_reply(302, "", "Location: /\r\n"); });
  HttpRequest request = get(server.url());
  request.follow_same_host_redirects = true;
  const HttpOutcome outcome = run(request);
  EXPECT_FALSE(outcome.reached);
  EXPECT_NE(outcome.error.find("10 redirects"), std::string::npos) << outcome.error;
  EXPECT_EQ(server.requests().size(), 11U);
}

TEST(CurlTransfersTest, ATcpConnectSendsNothingAndHangsUp) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  CurlTransfers transfers;
  HttpRequest request = get(server.url());
  request.connect_only = true;
  EXPECT_TRUE(finish(start(transfers, request)).reached);
  ASSERT_TRUE(server.wait_for_requests(1));  // it saw the end of the connection
  EXPECT_EQ(server.requests().at(0), "");
  request.url = "http://127.0.0.1:" + std::to_string(closed_port());
  EXPECT_FALSE(finish(start(transfers, request)).reached);
}

TEST(CurlTransfersTest, OtherSchemesAndLineBreaksAreRefused) {
  CurlTransfers transfers;
  for (const char* url :
       {"file:///etc/hostname", "ftp://127.0.0.1/", "", "http://", "http://127.0.0.1/\r\nX: y"}) {
    const HttpOutcome outcome = finish(start(transfers, get(url)));
    EXPECT_FALSE(outcome.reached) << url;
    EXPECT_NE(outcome.error, "") << url;
    EXPECT_EQ(outcome.body, "") << url;
  }
  HttpFixture server([](const std::string&) { return http_reply(200); });
  HttpRequest request = get(server.url());
  request.headers = {{"X", "1\r\nY: 2"}};
  EXPECT_NE(finish(start(transfers, request)).error, "");
  EXPECT_TRUE(server.requests().empty());
}

TEST(CurlTransfersTest, AProxyInTheEnvironmentIsNotUsed) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  ::setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(closed_port())).c_str(), 1);
  const HttpOutcome outcome = run(get(server.url()));
  ::unsetenv("http_proxy");
  EXPECT_EQ(outcome.status, 200);
}

TEST(CurlTransfersTest, CancelledAndDestroyedRequestsAreNotReported) {
  HttpFixture silent([](const std::string&) { return std::nullopt; });
  std::atomic<int> reported = 0;
  {
    CurlTransfers transfers;
    const auto count = [&](const HttpOutcome&) { ++reported; };
    const std::uint64_t id = transfers.start(get(silent.url()), count);
    transfers.start(get(silent.url()), count);
    ASSERT_TRUE(silent.wait_for_requests(2));
    transfers.cancel(id);
    transfers.cancel(id);
    transfers.cancel(999);
    HttpFixture quick([](const std::string&) { return http_reply(200); });
    EXPECT_EQ(finish(start(transfers, get(quick.url()))).status, 200);  // the thread lives on
  }
  EXPECT_EQ(reported, 0);
}

TEST(CurlTransfersTest, ManyRunAtOnceAndOneTooManyIsRefused) {
  HttpFixture silent([](const std::string&) { return std::nullopt; });
  CurlTransfers transfers;
  for (std::size_t i = 0; i < CurlTransfers::kTransfersMax; ++i) {
    transfers.start(get(silent.url()), [](const HttpOutcome&) {});
  }
  const HttpOutcome outcome = finish(start(transfers, get(silent.url())));
  EXPECT_FALSE(outcome.reached);
  EXPECT_NE(outcome.error.find("too many"), std::string::npos) << outcome.error;
}

TEST(CurlTransfersTest, DoneMayStartTheNext) {
  HttpFixture server([](const std::string&) { return http_reply(200, "x"); });
  std::promise<std::string> second;
  CurlTransfers transfers;
  transfers.start(get(server.url()), [&](const HttpOutcome&) {
    transfers.start(get(server.url()), [&](const HttpOutcome& o) { second.set_value(o.body); });
  });
  auto body = second.get_future();
  ASSERT_EQ(body.wait_for(seconds(20)), std::future_status::ready);
  EXPECT_EQ(body.get(), "x");
}

}  // namespace
}  // namespace muster
