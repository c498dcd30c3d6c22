#include "collector/history.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace muster::collector {
namespace {

constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kMergedSpanMs = 3'600'000;  // of a coarse block: an hour
constexpr std::size_t kMergedMax = 64;  // blocks: an agent that restarts often makes many

std::int64_t ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

// Of plausible spans, however many: it stays in range.
std::int64_t sum(std::int64_t spans_ms, std::int64_t span_ms) {
  return std::min(spans_ms, std::numeric_limits<std::int64_t>::max() - kHistoryMsMax) + span_ms;
}

}  // namespace

HistoryTail::HistoryTail(Duration interval) : interval_ms_(ms(interval)) {}

void HistoryTail::add(WallTime at, const Measured& values) {
  const std::int64_t time =
      std::clamp<std::int64_t>(at.time_since_epoch().count(), 0, kHistoryMsMax);
  const bool begin = blocks_.empty() || blocks_.back().times.size() >= kBlockTicks ||
                     time <= blocks_.back().times.back();
  if (begin) {
    blocks_.emplace_back().step_ms = interval_ms_;
    while (blocks_.size() > kBlocksMax) blocks_.pop_front();
  }
  HistoryBlock& block = blocks_.back();
  const std::size_t before = block.times.size();
  // One that came before its turn makes the one before shorter.
  block.span_ms += before == 0 ? interval_ms_ : std::min(interval_ms_, time - block.times.back());
  block.times.push_back(time);
  for (const auto& [series, value] : values) {
    std::vector<float>& column = block.columns[series].mean;
    column.resize(before, kNone);
    column.push_back(value);
  }
  for (auto& [series, column] : block.columns) column.mean.resize(before + 1, kNone);
}

void HistoryTail::saved() {
  while (blocks_.size() > 1) blocks_.pop_front();
}

void HistoryTail::unsaved() {
  for (HistoryBlock& block : blocks_) block.id = 0;
}

bool BlockInfo::plausible() const {
  const auto within = [](std::int64_t from, std::int64_t value) {
    return value >= from && value <= kHistoryMsMax;
  };
  return id > 0 && id <= kBlockIdMax && within(0, span_ms) && within(1, step_ms) &&
         within(0, begin_ms) && within(begin_ms, end_ms);
}

std::vector<std::uint64_t> plan_merge(const std::vector<BlockInfo>& stored,
                                      const HistoryOptions& options) {
  std::int64_t fine_ms = 0;
  for (const BlockInfo& block : stored) {
    if (block.step_ms < kCoarseStepMs) fine_ms = sum(fine_ms, block.span_ms);
  }
  std::vector<std::uint64_t> group;
  std::int64_t span_ms = 0;
  std::int64_t end_ms = -1;
  for (const BlockInfo& block : stored) {
    if (block.step_ms >= kCoarseStepMs && group.empty()) continue;
    const bool fits = block.step_ms < kCoarseStepMs && block.begin_ms > end_ms;
    if (!fits) return group;  // the clock was set back, or the interval was long for a while
    if (!group.empty() && span_ms + block.span_ms > kMergedSpanMs) return group;
    if (fine_ms - block.span_ms < ms(options.downsample_after)) return {};  // not old enough yet
    group.push_back(block.id);
    fine_ms -= block.span_ms;
    span_ms += block.span_ms;
    end_ms = block.end_ms;
    if (span_ms >= kMergedSpanMs || group.size() >= kMergedMax) return group;
  }
  return {};
}

std::vector<std::uint64_t> plan_prune(const std::vector<BlockInfo>& stored,
                                      const HistoryOptions& options) {
  std::int64_t kept_ms = 0;
  for (const BlockInfo& block : stored) kept_ms = sum(kept_ms, block.span_ms);
  std::vector<std::uint64_t> pruned;
  for (const BlockInfo& block : stored) {
    if (kept_ms - block.span_ms < ms(options.keep)) break;
    kept_ms -= block.span_ms;
    pruned.push_back(block.id);
  }
  return pruned;
}

HistoryGrid::HistoryGrid(std::int64_t from_ms, std::int64_t to_ms, std::int64_t step_ms)
    : from_ms_(from_ms - from_ms % step_ms), step_ms_(step_ms) {
  CHECK(step_ms > 0 && from_ms >= 0 && from_ms <= to_ms);
  slots_.resize(static_cast<std::size_t>((to_ms - from_ms_) / step_ms_ + 1));
}

void HistoryGrid::add(const std::vector<std::int64_t>& times, std::int64_t step_ms,
                      const Column* column) {
  const std::int64_t begin = times.front() - from_ms_;
  const auto first = static_cast<std::size_t>(std::clamp<std::int64_t>(
      begin < 0 ? 0 : begin / step_ms_, 0, static_cast<std::int64_t>(slots_.size())));
  // Not of the slot itself that the one before may have ended in.
  for (std::size_t i = begin < 0 ? 0 : first + 1; i < slots_.size(); ++i) slots_[i] = Slot{};
  if (column == nullptr) return;
  const bool coarse = !column->low.empty();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const float mean = column->mean[i];
    if (std::isnan(mean)) continue;
    put(times[i], step_ms, mean, coarse ? column->low[i] : mean, coarse ? column->high[i] : mean);
  }
}

void HistoryGrid::put(std::int64_t time, std::int64_t width_ms, float mean, float low, float high) {
  const std::int64_t count = static_cast<std::int64_t>(slots_.size());
  const std::int64_t after = time - from_ms_;
  // Division rounds towards zero: what is before the grid must not fall into its first slot.
  std::int64_t at = after < 0 ? -1 : after / step_ms_;
  if (at >= count) return;
  if (at >= 0) {
    Slot& slot = slots_[static_cast<std::size_t>(at)];
    slot.low = slot.count == 0 ? low : std::min(slot.low, low);
    slot.high = slot.count == 0 ? high : std::max(slot.high, high);
    slot.sum += static_cast<double>(mean);
    ++slot.count;
  }
  for (++at; at < count && at * step_ms_ < after + width_ms; ++at) {
    Slot& slot = slots_[static_cast<std::size_t>(at)];
    slot.held = true;
    slot.held_mean = mean;
    slot.held_low = low;
    slot.held_high = high;
  }
}

Column HistoryGrid::column() const {
  Column column;
  for (const Slot& slot : slots_) {
    const bool measured = slot.count > 0;
    const float held = slot.held ? slot.held_mean : kNone;
    column.mean.push_back(measured ? static_cast<float>(slot.sum / slot.count) : held);
    column.low.push_back(measured ? slot.low : slot.held ? slot.held_low : kNone);
    column.high.push_back(measured ? slot.high : slot.held ? slot.held_high : kNone);
  }
  return column;
}

}  // namespace muster::collector
