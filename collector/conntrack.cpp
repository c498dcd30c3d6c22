#include "collector/conntrack.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "collector/family.h"
#include "collector/lone_count.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kEntries{"conntrack", "/proc/sys/net/netfilter/nf_conntrack_count"};
constexpr Source kLimit{"conntrack", "/proc/sys/net/netfilter/nf_conntrack_max"};
constexpr Source kStat{"conntrack", "/proc/net/stat/nf_conntrack"};

struct Column {
  std::string_view name;
  std::string_view help;
};
constexpr std::array<Column, 8> kColumns{{
    {"drop", "Number of packets dropped due to conntrack failure."},
    {"early_drop",
     "Number of dropped conntrack entries to make room for new ones, if maximum table size was "
     "reached."},
    {"found", "Number of searched entries which were successful."},
    {"ignore", "Number of packets seen which are already connected to a conntrack entry."},
    {"insert", "Number of entries inserted into the list."},
    {"insert_failed", "Number of entries for which list insertion was attempted but failed."},
    {"invalid", "Number of packets seen which can not be tracked."},
    {"search_restart",
     "Number of conntrack table lookups which had to be restarted due to hashtable resizes."},
}};
}  // namespace

Result<Families> parse_conntrack_stat(std::string_view stat_text) {
  const auto lines = split_lines(kStat, stat_text);
  if (!lines) return tl::unexpected(lines.error());
  const auto header = split_fields(lines->front());
  std::array<std::size_t, kColumns.size()> places{};
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    const auto found = std::find(header.begin(), header.end(), kColumns[c].name);
    places[c] = static_cast<std::size_t>(found - header.begin());
    // search_restart came with Linux 2.6.35.
    if (found == header.end() && kColumns[c].name != "search_restart") {
      return refuse(kStat, "has no column " + std::string(kColumns[c].name));
    }
  }
  std::array<std::uint64_t, kColumns.size()> sums{};
  for (std::size_t i = 1; i < lines->size(); ++i) {
    const auto fields = split_fields((*lines)[i]);
    if (fields.size() != header.size()) {
      return refuse_line(kStat, i, (*lines)[i], "does not fit the header");
    }
    for (std::size_t c = 0; c < kColumns.size(); ++c) {
      if (places[c] == fields.size()) continue;
      const auto value = parse_hex(fields[places[c]]);
      if (!value) return refuse_line(kStat, i, (*lines)[i], "holds no hexadecimal numbers");
      sums[c] += *value;
    }
  }
  Families families;
  for (std::size_t c = 0; c < kColumns.size(); ++c) {
    std::string name = "node_nf_conntrack_stat_";
    families.push_back(gauge(name.append(kColumns[c].name), std::string(kColumns[c].help),
                             static_cast<double>(sums[c])));
  }
  return families;
}

Result<Families> collect_conntrack(const HostFs& fs) {
  const auto entries = read_lone_count(fs, kEntries);
  if (!entries) return tl::unexpected(entries.error());
  const auto limit = read_lone_count(fs, kLimit);
  if (!limit) return tl::unexpected(limit.error());
  Families all{gauge("node_nf_conntrack_entries",
                     "Number of currently allocated flow entries for connection tracking.",
                     static_cast<double>(*entries)),
               gauge("node_nf_conntrack_entries_limit",
                     "Maximum size of connection tracking table.", static_cast<double>(*limit))};
  const auto text = fs.read(kStat.path);
  if (!text && text.error().code == Code::NotFound) return all;
  if (!text) return tl::unexpected(text.error());
  auto stat = parse_conntrack_stat(*text);
  if (!stat) return stat;
  std::move(stat->begin(), stat->end(), std::back_inserter(all));
  return all;
}

}  // namespace muster::collector
