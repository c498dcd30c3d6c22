#include "collector/posix_relay.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"

namespace muster::collector {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kTrustedMax = 65536;  // keys; then all have to return once more

// One run(). What is above `over` is its State's, under that one's lock.
struct Round {
  std::vector<PosixRelay::Call> calls;
  std::vector<std::optional<PosixRelay::Outcome>> outcomes;
  std::size_t next = 0;          // the first call that nobody has looked at
  std::deque<std::size_t> held;  // that must not take the last thread
  std::size_t open = 0;          // calls without an outcome

  bool told = false;  // that there is none left

  void end(std::size_t index, PosixRelay::Outcome outcome) {
    CHECK(!outcomes[index]);
    outcomes[index] = outcome;
    --open;
  }
  // Whether the run has to be told now.
  [[nodiscard]] bool ends() { return open == 0 && !std::exchange(told, true); }

  // The run waits with a lock of its own: whom it wakes, and who wakes it, do not meet at the
  // State's, where each would have to be put to sleep and woken once more.
  std::mutex over_mutex;
  std::condition_variable over_changed;
  bool over = false;

  void tell() {
    {
      const std::lock_guard lock(over_mutex);
      over = true;
    }
    over_changed.notify_one();
  }
  bool is_over_by(Clock::time_point time) {
    std::unique_lock lock(over_mutex);
    return over_changed.wait_until(lock, time, [this] { return over; });
  }
};

struct Running {  // one call; lives on the stack of its thread
  std::shared_ptr<Round> round;
  std::size_t index = 0;
  Clock::time_point began;
  bool overtaken = false;  // the thread makes no further call
  bool given_up = false;   // the outcome is there already
};
}  // namespace

struct PosixRelay::State {
  explicit State(Limits limits_in) : limits(limits_in) {}

  const Limits limits;
  mutable std::mutex mutex;      // over all that follows
  std::condition_variable work;  // for the front thread: there are calls to make, or the end
  std::condition_variable turn;  // for further runs: there is none
  std::shared_ptr<Round> round;  // null: no run is under way
  std::map<std::string, Running*> running;  // by key
  std::set<std::string> trusted;            // keys whose last call returned in time
  std::thread front;                        // makes the calls of the rounds
  Running* in_front = nullptr;              // what it makes now
  std::size_t threads = 0;
  std::size_t parked = 0;
  bool stopping = false;

  static void make_calls(const std::shared_ptr<State>& state);
  std::optional<std::size_t> take();
  void end_held();
  void end_the_rest(End end);
  bool ensure_front(const std::shared_ptr<State>& self);
  void overtake(Running& call);
  void give_up(const std::string& key, Running& call, Clock::time_point now);
  Clock::time_point look_after(const std::shared_ptr<State>& self, Clock::time_point now,
                               Clock::time_point end);
};

// The next call of the round that can be made; the ones before it get their outcomes.
std::optional<std::size_t> PosixRelay::State::take() {
  while (round) {
    const bool last = threads >= limits.threads_max;
    std::size_t index = 0;
    if (!last && !round->held.empty()) {
      index = round->held.front();
      round->held.pop_front();
    } else if (round->next < round->calls.size()) {
      index = round->next++;
    } else {
      break;
    }
    const std::string& key = round->calls[index].key;
    if (const auto same = running.find(key); same != running.end()) {
      round->end(index, {End::Hangs, Clock::now() - same->second->began});
    } else if (last && !trusted.contains(key)) {
      round->held.push_back(index);
    } else {
      return index;
    }
  }
  if (round && round->ends()) round->tell();
  return std::nullopt;
}

void PosixRelay::State::end_held() {
  for (const std::size_t index : round->held) round->end(index, {End::NoThread, {}});
  round->held.clear();
  if (round->ends()) round->tell();
}

// What has not begun will not, for this reason where it has no better one.
void PosixRelay::State::end_the_rest(End end) {
  for (; round->next < round->calls.size(); ++round->next) {
    const auto same = running.find(round->calls[round->next].key);
    const bool hangs = same != running.end();
    round->end(round->next,
               hangs ? Outcome{End::Hangs, Clock::now() - same->second->began} : Outcome{end, {}});
  }
  end_held();
}

