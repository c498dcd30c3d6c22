#include "agent/asio_history.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <asio/post.hpp>

#include "agent/posix_clock.h"

namespace muster::agent {
namespace {

constexpr Duration kFlush = std::chrono::minutes(1);
constexpr Duration kLeast = std::chrono::seconds(1);  // between measurements, whatever the hurry

}  // namespace

AsioHistory::AsioHistory(asio::io_context& context, collector::SqliteHistory history,
                         const collector::HistoryOptions& options, Collect collect, Say say)
    : options_(options),
      collect_(std::move(collect)),
      say_(std::move(say)),
      timer_(context),
      history_(std::move(history)) {}

void AsioHistory::start() {
  timer_.expires_after(Duration::zero());
  wait();
}

void AsioHistory::hurry() {
  hurried_ = true;
  const auto soon = std::max(asio::steady_timer::clock_type::now(), begun_ + kLeast);
  if (timer_.expiry() <= soon) return;
  timer_.expires_at(soon);
  wait();
}

void AsioHistory::stop() {
  timer_.cancel();
  asio::post(thread_, [this] { flush(); });
  thread_.join();
}

void AsioHistory::wait() {
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    const auto now = asio::steady_timer::clock_type::now();
    auto next = timer_.expiry() + options_.interval;
    // What is not done yet keeps its turn: two measurements at once would say nothing new.
    if (!measuring_.exchange(true)) {
      begun_ = now;
      asio::post(thread_, [this] { measure(); });
    } else if (hurried_) {
      next = now + std::min(kLeast, options_.interval);
    }
    timer_.expires_at(std::max(next, now));
    wait();
  });
}

void AsioHistory::measure() {
  const bool hurried = hurried_.exchange(false);
  const WallTime at = wall_now();
  const Families families = collect_(at);
  const Instant now = control_now();
  const collector::Measured measured = reader_.read(families, now);
  {
    const std::lock_guard lock(mutex_);
    history_.add(at, measured);
  }
  if (hurried || now >= flush_at_) flush_at_ = flush() ? now + kFlush : now;
  measuring_ = false;
}

// False: there is more to be done, and soon.
bool AsioHistory::flush() {
  std::vector<collector::HistoryNotice> notices;
  bool finished = false;
  {
    const std::lock_guard lock(mutex_);
    notices = history_.flush();
    finished = !history_.unfinished();
  }
  for (const collector::HistoryNotice& notice : notices) say_(notice);
  return finished;
}

Result<HistoryRead> AsioHistory::read(const HistoryQuery& query) {
  HistoryRead read;
  read.now = wall_now();
  read.interval = options_.interval;
  read.step =
      query.step > Duration::zero() ? query.step : fitting_step(query.since, options_.interval);
  const WallTime from =
      read.now - std::chrono::duration_cast<std::chrono::milliseconds>(query.since);
  const std::lock_guard lock(mutex_);
  for (const std::string& name : query.series) {
    const auto grid = history_.read(name, from, read.now, read.step);
    if (!grid) return tl::unexpected<Error>(grid.error());
    read.from = WallTime(std::chrono::milliseconds(grid->from_ms()));
    const collector::SeriesKind* kind = collector::kind_of(name);
    const collector::Column column = grid->column();
    const bool empty = std::all_of(column.mean.begin(), column.mean.end(),
                                   [](float value) { return std::isnan(value); });
    // Of kinds alone it is known which there are, of devices by what was recorded.
    if (empty && name.find(':') != std::string::npos) {
      const auto names = history_.series();
      if (!names) return tl::unexpected<Error>(names.error());
      if (!names->contains(name)) return fail(Code::NotFound, no_such_series(name));
    }
    read.series.push_back({name, std::string(kind == nullptr ? "" : kind->unit), column});
  }
  return read;
}

Result<std::set<std::string>> AsioHistory::series() {
  const std::lock_guard lock(mutex_);
  return history_.series();
}

}  // namespace muster::agent
