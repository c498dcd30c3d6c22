#include "failover/durable_mark.h"

#include <optional>

#include "failover/log_checksum.h"

namespace muster::failover {
namespace {

constexpr std::string_view kMagic = "mustmark";
constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kNumbers = 7;  // format, the five of a mark, checksum

void put(std::string& out, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>((number >> (8 * i)) & 0xff);
}

std::uint64_t number_at(std::string_view bytes, std::size_t position) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    number |= std::uint64_t{static_cast<std::uint8_t>(bytes[8 * position + i])} << (8 * i);
  }
  return number;
}

std::uint64_t checksum(std::uint64_t format, const DurableMark& mark) {
  return Checksum()
      .add(kMagic)
      .add(format)
      .add(mark.write)
      .add(mark.term)
      .add(mark.voted_for)
      .add(mark.snapshot)
      .add(mark.last)
      .value();
}

struct Slot {
  std::uint64_t format = 0;
  DurableMark mark;
};

std::optional<Slot> decode_slot(std::string_view file, std::size_t offset) {
  if (file.size() < offset + kMagic.size() + 8 * kNumbers) return std::nullopt;
  std::string_view bytes = file.substr(offset);
  if (bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  const Slot slot{number_at(bytes, 0),
                  {number_at(bytes, 1), number_at(bytes, 2), number_at(bytes, 3),
                   number_at(bytes, 4), number_at(bytes, 5)}};
  if (number_at(bytes, 6) != checksum(slot.format, slot.mark)) return std::nullopt;
  if (mark_offset(slot.mark) != offset) return std::nullopt;
  return slot;
}

}  // namespace

std::string encode_mark(const DurableMark& mark) {
  std::string out(kMagic);
  for (const std::uint64_t number :
       {kFormat, mark.write, mark.term, mark.voted_for, mark.snapshot, mark.last}) {
    put(out, number);
  }
  put(out, checksum(kFormat, mark));
  return out;
}

Result<DurableMark> decode_marks(std::string_view file) {
  std::optional<Slot> newest;
  for (const std::size_t offset : {std::size_t{0}, kMarkSlotBytes}) {
    const auto slot = decode_slot(file, offset);
    if (slot && (!newest || slot->mark.write > newest->mark.write)) newest = slot;
  }
  if (!newest) return fail(Code::DataLoss, "neither of its two marks matches its checksum");
  if (newest->format != kFormat) {
    return fail(Code::Conflict, "it has format " + std::to_string(newest->format) +
                                    ", this version of muster knows format " +
                                    std::to_string(kFormat) + ": run the version that wrote it");
  }
  return newest->mark;
}

}  // namespace muster::failover
