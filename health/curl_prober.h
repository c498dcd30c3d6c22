// Does a service answer? Runs one HTTP or TCP check.
//
// A driver (libcurl, through base/curl_transfers). `done` runs on the transfers' thread: callers
// post from there to their loop. It keeps no counters; health/probe.h does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/curl_transfers.h"
#include "base/workload.h"

namespace muster::health {

class CurlProber {
 public:
  // `text` is for people: why it failed, or a warning about a pass; empty when there is nothing
  // to say.
  using Done = std::function<void(bool passed, std::string text)>;

  // `transfers` outlives this.
  explicit CurlProber(CurlTransfers& transfers) : transfers_(transfers) {}

  // Pre: spec.kind is Http or Tcp, host and port are filled in. `done` is called exactly once
  // unless cancelled, at the latest soon after spec.timeout. Returns the id for cancel().
  std::uint64_t check(const ProbeSpec& spec, Done done);
  void cancel(std::uint64_t id) { transfers_.cancel(id); }

 private:
  CurlTransfers& transfers_;
};

}  // namespace muster::health
