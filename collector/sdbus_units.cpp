#include "collector/sdbus_units.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "collector/posix_wakeup.h"
#include "collector/sdbus_connection.h"

namespace muster::collector {
namespace {

constexpr Duration kAgainFirst = std::chrono::seconds(1);
constexpr Duration kAgainMost = std::chrono::seconds(30);

// The clock of the library's own deadlines.
Instant monotonic_now() {
  return Instant(Duration(std::chrono::steady_clock::now().time_since_epoch()));
}
}  // namespace

class SdbusUnits::Shared {
 public:
  explicit Shared(SystemdOptions options) : units_(std::move(options)) {}
  ~Shared() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wakeup_.wake();
    if (thread_.joinable()) thread_.join();
  }

  Result<Families> families(Duration patience) {
    std::unique_lock lock(mutex_);
    if (!thread_.joinable()) {
      thread_ = std::thread([this] { run(); });
      (void)settled_.wait_for(lock, patience, [this] { return units_.ready() || lost_; });
    }
    return units_.families();
  }

 private:
  void run() {
    Duration again = kAgainFirst;
    while (!stopping()) {
      const std::string why = serve();
      bool was_ready = false;
      {
        const std::lock_guard lock(mutex_);
        was_ready = units_.ready();
        units_.on_lost(why);
        lost_ = true;
      }
      settled_.notify_all();
      if (was_ready) again = kAgainFirst;
      if (stopping()) return;
      wakeup_.wait(-1, 0, again);
      again = std::min(again * 2, kAgainMost);
    }
  }

  // One connection, to its end; why it ended.
  std::string serve() {
    auto opened = SdbusConnection::open(units_);
    if (!opened) return opened.error().text;
    SdbusConnection& connection = **opened;
    while (!stopping()) {
      bool idle = false;
      {
        const std::lock_guard lock(mutex_);
        const Instant now = monotonic_now();
        const Result<bool> busy = connection.process(now);
        if (!busy) return busy.error().text;
        connection.ask(now);
        idle = !*busy;
        if (units_.ready()) settled_.notify_all();
      }
      if (idle) {
        wakeup_.wait(connection.descriptor(), connection.events(),
                     connection.patience(monotonic_now()));
      }
    }
    return "muster stops";
  }

  bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  std::mutex mutex_;  // of what follows but for the last two
  std::condition_variable settled_;
  SystemdUnits units_;
  bool lost_ = false;
  bool stopping_ = false;
  std::thread thread_;
  Wakeup wakeup_;
};

SdbusUnits::SdbusUnits(SystemdOptions options)
    : shared_(std::make_unique<Shared>(std::move(options))) {}
SdbusUnits::~SdbusUnits() = default;

Result<Families> SdbusUnits::families(Duration patience) { return shared_->families(patience); }

}  // namespace muster::collector
