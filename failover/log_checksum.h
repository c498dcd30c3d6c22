// Are these bytes of the log still what was written?
//
// A core of pure functions. FNV-1a notices every change of a single byte for certain: each of its
// steps is a bijection. Stable for ever: the results are in files.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/raft_types.h"

namespace muster::failover {

// Over fields, each of its own length: numbers as 8 bytes, little end first, texts behind theirs.
class Checksum {
 public:
  Checksum& add(std::uint64_t number);
  Checksum& add(std::string_view bytes);
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = kFnvOffset;
};

// Adds index, term, type and data: what consensus calls an entry.
void add_entry(Checksum& sum, raft::Index index, const raft::Entry& entry);
// Adds index, term, and the configuration with its index.
void add_snapshot(Checksum& sum, const raft::SnapshotMeta& meta);

[[nodiscard]] bool is_entry_type(std::int64_t type);

}  // namespace muster::failover
