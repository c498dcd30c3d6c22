#include "collector/zlib_gzip.h"

#include <algorithm>
#include <array>
#include <limits>

#include <zlib.h>

namespace muster::collector {
namespace {

constexpr int kLevel = 1;
constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for gzip's header
constexpr int kMemory = 8;

}  // namespace

struct Gzip::Stream {
  z_stream zlib{};
  bool ready = false;
};

Gzip::Gzip() : stream_(std::make_unique<Stream>()) {}

Gzip::~Gzip() {
  if (stream_->ready) deflateEnd(&stream_->zlib);
}

Status Gzip::compress(std::string_view text, std::string& out) {
  z_stream& zlib = stream_->zlib;
  if (!stream_->ready) {
    if (deflateInit2(&zlib, kLevel, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
      return fail(Code::Exhausted, "cannot compress: zlib has no memory");
    }
    stream_->ready = true;
  } else {
    CHECK(deflateReset(&zlib) == Z_OK);
  }
  out.clear();
  std::array<char, 16 * 1024> chunk;
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (zlib.avail_in == 0) {
      const auto size = std::min<std::size_t>(text.size(), std::numeric_limits<uInt>::max());
      zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // only read
      zlib.avail_in = static_cast<uInt>(size);
      text.remove_prefix(size);
    }
    zlib.next_out = reinterpret_cast<Bytef*>(chunk.data());
    zlib.avail_out = static_cast<uInt>(chunk.size());
    result = deflate(&zlib, text.empty() ? Z_FINISH : Z_NO_FLUSH);
    CHECK(result == Z_OK || result == Z_STREAM_END);
    out.append(chunk.data(), chunk.size() - zlib.avail_out);
  }
  return {};
}

}  // namespace muster::collector
