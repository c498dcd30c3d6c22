#include "failover/snapshot_transfer.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace muster::failover {
namespace {

// More would only delay the heartbeats behind it; a link of 50 ms still carries 40 MB/s.
constexpr std::size_t kWindow = 2;
// A window takes so long on a link of 16 Mbit/s. Doubled while nothing comes back.
constexpr SnapshotSender::Millis kRetry = 1000;
constexpr SnapshotSender::Millis kRetryMax = 8000;
// What is made room for on the word of the first chunk.
constexpr std::uint64_t kTrusted = 64 << 20;

}  // namespace

SnapshotSender::SnapshotSender(raft::SnapshotMeta meta, raft::Blob data, Millis now)
    : meta_(std::move(meta)),
      data_(std::move(data)),
      chunks_(std::max<std::size_t>(
          1, (data_->size() + kSnapshotChunkBytes - 1) / kSnapshotChunkBytes)),
      last_(now),
      progress_(now),
      retry_(kRetry) {
  CHECK(data_->size() <= kSnapshotBytesMax);
}

std::uint64_t SnapshotSender::offset_of(std::size_t chunk) const {
  return std::min<std::uint64_t>(chunk * kSnapshotChunkBytes, data_->size());
}

SnapshotSender::Millis SnapshotSender::retry_at() const {
  return sent_ > acked_ ? last_ + retry_ : std::numeric_limits<Millis>::max();
}

std::uint64_t SnapshotSender::checksum_to(std::size_t chunk) {
  while (checksums_.size() <= chunk) {
    const std::size_t next = checksums_.size();
    const std::string_view bytes(*data_);
    checksums_.push_back(fnv1a64(bytes.substr(offset_of(next), kSnapshotChunkBytes),
                                 next == 0 ? kFnvOffset : checksums_.back()));
  }
  return checksums_[chunk];
}

std::vector<raft::SnapshotChunk> SnapshotSender::take(raft::Term term, Millis now) {
  std::vector<raft::SnapshotChunk> out;
  if (now >= retry_at()) {
    sent_ = acked_;
    retry_ = std::min(retry_ * 2, kRetryMax);
  }
  for (; sent_ < chunks_ && sent_ < acked_ + kWindow; ++sent_) {
    out.push_back(
        {term, meta_, total(), offset_of(sent_),
         std::make_shared<const std::string>(data_->substr(offset_of(sent_), kSnapshotChunkBytes)),
         checksum_to(sent_)});
  }
  if (!out.empty()) last_ = now;
  return out;
}

void SnapshotSender::on_ack(std::uint64_t offset, Millis now) {
  const bool end = offset == total();
  if (offset > total() || (!end && offset % kSnapshotChunkBytes != 0)) return;
  const std::size_t chunk = end ? chunks_ : offset / kSnapshotChunkBytes;
  if (chunk == acked_) return;  // nothing new: a timeout decides
  if (chunk < acked_) sent_ = chunk;
  acked_ = chunk;
  sent_ = std::max(sent_, acked_);
  last_ = progress_ = now;
  retry_ = kRetry;
}

void SnapshotSender::ask_again(Millis now) {
  if (acked_ < chunks_ || now < last_ + retry_) return;
  acked_ = sent_ = chunks_ - 1;
}

std::uint64_t SnapshotReceiver::take(MasterId from, const raft::SnapshotChunk& chunk) {
  const bool same =
      from == from_ && chunk.term == term_ && chunk.meta == meta_ && chunk.total == total_;
  if (!same) {
    drop();
    from_ = from;
    term_ = chunk.term;
    meta_ = chunk.meta;
    total_ = chunk.total;
    bytes_.reserve(std::min<std::uint64_t>(chunk.total, kTrusted));
  }
  if (chunk.offset != bytes_.size() || whole_) return bytes_.size();
  const std::uint64_t checksum = fnv1a64(*chunk.bytes, checksum_);
  if (checksum != chunk.checksum) return bytes_.size();
  checksum_ = checksum;
  bytes_ += *chunk.bytes;
  whole_ = bytes_.size() == total_;
  return bytes_.size();
}

std::optional<raft::InstallSnapshot> SnapshotReceiver::take_whole() {
  if (!whole_) return std::nullopt;
  raft::InstallSnapshot out{term_, std::move(meta_),
                            std::make_shared<const std::string>(std::move(bytes_))};
  drop();
  return out;
}

void SnapshotReceiver::drop() { *this = SnapshotReceiver(); }

}  // namespace muster::failover
