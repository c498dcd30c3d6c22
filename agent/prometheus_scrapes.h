// What does a scrape of this agent get?
//
// Driver by its neighbours collector/posix_gathering and collector/prometheus_exposition. Any
// thread, several at once: those that come together share one collection, and one text of each
// format.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/error.h"
#include "collector/host.h"
#include "collector/isal_gzip.h"
#include "collector/posix_gathering.h"
#include "collector/prometheus_exposition.h"
#include "collector/scrape.h"

namespace muster::agent {

class Scrapes {
 public:
  // `measure` brings the instruments up to date and gives what else is said of this process; it is
  // called by one thread at a time. `say` gets what is for the log. Pre: `gathering` and
  // `instruments` outlive this object.
  Scrapes(collector::PosixGathering& gathering, collector::Instruments& instruments,
          std::function<Families()> measure,
          std::function<void(const collector::ErrorNews::Line&)> say);

  // The body, compressed if that was asked for. InvalidArgument: there is no such collector.
  [[nodiscard]] Result<std::string> answer(const collector::ScrapeRequest& request);
  // Says and counts what is new in a collection, whoever asked for it: only the first to get it
  // does.
  void note(const collector::PosixGathering::Gathered& gathered);

 private:
  static constexpr std::size_t kFormats = 2;
  struct Body {
    bool made = false;
    std::string bytes;  // keeps its capacity from one report to the next
  };

  void note_locked(const collector::PosixGathering::Gathered& gathered);
  void begin(const std::shared_ptr<const collector::HostReport>& report);
  const std::string& plain(const collector::HostReport& report, collector::Format format);
  Result<std::string> packed(const collector::HostReport& report, collector::Format format);

  collector::PosixGathering& gathering_;
  collector::Instruments& instruments_;
  std::function<Families()> measure_;
  std::function<void(const collector::ErrorNews::Line&)> say_;

  std::mutex mutex_;  // over all that follows
  collector::ErrorNews news_;
  std::weak_ptr<const collector::HostReport> report_;  // whose bodies these are
  Families process_;                                   // of the time of the report
  collector::Instruments::Reading own_;
  std::array<Body, kFormats> plain_;
  std::array<Body, kFormats> packed_;
  collector::Gzip gzip_;
};

}  // namespace muster::agent
