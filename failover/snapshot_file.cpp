#include "failover/snapshot_file.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

namespace muster::failover {
namespace {

constexpr std::uint64_t kFormat = 1;
constexpr std::size_t kFixedBytes = 24;  // magic, format, length of the head
constexpr std::uint64_t kHeadBytesMax = 64 * 1024;
constexpr std::string_view kEnding = ".snap";

void put(std::string& out, std::uint64_t number) {
  for (int i = 0; i < 8; ++i) out += static_cast<char>((number >> (8 * i)) & 0xff);
}

void put(std::string& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out += text;
}

// Takes fields from the front of what it was made with; bad() once one was not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t number() {
    if (bytes_.size() < 8) return spoil();
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      number |= std::uint64_t{static_cast<std::uint8_t>(bytes_[i])} << (8 * i);
    }
    bytes_.remove_prefix(8);
    return number;
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > bytes_.size()) return spoil(), std::string();
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  [[nodiscard]] bool bad() const { return bad_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool bad_ = false;

  std::uint64_t spoil() {
    bad_ = true;
    bytes_ = {};
    return 0;
  }
};

std::uint64_t number_at(std::string_view bytes, std::size_t offset) {
  return Reader(bytes.substr(offset)).number();
}

std::string encode_head(const SnapshotInfo& info) {
  std::string head;
  put(head, info.cluster);
  put(head, info.cluster_id);
  put(head, info.index);
  put(head, info.term);
  put(head, static_cast<std::uint64_t>(info.taken_at.time_since_epoch().count()));
  put(head, info.taken_by);
  put(head, std::uint64_t{info.masters.size()});
  for (const auto& [name, address] : info.masters) {
    put(head, name);
    put(head, address);
  }
  put(head, info.state_version);
  put(head, info.state_bytes);
  return head;
}

std::optional<SnapshotInfo> decode_head(std::string_view bytes) {
  Reader read(bytes);
  SnapshotInfo info;
  info.cluster = read.text();
  info.cluster_id = read.text();
  info.index = read.number();
  info.term = read.number();
  info.taken_at = WallTime(WallTime::duration(static_cast<WallTime::rep>(read.number())));
  info.taken_by = read.text();
  const std::uint64_t masters = read.number();
  for (std::uint64_t i = 0; i < masters && !read.bad(); ++i) {
    std::string name = read.text();
    info.masters.emplace_back(std::move(name), read.text());
  }
  info.state_version = read.number();
  info.state_bytes = read.number();
  if (read.bad() || !read.at_end() || !valid_name(info.cluster)) return std::nullopt;
  return info;
}

tl::unexpected<Error> wrong(std::string what) { return fail(Code::DataLoss, std::move(what)); }

}  // namespace

SnapshotKind kind_of(std::string_view bytes) {
  const std::string_view magic = bytes.substr(0, kSnapshotMagic.size());
  if (magic == kSnapshotMagic) return SnapshotKind::Plain;
  return magic == kSealMagic ? SnapshotKind::Sealed : SnapshotKind::Neither;
}

std::string encode_snapshot(SnapshotInfo info, std::string_view state) {
  CHECK(valid_name(info.cluster));
  info.state_bytes = state.size();
  const std::string head = encode_head(info);
  CHECK(head.size() <= kHeadBytesMax);
  std::string out;
  out.reserve(kFixedBytes + head.size() + state.size() + 16);
  out += kSnapshotMagic;
  put(out, kFormat);
  put(out, std::string_view(head));
  const std::uint64_t sum = fnv1a64(out);
  put(out, sum);
  out += state;
  // The bytes before the first checksum are covered by it already.
  put(out, fnv1a64(state, sum));
  return out;
}

Result<SnapshotFile> decode_snapshot(std::string_view bytes) {
  const SnapshotKind kind = kind_of(bytes);
  if (kind == SnapshotKind::Neither) {
    return fail(Code::InvalidArgument, "it is not a snapshot of muster");
  }
  if (kind == SnapshotKind::Sealed) {
    return fail(Code::InvalidArgument,
                "it is encrypted: say where its passphrase is "
                "(--passphrase-file)");
  }
  const auto early = [&bytes] {
    return wrong("it ends early, after " + std::to_string(bytes.size()) + " bytes");
  };
  if (bytes.size() < kFixedBytes) return early();
  if (const std::uint64_t format = number_at(bytes, 8); format != kFormat) {
    return fail(Code::Conflict, "it has format " + std::to_string(format) +
                                    ", this version of muster knows format " +
                                    std::to_string(kFormat) + ": use the version that wrote it");
  }
  const std::uint64_t head_bytes = number_at(bytes, 16);
  if (head_bytes > kHeadBytesMax) return wrong("its head does not match its checksum");
  if (bytes.size() < kFixedBytes + head_bytes + 8) return early();
  const std::size_t head_end = kFixedBytes + head_bytes;
  const std::uint64_t sum = fnv1a64(bytes.substr(0, head_end));
  auto info = decode_head(bytes.substr(kFixedBytes, head_bytes));
  if (!info || number_at(bytes, head_end) != sum) {
    return wrong("its head does not match its checksum");
  }
  const std::string_view rest = bytes.substr(head_end + 8);
  if (rest.size() < 8 || rest.size() - 8 < info->state_bytes) return early();
  if (rest.size() - 8 > info->state_bytes) return wrong("something stands behind its end");
  const std::string_view state = rest.substr(0, info->state_bytes);
  if (number_at(rest, info->state_bytes) != fnv1a64(state, sum)) {
    return wrong("its state does not match its checksum");
  }
  return SnapshotFile{std::move(*info), std::string(state)};
}

std::string snapshot_file_name(const SnapshotInfo& info) {
  using namespace std::chrono;
  const auto seconds_since = floor<std::chrono::seconds>(info.taken_at);
  const auto day = floor<days>(seconds_since);
  const year_month_day date(day);
  const hh_mm_ss time(seconds_since - day);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "-%012llu-%04d%02u%02uT%02d%02d%02dZ",
                static_cast<unsigned long long>(info.index), static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string name = info.cluster;
  name += text.data();
  name += kEnding;
  return name;
}

std::vector<std::string> superseded(std::vector<std::string> names, std::string_view cluster,
                                    std::size_t keep) {
  // The name of a cluster may begin with that of another: what follows it has one length.
  const std::size_t tail = std::string_view("-000000000000-00000000T000000Z").size();
  std::erase_if(names, [&](const std::string& name) {
    return name.size() != cluster.size() + tail + kEnding.size() || !name.starts_with(cluster) ||
           !name.ends_with(kEnding) || name[cluster.size()] != '-' ||
           name.find_first_not_of("0123456789", cluster.size() + 1) != cluster.size() + 13;
  });
  std::sort(names.begin(), names.end());
  names.resize(names.size() - std::min(keep, names.size()));
  return names;
}

}  // namespace muster::failover
