#include "agent/text_table.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

// Characters, not bytes: names of zones may be in any script.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> head) : widths_(head.size()) { add(std::move(head)); }

void TextTable::add(std::vector<std::string> cells) {
  CHECK(cells.size() <= widths_.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = printable(cells[i]);
    widths_[i] = std::max(widths_[i], width_of(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths_[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string printable(std::string_view outside) {
  const bool utf8 = valid_utf8(outside);
  std::string text(outside);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool control = byte < 0x20 || byte == 0x7f;
    // U+0080 to U+009f are control characters too, in two bytes.
    const bool control_pair =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (control || (!utf8 && byte >= 0x80)) text[i] = '?';
    if (utf8 && control_pair) text.replace(i, 2, 1, '?');
  }
  return text;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = 0;  // 0: nothing on this line yet
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (word.empty()) continue;
    if (column > 0 && column + 1 + width_of(word) > width) {
      out += "\n";
      column = 0;
    }
    out.append(column > 0 ? 1 : indent, ' ');
    column += (column > 0 ? 1 : indent) + width_of(word);
    out += word;
  }
  return out.empty() ? out : out + "\n";
}

std::string age_text(std::int64_t since_ms, std::int64_t now_ms) {
  if (since_ms <= 0) return "-";
  const std::int64_t age = std::max<std::int64_t>(0, now_ms - since_ms) / 1000;
  if (age < 120) return std::to_string(age) + "s";
  if (age < 120 * 60) return std::to_string(age / 60) + "m";
  if (age < 48 * 3600) return std::to_string(age / 3600) + "h";
  return std::to_string(age / 86400) + "d";
}

}  // namespace muster::agent
