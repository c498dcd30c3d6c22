// Was this number seen before? A sliding window, as IPsec's (RFC 4303, section 3.4.3).
//
// Core: a plain value.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace muster::health {

class ReplayWindow {
 public:
  // So far behind the highest number may one come and still be told apart from a repeated one.
  static constexpr std::size_t kBits = 1024;

  // Not taken yet, and not too old to tell.
  [[nodiscard]] bool is_new(std::uint64_t number) const;
  // Pre: is_new(number). Numbers may come in any order.
  void take(std::uint64_t number);

 private:
  std::bitset<kBits> seen_;  // of highest_ - kBits + 1 to highest_, by number % kBits
  std::uint64_t highest_ = 0;
  bool empty_ = true;
};

}  // namespace muster::health
