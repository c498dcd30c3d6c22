#include "collector/posix_watched_host.h"

#include <utility>

namespace muster::collector {
namespace {

Error why(const std::string& path, const PosixRelay::Outcome& outcome) {
  const std::string text = "cannot read the usage of " + path;
  switch (outcome.end) {
    case PosixRelay::End::NoThread:
      return {Code::Exhausted, text + ": it is not asked while so many others hang"};
    case PosixRelay::End::NoTime: return {Code::Timeout, text + ": the others left it no time"};
    default: return {Code::Timeout, text + ": it does not answer"};
  }
}
}  // namespace

PosixWatchedHost::PosixWatchedHost(std::shared_ptr<const HostFs> host, PosixRelay::Limits limits,
                                   Duration all_together)
    : host_(std::move(host)), all_together_(all_together), relay_(limits) {
  CHECK(host_);
}

std::vector<Result<FsUsage>> PosixWatchedHost::usage_of_all(
    const std::vector<std::string>& paths) const {
  std::vector<std::shared_ptr<Result<FsUsage>>> slots;
  std::vector<PosixRelay::Call> calls;
  slots.reserve(paths.size());
  calls.reserve(paths.size());
  for (const std::string& path : paths) {
    slots.push_back(std::make_shared<Result<FsUsage>>());
    calls.push_back(
        {path, [host = host_, path, slot = slots.back()] { *slot = host->usage(path); }});
  }
  const auto outcomes = relay_.run(std::move(calls), all_together_);
  std::vector<Result<FsUsage>> out;
  out.reserve(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (outcomes[i].end == PosixRelay::End::Returned) {
      out.push_back(std::move(*slots[i]));
    } else {
      out.push_back(tl::unexpected(why(paths[i], outcomes[i])));
    }
  }
  return out;
}

Result<FsUsage> PosixWatchedHost::usage(std::string_view path) const { return host_->usage(path); }

Result<std::string> PosixWatchedHost::read(std::string_view path) const {
  return host_->read(path);
}

std::vector<Result<std::string>> PosixWatchedHost::read_all(
    const std::string& directory, std::span<const std::string_view> names) const {
  return host_->read_all(directory, names);
}

Result<std::vector<std::string>> PosixWatchedHost::list(std::string_view path) const {
  return host_->list(path);
}

Result<std::size_t> PosixWatchedHost::count(std::string_view path) const {
  return host_->count(path);
}

Result<std::string> PosixWatchedHost::link(std::string_view path) const {
  return host_->link(path);
}

Result<std::int64_t> PosixWatchedHost::modified(std::string_view path) const {
  return host_->modified(path);
}

Result<KernelNames> PosixWatchedHost::names() const { return host_->names(); }
Result<ClockState> PosixWatchedHost::clock_state() const { return host_->clock_state(); }
std::uint64_t PosixWatchedHost::page_bytes() const { return host_->page_bytes(); }
std::int64_t PosixWatchedHost::now() const { return host_->now(); }
Zone PosixWatchedHost::zone() const { return host_->zone(); }

}  // namespace muster::collector
