// How does a notification reach its receiver? As one POST of JSON.
//
// A driver (libcurl, through base/curl_transfers). `done` runs on the transfers' thread: callers
// post from there to their loop. It never retries and never follows a redirect: Pipeline decides.
#pragma once

#include <cstdint>
#include <functional>

#include "alerting/pipeline.h"
#include "base/curl_transfers.h"

namespace muster::alerting {

class CurlWebhook {
 public:
  using Done = std::function<void(DeliveryOutcome)>;

  // `transfers` outlives this. `timeout` is of one POST, connecting included.
  explicit CurlWebhook(CurlTransfers& transfers, Duration timeout = std::chrono::seconds(10))
      : transfers_(transfers), timeout_(timeout) {}

  // `done` is called exactly once unless cancelled. Returns the id for cancel().
  std::uint64_t deliver(const Deliver& order, Done done);
  void cancel(std::uint64_t id) { transfers_.cancel(id); }

 private:
  CurlTransfers& transfers_;
  Duration timeout_;
};

}  // namespace muster::alerting
