#include <chrono>
#include <limits>

#include "base/ids.h"
#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr std::int64_t kDurationNsMax =
    std::chrono::nanoseconds(std::chrono::years(100)).count();  // twice fits into a Duration
constexpr std::int64_t kWallMsMax = 253402300799999;            // 9999-12-31T23:59:59.999Z

// Hostile text in an error goes to logs and terminals: short, and printable ASCII only.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 40)) out += c >= ' ' && c <= '~' && c != '"' ? c : '?';
  return out + (text.size() > 40 ? "\"..." : "\"");
}

}  // namespace

void Reader::refuse(std::string_view field, std::string_view why) {
  if (failed()) return;
  text_ = "cannot decode the " + std::string(object_) + ": ";
  if (!field.empty()) text_ += std::string(field) + " ";
  text_ += why;
}

bool Reader::require(bool present, std::string_view field) {
  if (!present) refuse(field, "is missing");
  return present;
}

void Reader::version(std::string_view field, std::uint32_t version, std::uint32_t most) {
  require(version != 0, field);
  if (version > most) {
    refuse("", "written by a newer muster (version " + std::to_string(version) +
                   "); this one reads up to version " + std::to_string(most) + ", so upgrade it");
  }
}

NodeName Reader::name(std::string_view field, const std::string& text) {
  if (require(!text.empty(), field) && !valid_name(text)) {
    refuse(field, quoted(text) + " is not a valid name");
  }
  return text;
}

NodeName Reader::name_or_none(std::string_view field, const std::string& text) {
  return text.empty() ? text : name(field, text);
}

std::string Reader::text(std::string_view field, const std::string& text, std::size_t most) {
  if (text.size() > most) {
    refuse(field, "has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(most) +
                      " are allowed");
    return {};
  }
  return text;
}

std::uint16_t Reader::u16(std::string_view field, std::uint32_t number) {
  return static_cast<std::uint16_t>(
      this->number(field, number, 0, std::numeric_limits<std::uint16_t>::max()));
}

std::int64_t Reader::number(std::string_view field, std::int64_t number, std::int64_t least,
                            std::int64_t most) {
  if (number >= least && number <= most) return number;
  refuse(field, std::to_string(number) + " is not within " + std::to_string(least) + " to " +
                    std::to_string(most));
  return least;
}

Duration Reader::duration(std::string_view field, std::int64_t ns) {
  return Duration(number(field, ns, 0, kDurationNsMax));
}

WallTime Reader::wall(std::string_view field, std::int64_t ms) {
  return WallTime(std::chrono::milliseconds(number(field, ms, 0, kWallMsMax)));
}

std::string serialize(const google::protobuf::MessageLite& message) {
  std::string bytes;
  CHECK(message.SerializeToString(&bytes));
  return bytes;
}

void to_wire(const Texts& texts, WirePairs& out) {
  for (const auto& [key, value] : texts) {
    wire::Pair& pair = *out.Add();
    pair.set_key(key);
    pair.set_value(value);
  }
}

Texts texts_from_wire(const WirePairs& pairs, std::string_view field, Reader& reader) {
  Texts texts;
  for (const wire::Pair& pair : pairs) {
    if (reader.failed()) break;
    const bool added = texts
                           .emplace(reader.text(field, pair.key(), kLabelBytesMax),
                                    reader.text(field, pair.value(), kArgumentBytesMax))
                           .second;
    if (!added) reader.refuse(field, "has the key " + quoted(pair.key()) + " twice");
  }
  return texts;
}

void to_wire(const std::vector<std::string>& texts, WireTexts& out) {
  for (const std::string& text : texts) *out.Add() = text;
}

std::vector<std::string> texts_from_wire(const WireTexts& texts, std::string_view field,
                                         Reader& reader) {
  std::vector<std::string> out;
  out.reserve(static_cast<std::size_t>(texts.size()));
  for (const std::string& text : texts) out.push_back(reader.text(field, text, kArgumentBytesMax));
  return out;
}

}  // namespace muster::protobuf
