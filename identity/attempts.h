// May this address try to prove who it is once more?
//
// Core; owned by whoever takes requests. Each address has a bucket of attempts that failures empty;
// it fills again with time, and with nothing else: who can prove one thing may guess at another.
// Whoever finds it empty is not looked at, whatever he shows: ask wait() before. All addresses
// together have a bucket too, which keeps nobody out: it bounds what is said and written about
// failures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"

namespace muster::identity {

struct AttemptsOptions {
  unsigned burst = 10;                        // failures at once, an address
  Duration refill = std::chrono::seconds(6);  // one more
  unsigned burst_of_all = 200;                // and of all addresses together
  Duration refill_of_all = std::chrono::milliseconds(500);
  std::size_t addresses_max = 4096;  // remembered; the one that failed longest ago is forgotten
};

class Attempts {
 public:
  explicit Attempts(AttemptsOptions options = {}) : options_(options) {}

  // Zero: what is shown from there may be looked at; otherwise not before so long.
  [[nodiscard]] Duration wait(const std::string& address, Instant now);
  // A failure came from there. Zero: it may be told what was wrong; otherwise it is only told to
  // come again after so long, and nothing is written about it.
  Duration failed(const std::string& address, Instant now);

  [[nodiscard]] std::uint64_t failures() const { return failures_; }      // since the start
  [[nodiscard]] std::uint64_t suppressed() const { return suppressed_; }  // of them: made to wait
  [[nodiscard]] std::size_t addresses() const { return by_address_.size(); }

 private:
  // The moment at which the bucket would be full again: `burst` refills ahead means empty.
  struct Bucket {
    Instant full{};
    std::uint64_t used = 0;  // order of the last failure
  };
  void make_room();

  AttemptsOptions options_;
  std::map<std::string, Bucket> by_address_;
  std::map<std::uint64_t, std::string> by_use_;
  Instant all_full_{};
  std::uint64_t uses_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace muster::identity
