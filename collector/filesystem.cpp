#include "collector/filesystem.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "collector/family_table.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

enum Row : std::size_t { kSize, kFree, kAvail, kFiles, kFilesFree, kReadOnly, kError, kMountInfo };
constexpr std::array<FamilyRow, 8> kRows{{
    {"node_filesystem_size_bytes", "Filesystem size in bytes."},
    {"node_filesystem_free_bytes", "Filesystem free space in bytes."},
    {"node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes."},
    {"node_filesystem_files", "Filesystem total file nodes."},
    {"node_filesystem_files_free", "Filesystem total free file nodes."},
    {"node_filesystem_readonly", "Filesystem read-only status."},
    {"node_filesystem_device_error",
     "Whether an error occurred while getting statistics for the given device."},
    {"node_filesystem_mount_info", "Filesystem mount information."},
}};

// The kernel writes blanks, newlines, backslashes and # in names as \ and three octal digits.
std::string unescaped(std::string_view field) {
  const auto octal = [&](std::size_t i) { return field[i] >= '0' && field[i] <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && field[i + 1] <= '3' && octal(i + 1) &&
        octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                               (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

bool has_option(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const std::size_t comma = options.find(',');
    if (options.substr(0, comma) == wanted) return true;
    options.remove_prefix(comma == std::string_view::npos ? options.size() : comma + 1);
  }
  return false;
}

Result<std::vector<Mount>> read_mounts(const HostFs& fs, bool compat_1_5) {
  const std::string_view file = compat_1_5 ? "mounts" : "mountinfo";
  auto text = fs.read("/proc/1/" + std::string(file));
  // With hidepid, process 1 is not to be seen by others than root.
  if (!text && text.error().code == Code::NotFound) {
    text = fs.read("/proc/self/" + std::string(file));
  }
  if (!text) return tl::unexpected(text.error());
  return compat_1_5 ? parse_mounts(*text) : parse_mountinfo(*text);
}

// As seen below the root that stands for /: "/host/var" is "/var" below "/host".
std::string below_root(std::string_view path, std::string_view root) {
  while (root.ends_with('/')) root.remove_suffix(1);
  if (root.empty() || !path.starts_with(root)) return std::string(path);
  path.remove_prefix(root.size());
  if (path.empty()) return "/";
  return path.front() == '/' ? std::string(path) : std::string(root) += path;
}

// "cannot read /mnt/nfs: Stale file handle" -> "stale file handle".
std::string reason(const Error& error) {
  if (error.code == Code::Timeout) return "mountpoint timeout";
  const std::size_t colon = error.text.rfind(": ");
  std::string why = colon == std::string::npos ? error.text : error.text.substr(colon + 2);
  if (why.size() > 1 && why[0] >= 'A' && why[0] <= 'Z' && why[1] >= 'a') {
    why[0] = static_cast<char>(why[0] - 'A' + 'a');
  }
  return why;
}

SampleLabels labels_of(const Mount& mount, const std::string& device_error, bool compat_1_5) {
  SampleLabels labels{{"device", mount.device}};
  if (!compat_1_5) labels.emplace_back("device_error", device_error);
  labels.emplace_back("fstype", mount.fs_type);
  labels.emplace_back("mountpoint", mount.mount_point);
  return labels;
}

// Its server may be gone, and then as many mounts hang as there are of it.
bool is_remote(std::string_view type) {
  constexpr std::string_view kTypes[] = {"9p",        "afs",    "beegfs", "ceph", "cifs",
                                         "glusterfs", "lustre", "nfs",    "nfs4", "smb2",
                                         "smb3",      "smbfs",  "sshfs",  "coda", "gpfs"};
  return type.starts_with("fuse") ||
         std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

// Those of this machine whose usage the kernel keeps in memory: asking for it waits for nobody, not
// even for a disk that is gone. Nor does passing through them on the way to another.
bool answers_at_once(std::string_view fs_type) {
  constexpr std::array<std::string_view, 22> kTypes{
      "bpf",   "cgroup",     "cgroup2", "configfs",  "debugfs", "devpts", "devtmpfs", "ext2",
      "ext3",  "ext4",       "fusectl", "hugetlbfs", "mqueue",  "nsfs",   "proc",     "pstore",
      "ramfs", "securityfs", "sysfs",   "tmpfs",     "tracefs", "xfs"};
  static_assert(std::is_sorted(kTypes.begin(), kTypes.end()));
  return std::binary_search(kTypes.begin(), kTypes.end(), fs_type);
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  if (!path.starts_with(directory)) return false;
  return directory.ends_with('/') || path.size() == directory.size() ||
         path[directory.size()] == '/';
}

// What is mounted at or below these may never answer, whatever it is itself.
std::vector<std::string> doubtful(const std::vector<Mount>& mounts) {
  std::vector<std::string> out;
  for (const Mount& mount : mounts) {
    if (!answers_at_once(mount.fs_type)) out.push_back(mount.mount_point);
  }
  return out;
}

// In the order of `mounts`. The doubted are asked at once, watched, so that one that hangs holds up
// no other, and this machine's own first: they are known to answer when so many hang that no others
// are asked.
std::vector<Result<FsUsage>> usages_of(const HostFs& fs, const std::vector<Mount>& mounts,
                                       const std::vector<std::string>& doubted) {
  std::vector<Result<FsUsage>> out(mounts.size());
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const std::string& path = mounts[i].mount_point;
    const bool doubt = std::any_of(doubted.begin(), doubted.end(), [&](const auto& directory) {
      return is_at_or_below(path, directory);
    });
    if (doubt) {
      order.push_back(i);
    } else {
      out[i] = fs.usage(path);
    }
  }
  if (order.empty()) return out;
  std::stable_partition(order.begin(), order.end(),
                        [&](std::size_t i) { return !is_remote(mounts[i].fs_type); });
  std::vector<std::string> paths;
  paths.reserve(order.size());
  for (const std::size_t i : order) paths.push_back(mounts[i].mount_point);
  auto found = fs.usage_of_all(paths);
  for (std::size_t k = 0; k < order.size(); ++k) out[order[k]] = std::move(found[k]);
  return out;
}

Families shown(const std::vector<Mount>& mounts, const std::vector<Result<FsUsage>>& usages,
               bool compat_1_5, Complaints& complaints) {
  Families families = empty_families(kRows);
  for (Family& family : families) family.samples.reserve(mounts.size());
  std::set<std::tuple<std::string, std::string, std::string, std::string>> told;
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const Mount& mount = mounts[i];
    const Result<FsUsage>& usage = usages[i];
    const auto labels = labels_of(mount, usage ? "" : reason(usage.error()), compat_1_5);
    const auto add = [&](Row row, double value) {
      families[row].samples.push_back({labels, value});
    };
    add(kError, usage ? 0 : 1);
    if (usage || !compat_1_5) add(kReadOnly, mount.read_only ? 1 : 0);
    if (!usage && usage.error().code == Code::Timeout) {
      complaints.push_back("collector filesystem: " + usage.error().text);
    }
    if (!usage) continue;
    add(kSize, static_cast<double>(usage->size_bytes));
    add(kFree, static_cast<double>(usage->free_bytes));
    add(kAvail, static_cast<double>(usage->available_bytes));
    add(kFiles, static_cast<double>(usage->files));
    add(kFilesFree, static_cast<double>(usage->files_free));
    if (!mount.major.empty() &&
        told.emplace(mount.device, mount.major, mount.minor, mount.mount_point).second) {
      families[kMountInfo].samples.push_back({{{"device", mount.device},
                                               {"major", mount.major},
                                               {"minor", mount.minor},
                                               {"mountpoint", mount.mount_point}},
                                              1});
    }
  }
  return families;
}
}  // namespace

