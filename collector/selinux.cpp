#include "collector/selinux.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kEnforce{"selinux", "/sys/fs/selinux/enforce"};
constexpr Source kCache{"selinux", "/sys/fs/selinux/avc/cache_stats"};
constexpr Source kHash{"selinux", "/sys/fs/selinux/avc/hash_stats"};
constexpr Source kThreshold{"selinux", "/sys/fs/selinux/avc/cache_threshold"};
constexpr std::string_view kConfig = "/etc/selinux/config";

// In the order of cache_stats's columns.
constexpr std::array<std::string_view, 6> kCacheColumns{"lookups",     "hits",     "misses",
                                                        "allocations", "reclaims", "frees"};

// The mode that /etc/selinux/config asks for at the next boot: 1 enforcing, 0 permissive, -1 none.
double configured_mode(const HostFs& fs) {
  constexpr std::string_view kKey = "SELINUX=";
  const auto text = fs.read(kConfig);
  if (!text) return -1;
  std::string_view rest = *text;
  double mode = -1;
  while (!rest.empty()) {
    const std::string_view line = trimmed(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rest.size(), rest.find('\n')));
    if (!rest.empty()) rest.remove_prefix(1);
    if (!line.starts_with(kKey)) continue;
    const std::string_view value = line.substr(kKey.size());
    mode = value == "enforcing" ? 1 : value == "permissive" ? 0 : -1;
  }
  return mode;
}

// Takes `key` and a number off the line's beginning.
std::optional<std::uint64_t> number_after(std::string_view line, std::string_view key,
                                          char end = '\0') {
  if (!line.starts_with(key)) return std::nullopt;
  line.remove_prefix(key.size());
  return parse_count(line.substr(0, line.find(end)));
}
}  // namespace

Result<Families> parse_avc_cache(std::string_view cache_stats_text) {
  const auto lines = split_lines(kCache, cache_stats_text);
  if (!lines) return tl::unexpected(lines.error());
  if (!lines->front().starts_with("lookups hits misses allocations reclaims frees")) {
    return refuse(kCache, "does not begin with its header line");
  }
  std::array<std::uint64_t, kCacheColumns.size()> sums{};
  for (std::size_t i = 1; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    for (std::uint64_t& sum : sums) {
      const auto value = parse_count(next_field(rest));
      if (!value) return refuse_line(kCache, i, (*lines)[i], "does not hold 6 counters");
      sum += *value;
    }
  }
  Families families;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const std::string column(kCacheColumns[c]);
    families.push_back(counter("node_selinux_avc_" + column + "_total", "SELinux AVC " + column,
                               static_cast<double>(sums[c])));
  }
  return families;
}

Result<Families> parse_avc_hash(std::string_view hash_stats_text) {
  constexpr std::string_view kBuckets = "buckets used: ";
  const auto lines = split_lines(kHash, hash_stats_text);
  if (!lines) return tl::unexpected(lines.error());
  if (lines->size() < 3) return refuse(kHash, "has fewer than 3 lines");
  const auto entries = number_after((*lines)[0], "entries: ");
  const auto used = number_after((*lines)[1], kBuckets, '/');
  const std::size_t slash = (*lines)[1].find('/');
  const auto available =
      slash == std::string_view::npos ? std::nullopt : parse_count((*lines)[1].substr(slash + 1));
  const auto longest = number_after((*lines)[2], "longest chain: ");
  if (!entries || !used || !available || !longest) {
    return refuse(kHash, "does not tell entries, buckets used and the longest chain");
  }
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  return Families{
      gauge("node_selinux_avc_hash_buckets_available", "SELinux AVC hash buckets available",
            number(*available)),
      gauge("node_selinux_avc_hash_buckets_used", "SELinux AVC hash buckets used", number(*used)),
      gauge("node_selinux_avc_hash_entries", "SELinux AVC hash entries", number(*entries)),
      gauge("node_selinux_avc_hash_longest_chain", "SELinux AVC hash longest chain",
            number(*longest))};
}

Result<Families> collect_selinux(const HostFs& fs) {
  constexpr const char* kEnabledHelp = "SELinux is enabled, 1 is true, 0 is false";
  const auto enforce = fs.read(kEnforce.path);
  if (!enforce && enforce.error().code == Code::NotFound) {
    return Families{gauge("node_selinux_enabled", kEnabledHelp, 0)};
  }
  if (!enforce) return tl::unexpected(enforce.error());
  // The kernel writes no newline after it.
  const auto mode = parse_count(trimmed(*enforce));
  if (!mode) return refuse(kEnforce, "does not hold a number");
  Families all{
      gauge("node_selinux_enabled", kEnabledHelp, 1),
      gauge("node_selinux_config_mode", "Configured SELinux enforcement mode", configured_mode(fs)),
      gauge("node_selinux_current_mode", "Current SELinux enforcement mode",
            static_cast<double>(*mode))};
  const auto cache_text = fs.read(kCache.path);
  if (!cache_text) return tl::unexpected(cache_text.error());
  auto cache = parse_avc_cache(*cache_text);
  if (!cache) return cache;
  const auto hash_text = fs.read(kHash.path);
  if (!hash_text) return tl::unexpected(hash_text.error());
  auto hash = parse_avc_hash(*hash_text);
  if (!hash) return hash;
  std::move(cache->begin(), cache->end(), std::back_inserter(all));
  std::move(hash->begin(), hash->end(), std::back_inserter(all));
  const auto threshold = fs.read(kThreshold.path);
  if (!threshold) return tl::unexpected(threshold.error());
  const auto value = parse_count(trimmed(*threshold));
  if (!value) return refuse(kThreshold, "does not hold a number");
  all.push_back(
      gauge("node_selinux_avc_threshold", "SELinux AVC threshold", static_cast<double>(*value)));
  return all;
}

}  // namespace muster::collector
