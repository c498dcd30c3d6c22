#include "collector/history_block.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/ids.h"

namespace muster::collector {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kWord = 4;  // bytes of a float and of a checksum

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void put_word(std::string& out, std::uint32_t word) {
  for (std::size_t i = 0; i < kWord; ++i) out += static_cast<char>(word >> (8 * i));
}

std::uint32_t word_at(std::string_view bytes) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < kWord; ++i) {
    word |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return word;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(fnv1a64(bytes));
}

std::string sealed(const std::string& body) {
  std::string out;
  put_word(out, checksum(body));
  return out + body;
}

tl::unexpected<Error> damaged(const char* why) {
  return fail(Code::DataLoss, std::string("a block of the history is damaged: ") + why);
}

Result<std::string_view> unsealed(std::string_view bytes) {
  if (bytes.size() < kWord) return damaged("it is cut off");
  const std::string_view body = bytes.substr(kWord);
  if (word_at(bytes) != checksum(body)) return damaged("it does not match its checksum");
  return body;
}

std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

std::size_t run_at(const std::vector<float>& values, std::size_t from) {
  std::size_t end = from + 1;
  while (end < values.size() && bits(values[end]) == bits(values[from])) ++end;
  return end - from;
}

// Stretches, each led by twice its length: of different values, or, plus one, of the same.
void put_values(std::string& out, const std::vector<float>& values) {
  constexpr std::size_t kRunMin = 3;  // shorter ones cost more than they save
  for (std::size_t at = 0; at < values.size();) {
    const std::size_t run = run_at(values, at);
    if (run >= kRunMin) {
      put_varint(out, run * 2 + 1);
      put_word(out, bits(values[at]));
      at += run;
      continue;
    }
    std::size_t end = at;
    while (end < values.size() && run_at(values, end) < kRunMin) ++end;
    put_varint(out, (end - at) * 2);
    for (; at < end; ++at) put_word(out, bits(values[at]));
  }
}

bool take_values(std::string_view& in, std::size_t points, std::vector<float>& out) {
  while (out.size() < points) {
    const auto head = take_varint(in);
    if (!head || *head / 2 == 0 || *head / 2 > points - out.size()) return false;
    const auto count = static_cast<std::size_t>(*head / 2);
    const bool same = *head % 2 == 1;
    const std::size_t words = same ? 1 : count;
    if (in.size() < words * kWord) return false;
    for (std::size_t i = 0; i < words; ++i) {
      out.insert(out.end(), same ? count : 1, std::bit_cast<float>(word_at(in)));
      in.remove_prefix(kWord);
    }
  }
  return true;
}

// Where the points of a merged block begin and end among all the times of its parts.
std::vector<std::size_t> slot_ends(const std::vector<std::int64_t>& times, std::int64_t step_ms) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 1; i <= times.size(); ++i) {
    if (i == times.size() || times[i] / step_ms != times[i - 1] / step_ms) ends.push_back(i);
  }
  return ends;
}

void add_point(Column& to, const std::vector<float>& values, std::size_t begin, std::size_t end) {
  double sum = 0;
  int count = 0;
  float low = kNone;
  float high = kNone;
  for (std::size_t i = begin; i < end; ++i) {
    if (std::isnan(values[i])) continue;
    sum += static_cast<double>(values[i]);
    low = ++count == 1 ? values[i] : std::min(low, values[i]);
    high = count == 1 ? values[i] : std::max(high, values[i]);
  }
  to.mean.push_back(count == 0 ? kNone : static_cast<float>(sum / count));
  to.low.push_back(low);
  to.high.push_back(high);
}

}  // namespace

std::string encode_times(const std::vector<std::int64_t>& times) {
  std::string body;
  put_varint(body, times.size());
  std::int64_t before = 0;
  for (const std::int64_t time : times) {
    put_varint(body, static_cast<std::uint64_t>(time - before));
    before = time;
  }
  return sealed(body);
}

Result<std::vector<std::int64_t>> decode_times(std::string_view bytes) {
  auto body = unsealed(bytes);
  if (!body) return tl::unexpected<Error>(body.error());
  const auto count = take_varint(*body);
  if (!count || *count == 0 || *count > kBlockPointsMax) return damaged("its size makes no sense");
  std::vector<std::int64_t> times;
  std::int64_t at = 0;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto step = take_varint(*body);
    const auto room = static_cast<std::uint64_t>(kHistoryMsMax - at);
    if (!step || *step > room || (i > 0 && *step == 0)) return damaged("its times do not grow");
    at += static_cast<std::int64_t>(*step);
    times.push_back(at);
  }
  if (!body->empty()) return damaged("there is more than its times");
  return times;
}

std::string encode_column(const Column& column) {
  std::string body;
  const bool coarse = !column.low.empty();
  body += coarse ? '\3' : '\1';
  put_values(body, column.mean);
  if (coarse) {
    put_values(body, column.low);
    put_values(body, column.high);
  }
  return sealed(body);
}

Result<Column> decode_column(std::string_view bytes, std::size_t points) {
  auto body = unsealed(bytes);
  if (!body) return tl::unexpected<Error>(body.error());
  if (points > kBlockPointsMax || body->empty()) return damaged("its size makes no sense");
  const char lists = body->front();
  if (lists != '\1' && lists != '\3') return damaged("it has an unknown form");
  body->remove_prefix(1);
  Column column;
  bool whole = take_values(*body, points, column.mean);
  if (lists == '\3') {
    whole =
        whole && take_values(*body, points, column.low) && take_values(*body, points, column.high);
  }
  if (!whole || !body->empty()) return damaged("it has another number of values than of times");
  return column;
}

HistoryBlock merged(const std::vector<HistoryBlock>& blocks, std::int64_t step_ms) {
  CHECK(!blocks.empty() && step_ms > 0);
  HistoryBlock whole;
  whole.id = blocks.front().id;
  whole.step_ms = step_ms;
  std::vector<std::int64_t> times;
  std::map<std::string, std::vector<float>> values;
  for (const HistoryBlock& block : blocks) {
    whole.span_ms += block.span_ms;
    for (const auto& [series, column] : block.columns) {
      std::vector<float>& all = values[series];
      all.resize(times.size(), kNone);
      all.insert(all.end(), column.mean.begin(), column.mean.end());
    }
    times.insert(times.end(), block.times.begin(), block.times.end());
  }
  const std::vector<std::size_t> ends = slot_ends(times, step_ms);
  for (std::size_t begin = 0; const std::size_t end : ends) {
    whole.times.push_back(times[begin]);
    begin = end;
  }
  for (auto& [series, all] : values) {
    all.resize(times.size(), kNone);
    Column& column = whole.columns[series];
    for (std::size_t begin = 0; const std::size_t end : ends) {
      add_point(column, all, begin, end);
      begin = end;
    }
  }
  return whole;
}

}  // namespace muster::collector
