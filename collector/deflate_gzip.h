// How does an answer get smaller on the wire?
//
// Driver of libdeflate. One owner; keeps its memory (a third of a MiB) from one text to the next.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct libdeflate_compressor;

namespace muster::collector {

class Gzip {
 public:
  Gzip() = default;
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  // `out` becomes `text` as gzip has it (RFC 1952), at level 1: metrics become a sixth, and level 6
  // would cost twice to four times the time for a fifteenth less. Exhausted: no memory.
  [[nodiscard]] Status compress(std::string_view text, std::string& out);

 private:
  libdeflate_compressor* compressor_ = nullptr;
  std::unique_ptr<char[]> room_;  // as much as the longest text so far could need
  std::size_t room_bytes_ = 0;
};

}  // namespace muster::collector
