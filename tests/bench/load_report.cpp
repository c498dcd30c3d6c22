#include "load_report.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace muster::load {

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

void Report::succeeded(Clock::time_point sent, Clock::time_point now) {
  latencies_.push_back(now - sent);
  gap_ = std::max(gap_, now - last_);
  last_ = end_ = now;
}

void Report::failed(const std::string& why, Clock::time_point now) {
  ++failures_[why];
  end_ = now;
}

nlohmann::json Report::result() const {
  std::vector<Clock::duration> ordered = latencies_;
  std::sort(ordered.begin(), ordered.end());
  const double took = seconds(end_ - begin_);
  const auto at = [&](double share) {  // nearest rank
    const auto rank =
        static_cast<std::size_t>(std::ceil(share * static_cast<double>(ordered.size())));
    return seconds(ordered[std::clamp<std::size_t>(rank, 1, ordered.size()) - 1]) * 1e3;
  };
  nlohmann::json out = {{"count", ordered.size()},
                        {"seconds", took},
                        {"rate", took > 0 ? static_cast<double>(ordered.size()) / took : 0},
                        {"gap_s", seconds(std::max(gap_, end_ - last_))},
                        {"failures", failures_}};
  if (!ordered.empty()) {
    out["latency_ms"] = {
        {"min", at(0)}, {"p50", at(0.5)}, {"p90", at(0.9)}, {"p99", at(0.99)}, {"max", at(1)}};
  }
  return out;
}

}  // namespace muster::load
