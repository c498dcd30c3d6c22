// What does a scraper ask for over HTTP, and what is it answered?
//
// Core, no state; for both ports that have /metrics.
#pragma once

#include <functional>
#include <string>

#include "agent/api_response.h"
#include "base/error.h"
#include "collector/scrape.h"

namespace muster::agent {

// As it came: outside data.
struct ScrapeAsked {
  std::string query;
  std::string accept;
  std::string accept_encoding;
  std::string timeout;  // X-Prometheus-Scrape-Timeout-Seconds
};

// The whole body of /metrics, compressed if that is asked for. InvalidArgument: no such collector.
using Scrape = std::function<Result<std::string>(const collector::ScrapeRequest&)>;

[[nodiscard]] ApiResponse scrape_answer(const Scrape& scrape, const ScrapeAsked& asked);

}  // namespace muster::agent
