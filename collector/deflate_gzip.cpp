#include "collector/deflate_gzip.h"

#include <libdeflate.h>

namespace muster::collector {
namespace {

constexpr int kLevel = 1;
}  // namespace

Gzip::~Gzip() { libdeflate_free_compressor(compressor_); }

Status Gzip::compress(std::string_view text, std::string& out) {
  if (compressor_ == nullptr) compressor_ = libdeflate_alloc_compressor(kLevel);
  if (compressor_ == nullptr) {
    return fail(Code::Exhausted, "cannot compress: libdeflate has no memory");
  }
  const std::size_t most = libdeflate_gzip_compress_bound(compressor_, text.size());
  if (most > room_bytes_) {
    room_ = std::make_unique_for_overwrite<char[]>(most);
    room_bytes_ = most;
  }
  const std::size_t size =
      libdeflate_gzip_compress(compressor_, text.data(), text.size(), room_.get(), most);
  CHECK(size > 0);  // it fits
  out.assign(room_.get(), size);
  return {};
}

}  // namespace muster::collector
