#include "log_disk.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "network.h"

namespace muster::sim {
namespace {

void put_on(raft::Stored& log, const failover::SaveVote& write) {
  log.term = write.term;
  log.voted_for = write.voted_for;
  log.self = write.self;
}

void put_on(raft::Stored& log, const failover::AppendLog& write) {
  if (log.entries.empty()) log.first = write.first;
  CHECK(write.first >= log.first && write.first <= log.first + log.entries.size());
  log.entries.resize(static_cast<std::size_t>(write.first - log.first));
  log.entries.insert(log.entries.end(), write.entries.begin(), write.entries.end());
}

void put_on(raft::Stored& log, const failover::PutSnapshot& write) {
  log.snapshot = write.meta;
  log.snapshot_data = write.data;
  if (write.keep_from == 0) {
    log.entries.clear();
    log.first = write.meta.index + 1;
  } else if (write.keep_from > log.first) {
    const auto drop = std::min<std::size_t>(log.entries.size(),
                                            static_cast<std::size_t>(write.keep_from - log.first));
    log.entries.erase(log.entries.begin(), log.entries.begin() + static_cast<std::ptrdiff_t>(drop));
    log.first = write.keep_from;
  }
}

std::uint64_t ticket_of(const LogWrite& write) {
  return std::visit([](const auto& what) { return what.ticket; }, write);
}

}  // namespace

Duration fsync_time(const DiskQuality& disk, Rng& rng) {
  Duration took = exponential(disk.fsync, disk.tail, rng);
  if (disk.stall_percent > 0 && rng.chance(disk.stall_percent)) took += rng.below(disk.stall);
  return took;
}

void LogDisk::put(const LogWrite& write) {
  std::visit([this](const auto& what) { put_on(durable_, what); }, write);
}

bool LogDisk::begin() {
  if (!batch_.empty() || queue_.empty()) return false;
  batch_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.end()));
  queue_.clear();
  return true;
}

std::uint64_t LogDisk::end() {
  CHECK(!batch_.empty());
  for (const LogWrite& write : batch_) put(write);
  const std::uint64_t ticket = ticket_of(batch_.back());
  batch_.clear();
  return ticket;
}

void LogDisk::put_back() {
  CHECK(!batch_.empty());
  queue_.insert(queue_.begin(), std::make_move_iterator(batch_.begin()),
                std::make_move_iterator(batch_.end()));
  batch_.clear();
}

// More is kept here than one transaction's atomicity allows: the engine relies on the order alone.
void LogDisk::crash(bool writable, Rng& rng) {
  if (!batch_.empty()) put_back();
  const std::uint64_t kept = writable ? rng.below(queue_.size() + 1) : 0;
  for (std::uint64_t i = 0; i < kept; ++i) put(queue_[i]);
  queue_.clear();
}

}  // namespace muster::sim
