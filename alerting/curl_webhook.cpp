#include "alerting/curl_webhook.h"

#include <utility>

namespace muster::alerting {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 10;  // only its status is used

}  // namespace

std::uint64_t CurlWebhook::deliver(const Deliver& order, Done done) {
  HttpRequest request;
  request.method = "POST";
  request.url = order.url;
  request.headers = {{"Content-Type", "application/json"},
                     {"Idempotency-Key", order.notification.idempotency_key}};
  request.headers.insert(request.headers.end(), order.headers.begin(), order.headers.end());
  request.body = to_json(order.notification);
  request.timeout = timeout_;
  request.body_bytes_max = kAnswerBytesMax;
  return transfers_.start(std::move(request), [done = std::move(done)](HttpOutcome outcome) {
    done({outcome.status, outcome.retry_after, std::move(outcome.error)});
  });
}

}  // namespace muster::alerting
