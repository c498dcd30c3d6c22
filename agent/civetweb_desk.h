// How does one of the server's threads wait for what another thread answers?
//
// A part of agent/civetweb_server.h. A Slot is shared by both sides: the one that gives may come
// after the one that waited is gone. The Desk knows who waits, so that all can be sent home when
// the server stops.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/time.h"

namespace muster::agent {

// Something that a thread waits for.
class Awaited {
 public:
  Awaited() = default;
  virtual ~Awaited() = default;
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;

  // Nobody will give it any more.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
  }

 protected:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

template <class Value>
class Slot : public Awaited {
 public:
  // Only the first one counts.
  void put(Value value) {
    {
      const std::lock_guard lock(mutex_);
      if (!value_) value_ = std::move(value);
    }
    changed_.notify_all();
  }
  // Nothing after `patience`, or when it was ended.
  std::optional<Value> take(Duration patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, std::chrono::steady_clock::now() + patience,
                        [&] { return ended_ || value_; });
    return std::move(value_);
  }

 private:
  std::optional<Value> value_;
};

class Desk {
 public:
  // Waits for the value that `ask` has somebody put into the slot that it is given.
  template <class Value, class Ask>
  std::optional<Value> wait(Duration patience, Ask ask) {
    const auto slot = std::make_shared<Slot<Value>>();
    if (!sit(slot.get())) return std::nullopt;
    ask(slot);
    auto value = slot->take(patience);
    rise(slot.get());
    return value;
  }
  // For those that wait in their own way. False: the server stops, do not wait.
  bool sit(Awaited* awaited) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    waiting_.insert(awaited);
    return true;
  }
  void rise(Awaited* awaited) {
    const std::lock_guard lock(mutex_);
    waiting_.erase(awaited);
  }

  // A request is worked on between the two.
  void enter() {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  void leave() {
    {
      const std::lock_guard lock(mutex_);
      --open_;
      if (!stopping_) return;
    }
    left_.notify_all();
  }
  // Ends every wait; returns when the requests have their answers, or after `patience`.
  void stop(Duration patience) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (Awaited* awaited : waiting_) awaited->end();
    left_.wait_until(lock, std::chrono::steady_clock::now() + patience, [&] { return open_ == 0; });
  }
  [[nodiscard]] bool stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  std::set<Awaited*> waiting_;
  bool stopping_ = false;
  int open_ = 0;
};

class Attendance {
 public:
  explicit Attendance(Desk& desk) : desk_(desk) { desk_.enter(); }
  ~Attendance() { desk_.leave(); }
  Attendance(const Attendance&) = delete;
  Attendance& operator=(const Attendance&) = delete;

 private:
  Desk& desk_;
};

}  // namespace muster::agent
