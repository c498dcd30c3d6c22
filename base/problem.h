// What is wrong with a value that came from outside, and where in it?
//
// Pure functions and plain values. A check finds Problems by key and knows no file; who read the
// file adds its name, line and column (base/yaml_reader.h).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace muster {

struct Problem {
  std::string path;  // the keys as in YAML: "masters[1].rpc"; empty: the whole
  std::string what;  // what is wrong and what is expected: one line, no full stop
  bool operator==(const Problem&) const = default;
};
// InvalidArgument, "path: what".
[[nodiscard]] Error to_error(const Problem& problem);

// Outside text made fit for one line of a log, of JSON or of a terminal: in quotes, ASCII only, the
// rest escaped, cut after 60 bytes.
[[nodiscard]] std::string in_quotes(std::string_view outside);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
[[nodiscard]] bool valid_utf8(std::string_view bytes);
// valid_utf8() and no control characters (below 0x20, and 0x7f).
[[nodiscard]] bool one_line_text(std::string_view bytes);

}  // namespace muster
