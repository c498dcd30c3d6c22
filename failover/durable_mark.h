// Up to which write was the log known to be durable?
//
// A core: a value and its bytes. SQLite ends its write-ahead log at the first frame that does not
// match its checksum, without a word: a file whose log was lost, cut or damaged, or that was
// replaced by an older copy, opens as it once was. A master that loaded such a file would vote
// twice. So each write has a number, and a second file says which number was last durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/raft_types.h"

namespace muster::failover {

struct DurableMark {
  std::uint64_t write = 0;  // 0: nothing was ever written
  // What the log held then; to be compared when it holds no newer write.
  raft::Term term = 0;
  MasterId voted_for = 0;
  raft::Index snapshot = 0;
  raft::Index last = 0;
  bool operator==(const DurableMark&) const = default;
};

// Two slots written in turn, in pages of their own: a write that is cut off spoils one at most.
inline constexpr std::size_t kMarkSlotBytes = 4096;
inline constexpr std::size_t kMarkFileBytes = 2 * kMarkSlotBytes;

// Where the slot of this mark begins in the file.
[[nodiscard]] inline std::size_t mark_offset(const DurableMark& mark) {
  return mark.write % 2 == 0 ? 0 : kMarkSlotBytes;
}
// What is to be written there; much shorter than a slot.
[[nodiscard]] std::string encode_mark(const DurableMark& mark);

// The newest mark of a whole file. Fails with DataLoss unless at least one slot is good, with
// Conflict when a newer version wrote it. The text says what is wrong, not with which file.
[[nodiscard]] Result<DurableMark> decode_marks(std::string_view file);

}  // namespace muster::failover
