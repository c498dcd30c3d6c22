// How is a table shown on a terminal?
//
// Pure functions. Outside text cannot move the cursor: what is no printable character is replaced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster::agent {

// Columns aligned to their longest cell, two blanks between them, none at a line's end.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head);
  // A row with fewer cells than the head ends early. Pre: not more.
  void add(std::vector<std::string> cells);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::size_t> widths_;
};

// `outside` on one line: control characters and what is not UTF-8 become '?'.
[[nodiscard]] std::string printable(std::string_view outside);
// `text` in lines of at most `width` characters, broken at blanks where it can be; each line begins
// with `indent` blanks and ends with a newline.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent,
                                  std::size_t width = 80);
// The time between two moments in milliseconds: "3s", "12m", "5h", "9d"; "-" without a beginning.
[[nodiscard]] std::string age_text(std::int64_t since_ms, std::int64_t now_ms);

}  // namespace muster::agent
