// How does an answer get smaller on the wire?
//
// Driver of ISA-L. One owner; keeps its memory (a third of a MiB) from one text to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::collector {

class Gzip {
 public:
  Gzip();
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  // `out` becomes `text` as gzip has it (RFC 1952), at level 1: metrics become less than a fifth.
  // The levels above save another hundredth, the last for twice the time. Exhausted: more than 1
  // GiB.
  [[nodiscard]] Status compress(std::string_view text, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;  // made with the first text
  std::unique_ptr<char[]> room_;  // as much as the longest text so far could need
  std::size_t room_bytes_ = 0;
};

}  // namespace muster::collector
