// What does a scraper ask for, and what is it told about the answer?
//
// Core, no state: the headers of a scrape and of its answer. Headers come from outside: one that
// is not understood counts as not there.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "collector/exposition.h"

namespace muster::collector {

struct ScrapeRequest {
  enum class Type { Text004, OpenMetrics001, OpenMetrics100 };

  std::vector<std::string> collectors;  // empty: all
  Type type = Type::Text004;
  bool gzip = false;
  Duration within = std::chrono::seconds(9);  // the answer is worth something

  bool operator==(const ScrapeRequest&) const = default;
};

[[nodiscard]] Format format(ScrapeRequest::Type type);
[[nodiscard]] std::string_view content_type(ScrapeRequest::Type type);

// By an Accept header: what it gives the highest q, the first of those. Text when it names nothing
// of this, or has wildcards only.
[[nodiscard]] ScrapeRequest::Type accepted_type(std::string_view accept);
// By an Accept-Encoding header.
[[nodiscard]] bool accepts_gzip(std::string_view accept_encoding);
// By X-Prometheus-Scrape-Timeout-Seconds, of which half a second (but a quarter at most) is left
// for writing the answer, sending it and reading it: what comes too late is lost as a whole. Ten
// seconds, which is Prometheus' default, when there is no such header; a minute at most.
[[nodiscard]] Duration scrape_time(std::string_view timeout);

}  // namespace muster::collector
