#include "agent/scrape_answer.h"

#include <utility>

#include "agent/query.h"

namespace muster::agent {

ApiResponse scrape_answer(const Scrape& scrape, const ScrapeAsked& asked) {
  const auto query = Query::parse(asked.query);
  if (!query) return problem(query.error());
  collector::ScrapeRequest request;
  request.collectors = query->all("collect[]");
  request.type = collector::accepted_type(asked.accept);
  request.gzip = collector::accepts_gzip(asked.accept_encoding);
  request.within = collector::scrape_time(asked.timeout);
  auto body = scrape(request);
  if (!body) return problem(body.error(), "GET /metrics without collect[] runs every collector");
  ApiResponse response{200, std::string(collector::content_type(request.type)), std::move(*body)};
  if (request.gzip) response.with("Content-Encoding", "gzip");
  return response;
}

}  // namespace muster::agent
