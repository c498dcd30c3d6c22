#include "collector/isal_gzip.h"

#include <array>
#include <cstdint>

#include <isa-l.h>

namespace muster::collector {
namespace {

constexpr std::size_t kTextMax = std::size_t{1} << 30;  // its lengths have 32 bits

// What cannot be made smaller is stored in blocks of at most 65,535 bytes, each with a head of 5;
// the gzip member's head and end are 18.
constexpr std::size_t longest(std::size_t text) { return text + (text / 65'535 + 1) * 5 + 64; }

}  // namespace

struct Gzip::State {
  isal_zstream stream;
  std::array<std::uint8_t, ISAL_DEF_LVL1_DEFAULT> work;
};

Gzip::Gzip() = default;
Gzip::~Gzip() = default;

Status Gzip::compress(std::string_view text, std::string& out) {
  if (text.size() > kTextMax) return fail(Code::Exhausted, "cannot compress more than 1 GiB");
  if (!state_) state_ = std::make_unique<State>();
  const std::size_t most = longest(text.size());
  if (most > room_bytes_) {
    room_ = std::make_unique_for_overwrite<char[]>(most);
    room_bytes_ = most;
  }
  isal_zstream& stream = state_->stream;
  isal_deflate_stateless_init(&stream);
  stream.level = 1;
  stream.level_buf = state_->work.data();
  stream.level_buf_size = static_cast<std::uint32_t>(state_->work.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  // It only reads there, but says so in no type.
  stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<std::uint32_t>(text.size());
  stream.next_out = reinterpret_cast<std::uint8_t*>(room_.get());
  stream.avail_out = static_cast<std::uint32_t>(most);
  const int done = isal_deflate_stateless(&stream);
  CHECK(done == COMP_OK && stream.avail_in == 0);  // it fits
  out.assign(room_.get(), stream.total_out);
  return {};
}

}  // namespace muster::collector
