#include "alerting/alert.h"

#include <string_view>

#include "base/ids.h"

namespace muster::alerting {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// As Go's %q does for what can be in a label; bytes above 0x7f stay as they are.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 0xf];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string hex16(std::uint64_t value) {
  std::string out(16, '0');
  for (auto digit = out.rbegin(); digit != out.rend(); ++digit, value >>= 4) {
    *digit = kHexDigits[value & 0xf];
  }
  return out;
}

std::string fingerprint(const Labels& labels) {
  std::uint64_t hash = kFnvOffset;
  for (const auto& [name, value] : labels) {
    hash = fnv1a64(name, hash);
    hash = fnv1a64("\xff", hash);
    hash = fnv1a64(value, hash);
    hash = fnv1a64("\xff", hash);
  }
  return hex16(hash);
}

Labels group_labels(const Labels& labels, const std::vector<std::string>& group_by) {
  Labels group;
  for (const std::string& name : group_by) {
    const auto found = labels.find(name);
    if (found != labels.end()) group.insert(*found);
  }
  return group;
}

std::string group_key(const Labels& group) {
  std::string key = "{}:{";
  for (const auto& [name, value] : group) {
    if (key.back() != '{') key += ", ";
    key += name + "=" + quoted(value);
  }
  return key + "}";
}

}  // namespace muster::alerting
