// How does an answer get smaller on the wire?
//
// Driver of zlib. One owner; keeps its memory (a quarter of a MiB) from one text to the next.
#pragma once

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

  // `out` becomes `text` as gzip has it (RFC 1952), at level 1: metrics become a tenth, and the
  // highest level would cost three times the time for a sixth less. Exhausted: no memory.
  [[nodiscard]] Status compress(std::string_view text, std::string& out);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

}  // namespace muster::collector
