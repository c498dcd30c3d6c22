// What did the load client measure? Every latency, kept as it was; no buckets.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace muster::load {

using Clock = std::chrono::steady_clock;

[[nodiscard]] double seconds(Clock::duration duration);

class Report {
 public:
  // Reserves what it will need: growing must not be part of what is measured.
  explicit Report(std::size_t expected) { latencies_.reserve(expected); }

  void begin(Clock::time_point now) { begin_ = last_ = now; }
  void succeeded(Clock::time_point sent, Clock::time_point now);
  void failed(const std::string& why, Clock::time_point now);

  // count, seconds, rate, latency_ms {min, p50, p90, p99, max}, gap_s: the longest time without a
  // success, failures by reason.
  [[nodiscard]] nlohmann::json result() const;

 private:
  std::vector<Clock::duration> latencies_;
  std::map<std::string, std::size_t> failures_;
  Clock::time_point begin_;
  Clock::time_point last_;  // success
  Clock::time_point end_;
  Clock::duration gap_{};
};

}  // namespace muster::load