Result<std::vector<Mount>> parse_mounts(std::string_view text) {
  constexpr Source kSource{"filesystem", "/proc/<pid>/mounts"};
  const auto lines = split_lines(kSource, text);
  if (!lines) return tl::unexpected(lines.error());
  std::vector<Mount> mounts;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto fields = split_fields((*lines)[i]);
    if (fields.size() < 4 || !fields[1].starts_with('/')) {
      return refuse_line(kSource, i, (*lines)[i], "does not describe a mount");
    }
    mounts.push_back({std::string(fields[0]), unescaped(fields[1]), std::string(fields[2]), "", "",
                      has_option(fields[3], "ro")});
  }
  return mounts;
}

Result<std::vector<Mount>> parse_mountinfo(std::string_view text) {
  constexpr Source kSource{"filesystem", "/proc/<pid>/mountinfo"};
  const auto lines = split_lines(kSource, text);
  if (!lines) return tl::unexpected(lines.error());
  std::vector<Mount> mounts;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto fields = split_fields((*lines)[i]);
    // "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw": any number of fields before the -.
    const auto dash = std::find(fields.begin() + std::min<std::ptrdiff_t>(6, std::ssize(fields)),
                                fields.end(), "-");
    const std::size_t colon = fields.size() > 2 ? fields[2].find(':') : std::string_view::npos;
    if (fields.end() - dash < 4 || colon == std::string_view::npos ||
        !parse_count(fields[2].substr(0, colon)) || !parse_count(fields[2].substr(colon + 1))) {
      return refuse_line(kSource, i, (*lines)[i], "does not describe a mount");
    }
    if (!fields[4].starts_with('/')) continue;  // not to be reached from this root
    mounts.push_back({std::string(dash[2]), unescaped(fields[4]), std::string(dash[1]),
                      std::string(fields[2].substr(0, colon)),
                      std::string(fields[2].substr(colon + 1)),
                      has_option(fields[5], "ro") || has_option(dash[3], "ro")});
  }
  return mounts;
}

Result<Families> collect_filesystem(const HostFs& fs, const CollectorOptions& options,
                                    Complaints& complaints) {
  auto mounts = read_mounts(fs, options.compat_1_5);
  if (!mounts) return tl::unexpected(mounts.error());
  // What is mounted twice at the same place is shown once: Prometheus would drop one of the two.
  std::set<std::tuple<std::string, std::string, std::string>> taken;
  // Below another root there are mounts on the way that the host does not know.
  const auto doubted = options.rootfs == "/" ? doubtful(*mounts) : std::vector<std::string>{"/"};
  std::vector<Mount> wanted;
  for (Mount& mount : *mounts) {
    mount.mount_point = below_root(mount.mount_point, options.rootfs);
    if (!kept(options.mount_points, mount.mount_point) || !kept(options.fs_types, mount.fs_type) ||
        !taken.emplace(mount.device, mount.mount_point, mount.fs_type).second) {
      continue;
    }
    wanted.push_back(std::move(mount));
  }
  return shown(wanted, usages_of(fs, wanted, doubted), options.compat_1_5, complaints);
}

}  // namespace muster::collector
