#include "agent/civetweb_watches.h"

#include <algorithm>
#include <chrono>

namespace muster::agent {

void Watches::Waiter::wake() {
  {
    const std::lock_guard lock(Awaited::mutex_);
    woken = true;
  }
  changed_.notify_all();
}

bool Watches::Waiter::await(Duration patience) {
  std::unique_lock lock(Awaited::mutex_);
  changed_.wait_until(lock, std::chrono::steady_clock::now() + patience,
                      [&] { return ended_ || woken; });
  return woken;
}

void Watches::published(const std::shared_ptr<const View>& view) {
  const std::lock_guard lock(mutex_);
  changes_.observe(view);
  for (Waiter* waiter : waiters_) {
    if (changes_.news(waiter->read)) {
      waiter->wake();
    } else {  // so that the next look begins here
      waiter->read.index = std::max(waiter->read.index, changes_.index(waiter->read.topic));
    }
  }
}

bool Watches::wait(Blocking& read, Duration patience, Desk& desk) {
  Waiter waiter(read);
  std::list<Waiter*>::iterator place;
  {
    const std::lock_guard lock(mutex_);
    if (changes_.news(read)) return true;
    place = waiters_.insert(waiters_.end(), &waiter);
  }
  bool news = false;
  if (desk.sit(&waiter)) {
    news = waiter.await(patience);
    desk.rise(&waiter);
  }
  const std::lock_guard lock(mutex_);
  waiters_.erase(place);
  read.index = waiter.read.index;
  return news;
}

}  // namespace muster::agent