void PosixRelay::State::make_calls(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    std::optional<std::size_t> index;
    state->work.wait(lock, [&] { return state->stopping || (index = state->take()); });
    if (!index) return;
    Running self{state->round, *index, Clock::now()};
    Call call = std::move(self.round->calls[*index]);
    state->running[call.key] = &self;
    state->in_front = &self;
    lock.unlock();
    call.work();
    call.work = nullptr;  // what it owns is released without the lock
    lock.lock();
    state->running.erase(call.key);
    if (self.given_up) {
      --state->parked;
    } else {
      if (state->trusted.size() >= kTrustedMax) state->trusted.clear();
      state->trusted.insert(std::move(call.key));
      self.round->end(self.index, {End::Returned, Clock::now() - self.began});
    }
    if (self.overtaken) {
      --state->threads;
      state->work.notify_one();  // what is held may be made now
    } else {
      state->in_front = nullptr;
    }
    if (self.round->ends()) {
      lock.unlock();
      self.round->tell();
      lock.lock();
    }
    if (self.overtaken) return;
  }
}

// False: no further thread may be, or none can be made.
bool PosixRelay::State::ensure_front(const std::shared_ptr<State>& self) {
  if (front.joinable()) return true;
  if (threads >= limits.threads_max) return false;
  try {
    front = std::thread([self] { make_calls(self); });
  } catch (const std::system_error&) {  // the system's own limit
    return false;
  }
  ++threads;
  return true;
}

void PosixRelay::State::overtake(Running& call) {
  if (call.overtaken) return;
  call.overtaken = true;
  in_front = nullptr;
  front.detach();
}

void PosixRelay::State::give_up(const std::string& key, Running& call, Clock::time_point now) {
  call.given_up = true;
  trusted.erase(key);
  ++parked;
  overtake(call);
  round->end(call.index, {End::TimedOut, now - call.began});
}

// Does what the clock demands; returns when it has to be looked at again.
Clock::time_point PosixRelay::State::look_after(const std::shared_ptr<State>& self,
                                                Clock::time_point now, Clock::time_point end) {
  // A call that begins in the meantime is looked at in time.
  Clock::time_point again = std::min(end, now + limits.overtaken_after);
  if (now >= end) end_the_rest(End::NoTime);
  for (const auto& [key, call] : running) {
    if (call->round != round || call->given_up) continue;
    const Clock::time_point limit = std::min(end, call->began + limits.each);
    if (now >= limit) {
      give_up(key, *call, now);
    } else {
      again = std::min(again, limit);
    }
  }
  // As many hang as may: nobody makes room for what is held.
  if (parked + 1 >= limits.threads_max) end_held();
  const bool more =
      round->next < round->calls.size() || (!round->held.empty() && threads < limits.threads_max);
  if (more && in_front != nullptr) {
    const Clock::time_point limit = in_front->began + limits.overtaken_after;
    if (now >= limit) {
      overtake(*in_front);
    } else {
      again = std::min(again, limit);
    }
  }
  if (more && !ensure_front(self)) end_the_rest(End::NoThread);
  return again;
}

PosixRelay::PosixRelay(Limits limits) : state_(std::make_shared<State>(limits)) {
  CHECK(limits.threads_max > 1);
}

PosixRelay::~PosixRelay() {
  std::thread front;
  {
    const std::lock_guard lock(state_->mutex);
    CHECK(!state_->round);
    state_->stopping = true;
    front = std::move(state_->front);
  }
  state_->work.notify_all();
  if (front.joinable()) front.join();  // it makes no call: without a round there is none
}

std::vector<PosixRelay::Outcome> PosixRelay::run(std::vector<Call> calls, Duration within) {
  const Clock::time_point end = Clock::now() + within;
  std::vector<Outcome> outcomes(calls.size());
  if (calls.empty()) return outcomes;
  const auto round = std::make_shared<Round>();
  round->calls = std::move(calls);
  round->outcomes.resize(outcomes.size());
  round->open = outcomes.size();

  State& state = *state_;
  std::unique_lock lock(state.mutex);
  if (!state.turn.wait_until(lock, end, [&] { return !state.round; })) return outcomes;
  state.round = round;
  for (bool first = true;; first = false) {
    const Clock::time_point again = state.look_after(state_, Clock::now(), end);
    if (round->open == 0) break;
    lock.unlock();
    if (first) state.work.notify_one();
    const bool over = round->is_over_by(again);
    lock.lock();
    if (over) break;
  }
  state.round = nullptr;
  lock.unlock();
  state.turn.notify_one();
  std::transform(round->outcomes.begin(), round->outcomes.end(), outcomes.begin(),
                 [](const auto& outcome) { return *outcome; });
  return outcomes;
}

std::size_t PosixRelay::parked() const {
  const std::lock_guard lock(state_->mutex);
  return state_->parked;
}

}  // namespace muster::collector
