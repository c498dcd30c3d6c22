// What of a node's recent past is kept, for how long and how finely, and how is it read?
//
// Core: pure plans and values; collector/sqlite_history.h carries them out. How long something is
// kept goes by the time that was recorded since, not by what the wall clock says: a clock that
// jumps makes nothing too old. Wall time only says where a value is drawn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "collector/history_block.h"

namespace muster::collector {

struct HistoryOptions {
  Duration interval = std::chrono::seconds(10);       // 1s to 10m; 0: nothing is recorded
  Duration keep = std::chrono::hours(24);             // 10m to 31 days of recording
  Duration downsample_after = std::chrono::hours(1);  // likewise: then one point a minute
  std::uint64_t max_bytes = std::uint64_t{50} << 20;  // of disk, 4MiB to 4GiB
  bool operator==(const HistoryOptions&) const = default;
};

// What one point stands for once it is downsampled.
inline constexpr std::int64_t kCoarseStepMs = 60'000;

// What was measured at one moment, by series.
using Measured = std::map<std::string, float>;
struct HistoryPoint {  // of one series
  WallTime at{};
  float value = 0;
};

// What is not on disk for good: the block that still grows, and those that could not be written.
class HistoryTail {
 public:
  // A block is full after so many measurements: as long a row is worth its place, and as much is
  // written anew each time that a growing block is saved.
  static constexpr std::size_t kBlockTicks = 60;
  // While the disk is full or broken: so many measurements that are 360 at least, an hour at the
  // default interval, then the oldest go.
  static constexpr std::size_t kBlocksMax = 7;

  explicit HistoryTail(Duration interval);

  // A time that is not later than the last one (a clock that was set back) begins a new block.
  void add(WallTime at, const Measured& values);

  // Oldest first; all but the last are full. The owner sets the ids as it stores them.
  [[nodiscard]] std::deque<HistoryBlock>& blocks() { return blocks_; }
  [[nodiscard]] const std::deque<HistoryBlock>& blocks() const { return blocks_; }
  // All of them are on disk as they are: only the last, which may still grow, is kept.
  void saved();
  // The disk has lost them: they are to be stored as new ones.
  void unsaved();

 private:
  std::int64_t interval_ms_;
  std::deque<HistoryBlock> blocks_;
};

inline constexpr std::uint64_t kBlockIdMax = std::uint64_t{1} << 62;

struct BlockInfo {  // of a stored block
  std::uint64_t id = 0;
  std::int64_t span_ms = 0;
  std::int64_t step_ms = 0;
  std::int64_t begin_ms = 0;  // its first and last time
  std::int64_t end_ms = 0;
  bool operator==(const BlockInfo&) const = default;
  // It is one that could have been stored: what is read from a disk may be anything.
  [[nodiscard]] bool plausible() const;
};

// Of `stored`, all plausible, in the order of their ids: those to be made into one coarse block
// next; empty: none. They have an hour together, unless the clock was set back between them.
[[nodiscard]] std::vector<std::uint64_t> plan_merge(const std::vector<BlockInfo>& stored,
                                                    const HistoryOptions& options);
// Those without which `keep` is still covered, oldest first.
[[nodiscard]] std::vector<std::uint64_t> plan_prune(const std::vector<BlockInfo>& stored,
                                                    const HistoryOptions& options);

// The way to one column with a value for each step of a stretch of time, whatever the steps were in
// which it was recorded. Where nothing was recorded the column has NaN.
class HistoryGrid {
 public:
  // Pre: step_ms > 0, from_ms <= to_ms. The first point is at the last multiple of step_ms that is
  // not after from_ms.
  HistoryGrid(std::int64_t from_ms, std::int64_t to_ms, std::int64_t step_ms);

  // To be called for every block in the order of their ids; `column` is null when the block does
  // not have the series. What a later block says of a time counts: the clock was set back.
  void add(const std::vector<std::int64_t>& times, std::int64_t step_ms, const Column* column);
  [[nodiscard]] Column column() const;

  [[nodiscard]] std::int64_t from_ms() const { return from_ms_; }
  [[nodiscard]] std::size_t points() const { return slots_.size(); }

 private:
  struct Slot {
    double sum = 0;
    std::uint32_t count = 0;  // of what was recorded within
    float low = 0;
    float high = 0;
    bool held = false;  // nothing was, but the point before stands for this time too
    float held_mean = 0, held_low = 0, held_high = 0;
  };
  void put(std::int64_t time, std::int64_t width_ms, float mean, float low, float high);

  std::int64_t from_ms_;
  std::int64_t step_ms_;
  std::vector<Slot> slots_;
};

}  // namespace muster::collector
