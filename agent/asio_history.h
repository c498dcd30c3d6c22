// Who records this node's history?
//
// A driver (Asio's timer and a thread of its own; SQLite through collector/sqlite_history.h). What
// takes time happens on that thread: the control thread only starts it. Started and stopped by the
// control thread; read from any.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "agent/api_history.h"
#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "collector/history_series.h"
#include "collector/sqlite_history.h"

namespace muster::agent {

class AsioHistory {
 public:
  // Both are called on the thread of the history. `collect` is told the time that its measurement
  // will have; while it does not return, measurements are left out.
  using Collect = std::function<Families(WallTime at)>;
  using Say = std::function<void(const collector::HistoryNotice&)>;

  // Pre: options.interval > 0.
  AsioHistory(asio::io_context& context, collector::SqliteHistory history,
              const collector::HistoryOptions& options, Collect collect, Say say);

  void start();
  // Measures and writes now, or a second after the last measurement: there is something that is to
  // survive a crash. By the control thread.
  void hurry();
  // Writes what is not written yet. No other call may come after it but reads.
  void stop();

  // Pre: the query is one that history_query() made. NotFound for a device that nothing was
  // recorded of; DataLoss when the file is damaged, which is then put aside with the next write.
  [[nodiscard]] Result<HistoryRead> read(const HistoryQuery& query);
  [[nodiscard]] Result<std::set<std::string>> series();

 private:
  void wait();
  void measure();
  bool flush();

  collector::HistoryOptions options_;
  Collect collect_;
  Say say_;
  asio::steady_timer timer_;
  asio::steady_timer::time_point begun_{};  // the last measurement
  std::atomic<bool> measuring_ = false;
  std::atomic<bool> hurried_ = false;  // the next measurement is to be written
  collector::SeriesReader reader_;     // of the history's thread
  Instant flush_at_{};                 // likewise
  std::mutex mutex_;
  collector::SqliteHistory history_;  // under the mutex
  asio::thread_pool thread_{1};       // ends before what it uses
};

}  // namespace muster::agent
