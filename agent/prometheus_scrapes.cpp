#include "agent/prometheus_scrapes.h"

#include <utility>

namespace muster::agent {

Scrapes::Scrapes(collector::PosixGathering& gathering, collector::Instruments& instruments,
                 std::function<Families()> measure,
                 std::function<void(const collector::ErrorNews::Line&)> say)
    : gathering_(gathering),
      instruments_(instruments),
      measure_(std::move(measure)),
      say_(std::move(say)) {}

Result<std::string> Scrapes::answer(const collector::ScrapeRequest& request) {
  const auto gathered = gathering_.gather(request.collectors, request.within);
  if (!gathered) return tl::unexpected(gathered.error());
  const auto& report = *gathered->report;
  const std::lock_guard lock(mutex_);
  note_locked(*gathered);
  if (report_.lock() != gathered->report) begin(gathered->report);
  const collector::Format format = collector::format(request.type);
  if (request.gzip) return packed(report, format);
  return plain(report, format);
}

void Scrapes::note(const collector::PosixGathering::Gathered& gathered) {
  const std::lock_guard lock(mutex_);
  note_locked(gathered);
}

void Scrapes::note_locked(const collector::PosixGathering::Gathered& gathered) {
  if (!gathered.first) return;
  for (const auto& line : news_.of(*gathered.report)) say_(line);
  for (const std::string& name : gathered.report->timed_out) {
    instruments_.count("muster_collector_timeouts_total", {{"collector", name}});
  }
}

void Scrapes::begin(const std::shared_ptr<const collector::HostReport>& report) {
  report_ = report;
  for (auto* bodies : {&plain_, &packed_}) {
    for (Body& body : *bodies) body.made = false;
  }
  instruments_.set("muster_collectors_parked", {}, static_cast<double>(gathering_.parked()));
  process_ = measure_();
}

const std::string& Scrapes::plain(const collector::HostReport& report, collector::Format format) {
  Body& body = plain_.at(static_cast<std::size_t>(format));
  if (body.made) return body.bytes;
  body.bytes.clear();
  instruments_.read(own_);
  collector::append_families(body.bytes, {&report.families, &process_, &own_.families()}, format);
  collector::append_end(body.bytes, format);
  body.made = true;
  return body.bytes;
}

Result<std::string> Scrapes::packed(const collector::HostReport& report, collector::Format format) {
  Body& body = packed_.at(static_cast<std::size_t>(format));
  if (!body.made) {
    const Status done = gzip_.compress(plain(report, format), body.bytes);
    if (!done) return tl::unexpected(done.error());
    body.made = true;
  }
  return body.bytes;
}

}  // namespace muster::agent
