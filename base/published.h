// How do other threads see the control thread's state? As the newest immutable copy.
//
// A mutex around a shared_ptr: the lock is held for one pointer copy, never while T is built or
// read. The only lock outside drivers.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace muster {

template <class T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first) : value_(std::move(first)) {}

  // Any thread. Never null when the constructor's argument was not.
  [[nodiscard]] std::shared_ptr<const T> read() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  // The control thread. The old value is released outside the lock.
  void publish(std::shared_ptr<const T> next) {
    {
      const std::lock_guard lock(mutex_);
      value_.swap(next);
    }
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace muster
