#include "alerting/curl_webhook.h"

#include <atomic>
#include <future>
#include <memory>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/driver/posix_http_fixture.h"

namespace muster::alerting {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WallTime kWall{seconds(1'700'000'000)};

struct CurlWebhookTest : testing::Test {
  void make(const std::string& url) {
    PipelineOptions options;
    options.receivers = {{"ops", url, {{"Authorization", "Bearer abc"}}}};
    pipeline.emplace(options);
    pipeline->set_active({{{{"alertname", "NodeFailed"}, {"node", "n1"}}, {}, kWall}}, kWall, now);
  }
  // Jumps to the pipeline's next deadline and carries out what it then asks for.
  DeliveryOutcome deliver_next(Duration timeout = seconds(10)) {
    now = pipeline->deadline();
    pipeline->tick(now, kWall);
    for (const PipelineEffect& effect : pipeline->take_effects()) {
      const auto* order = std::get_if<Deliver>(&effect);
      if (order == nullptr) continue;
      auto promise = std::make_shared<std::promise<DeliveryOutcome>>();
      auto outcome = promise->get_future();
      CurlWebhook(transfers, timeout).deliver(*order, [promise](DeliveryOutcome o) {
        promise->set_value(std::move(o));
      });
      if (outcome.wait_for(seconds(20)) != std::future_status::ready) break;
      const DeliveryOutcome got = outcome.get();
      pipeline->on_delivery(order->id, got, now);
      return got;
    }
    ADD_FAILURE() << "no outcome";
    return {};
  }
  static std::string header(const std::string& request, const std::string& name) {
    const std::size_t at = request.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return request.substr(begin, request.find("\r\n", begin) - begin);
  }

  Instant now{seconds(100)};
  CurlTransfers transfers;
  std::optional<Pipeline> pipeline;
};

TEST_F(CurlWebhookTest, PostsThePayloadWithItsHeaders) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  make(server.url("/hook?x=1"));
  EXPECT_EQ(deliver_next().status, 200);
  const std::string request = server.requests().at(0);
  EXPECT_TRUE(request.starts_with("POST /hook?x=1 HTTP/1.1\r\n")) << request;
  EXPECT_EQ(header(request, "Content-Type"), "application/json");
  EXPECT_EQ(header(request, "Authorization"), "Bearer abc");
  EXPECT_EQ(header(request, "Idempotency-Key").size(), 16U);
  const auto body = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
  EXPECT_EQ(body["version"], "4");
  EXPECT_EQ(body["status"], "firing");
}

TEST_F(CurlWebhookTest, A500IsRetriedWithTheSameKeyUntilThe200) {
  std::atomic<int> answered = 0;
  HttpFixture server([&](const std::string&) { return http_reply(answered++ == 0 ? 500 : 200); });
  make(server.url());
  EXPECT_EQ(deliver_next().status, 500);
  const Instant failed = now;
  EXPECT_EQ(deliver_next().status, 200);
  EXPECT_EQ(now, failed + milliseconds(300));
  const auto requests = server.requests();
  EXPECT_EQ(header(requests.at(0), "Idempotency-Key"), header(requests.at(1), "Idempotency-Key"));
  EXPECT_EQ(pipeline->take_effects().size(), 1U);  // Firing
}

TEST_F(CurlWebhookTest, ARefusedConnectionIsNoStatusAndIsRetried) {
  make("http://127.0.0.1:" + std::to_string(closed_port()));
  const DeliveryOutcome outcome = deliver_next();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.error, "");
  EXPECT_EQ(pipeline->stats().at(0).retried, 1U);
}

TEST_F(CurlWebhookTest, ASlowReceiverTimesOut) {
  HttpFixture server([](const std::string&) { return std::nullopt; });
  make(server.url());
  const DeliveryOutcome outcome = deliver_next(milliseconds(200));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.error.find("timed out"), std::string::npos) << outcome.error;
}

TEST_F(CurlWebhookTest, ALongAnswerIsStillAnAnswer) {
  HttpFixture server([](const std::string&) { return http_reply(200, std::string(1 << 20, 'x')); });
  make(server.url());
  EXPECT_EQ(deliver_next().status, 200);
}

TEST_F(CurlWebhookTest, ARedirectIsNotFollowed) {
  HttpFixture server([](const std::string&) { return http_reply(302, "", "Location: /b\r\n"); });
  make(server.url());
  EXPECT_EQ(deliver_next().status, 302);
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_EQ(pipeline->stats().at(0).rejected, 1U);
}

TEST_F(CurlWebhookTest, RetryAfterReachesThePipeline) {
  HttpFixture server([](const std::string&) { return http_reply(429, "", "Retry-After: 9\r\n"); });
  make(server.url());
  EXPECT_EQ(deliver_next().retry_after, Duration(seconds(9)));
  EXPECT_EQ(pipeline->deadline(), now + seconds(9));
}

}  // namespace
}  // namespace muster::alerting
