#include "collector/mdadm.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"mdadm", "/proc/mdstat"};
constexpr std::array<std::string_view, 5> kStates{"active", "inactive", "recovering", "resync",
                                                  "check"};

enum Row : std::size_t { kRequired, kDisks, kState, kBlocks, kSynced, kRaidDisks, kDegraded };
constexpr std::array<FamilyRow, 7> kRows{{
    {"node_md_disks_required", "Total number of disks of device."},
    {"node_md_disks", "Number of active/failed/spare disks of device."},
    {"node_md_state", "Indicates the state of md-device."},
    {"node_md_blocks", "Total number of blocks on device."},
    {"node_md_blocks_synced", "Number of blocks synced on device."},
    {"node_md_raid_disks", "Number of raid disks on device."},
    {"node_md_degraded", "Number of degraded disks on device."},
}};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::uint64_t occurrences(std::string_view text, std::string_view part) {
  std::uint64_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// 12 of "12/34" with what closes it; the second number only with `second`.
std::optional<std::pair<std::uint64_t, std::uint64_t>> fraction(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto above = parse_count(text.substr(0, slash));
  const auto below = parse_count(text.substr(slash + 1));
  if (!above || !below) return std::nullopt;
  return std::pair{*above, *below};
}

// "1046528 blocks super 1.2 [2/1] [U_]" under "md0 : active raid1 sdb1[1] sda1[0]".
bool read_status(std::string_view device_line, std::string_view status, MdArray& array) {
  const auto fields = split_fields(status);
  const auto blocks = fields.empty() ? std::nullopt : parse_count(fields[0]);
  if (!blocks) return false;
  array.blocks = array.blocks_synced = *blocks;
  if (contains(device_line, "raid0") || contains(device_line, "linear")) {
    array.disks_required = array.disks_active = occurrences(device_line, "[");
    return true;
  }
  if (contains(device_line, "inactive")) return true;
  for (std::size_t i = 1; i + 1 < fields.size(); ++i) {
    const std::string_view disks = fields[i];
    if (!disks.starts_with('[') || !disks.ends_with(']') || !fields[i + 1].starts_with('[')) {
      continue;
    }
    const auto counts = fraction(disks.substr(1, disks.size() - 2));
    if (!counts) continue;
    array.disks_required = counts->first;
    array.disks_active = counts->second;
    return true;
  }
  return false;
}

// "[==>....]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec"
bool read_progress(std::string_view line, MdArray& array) {
  if (contains(line, "recovery")) {
    array.state = "recovering";
  } else if (contains(line, "check")) {
    array.state = "check";
  } else if (contains(line, "resync")) {
    array.state = "resync";
  } else {
    return true;
  }
  if (contains(line, "PENDING") || contains(line, "DELAYED")) {
    array.blocks_synced = 0;
    return true;
  }
  const std::size_t open = line.find('(');
  const std::size_t close = line.find(')', std::min(open, line.size()));
  if (close == std::string_view::npos) return false;
  const auto done = fraction(line.substr(open + 1, close - open - 1));
  if (done) array.blocks_synced = done->first;
  return done.has_value();
}

void add_array(Families& families, const MdArray& array) {
  const auto add = [&](Row row, SampleLabels labels, std::uint64_t value) {
    labels.insert(labels.begin(), {"device", array.name});
    families[row].samples.push_back({std::move(labels), static_cast<double>(value)});
  };
  add(kRequired, {}, array.disks_required);
  add(kDisks, {{"state", "active"}}, array.disks_active);
  add(kDisks, {{"state", "failed"}}, array.disks_failed);
  add(kDisks, {{"state", "spare"}}, array.disks_spare);
  for (const std::string_view state : kStates) {
    add(kState, {{"state", std::string(state)}}, state == array.state ? 1 : 0);
  }
  add(kBlocks, {}, array.blocks);
  add(kSynced, {}, array.blocks_synced);
}
}  // namespace

Result<std::vector<MdArray>> parse_mdstat(std::string_view text) {
  const auto lines = split_lines(kSource, text);
  if (!lines) return tl::unexpected(lines.error());
  std::vector<MdArray> arrays;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const std::string_view line = (*lines)[i];
    const bool begins = !trimmed(line).empty() && line.front() != ' ' && line.front() != '\t' &&
                        !line.starts_with("Personalities") && !line.starts_with("unused");
    if (!begins) continue;
    const auto fields = split_fields(line);
    if (fields.size() < 3 || fields[1] != ":" || i + 2 >= lines->size()) {
      return refuse_line(kSource, i, line, "does not begin an array");
    }
    if (!names.insert(fields[0]).second) {
      return refuse_line(kSource, i, line, "names an array for the second time");
    }
    MdArray array;
    array.name = fields[0];
    array.state = fields[2];
    array.disks_failed = occurrences(line, "(F)");
    array.disks_spare = occurrences(line, "(S)");
    if (!read_status(line, (*lines)[i + 1], array)) {
      return refuse_line(kSource, i + 1, (*lines)[i + 1], "does not tell an array's status");
    }
    const std::size_t progress = contains((*lines)[i + 2], "bitmap") ? i + 3 : i + 2;
    if (progress < lines->size() && !read_progress((*lines)[progress], array)) {
      return refuse_line(kSource, progress, (*lines)[progress],
                         "does not tell an array's progress");
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

Result<Families> collect_mdadm(const HostFs& fs, const CollectorOptions& options) {
  const auto text = fs.read(kSource.path);
  if (!text) return tl::unexpected(text.error());
  const auto arrays = parse_mdstat(*text);
  if (!arrays) return tl::unexpected(arrays.error());
  Families families = empty_families(kRows);
  SysAttributes sys(fs, kSource.collector);
  for (const MdArray& array : *arrays) {
    add_array(families, array);
    if (options.compat_1_5) continue;
    const std::string directory = "/sys/block/" + array.name + "/md/";
    auto disks = sys.text(directory + "raid_disks");  // "4 (3)" while it is reshaped
    if (!disks) continue;
    const auto wanted = parse_count(disks->substr(0, disks->find(' ')));
    if (!wanted) {
      sys.refuse(directory + "raid_disks", "does not hold a count");
      continue;
    }
    // Levels without redundancy have no such file: they are never degraded, they fail.
    const auto missing = sys.count(directory + "degraded").value_or(0);
    const SampleLabels labels{{"device", array.name}};
    families[kRaidDisks].samples.push_back({labels, static_cast<double>(*wanted)});
    families[kDegraded].samples.push_back({labels, static_cast<double>(missing)});
  }
  if (sys.error()) return tl::unexpected(*sys.error());
  return families;
}

}  // namespace muster::collector
