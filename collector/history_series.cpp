#include "collector/history_series.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace muster::collector {
namespace {

struct Plain {  // the family's samples added up, or how fast that grows
  SeriesKind kind;
  std::string_view family;
  bool rate = false;
};
constexpr std::array kPlain{
    Plain{{"load1", ""}, "node_load1"},
    Plain{{"load5", ""}, "node_load5"},
    Plain{{"load15", ""}, "node_load15"},
    Plain{{"processes_running", ""}, "node_procs_running"},
    Plain{{"processes_blocked", ""}, "node_procs_blocked"},
    Plain{{"context_switches", "1/s"}, "node_context_switches_total", true},
    Plain{{"interrupts", "1/s"}, "node_intr_total", true},
    Plain{{"forks", "1/s"}, "node_forks_total", true},
    Plain{{"memory_total", "bytes"}, "node_memory_MemTotal_bytes"},
    Plain{{"memory_available", "bytes"}, "node_memory_MemAvailable_bytes"},
    Plain{{"memory_free", "bytes"}, "node_memory_MemFree_bytes"},
    Plain{{"memory_buffers", "bytes"}, "node_memory_Buffers_bytes"},
    Plain{{"memory_cached", "bytes"}, "node_memory_Cached_bytes"},
    Plain{{"memory_anonymous", "bytes"}, "node_memory_AnonPages_bytes"},
    Plain{{"memory_shared", "bytes"}, "node_memory_Shmem_bytes"},
    Plain{{"memory_slab", "bytes"}, "node_memory_Slab_bytes"},
    Plain{{"memory_dirty", "bytes"}, "node_memory_Dirty_bytes"},
    Plain{{"memory_committed", "bytes"}, "node_memory_Committed_AS_bytes"},
    Plain{{"swap_total", "bytes"}, "node_memory_SwapTotal_bytes"},
    Plain{{"swap_free", "bytes"}, "node_memory_SwapFree_bytes"},
    Plain{{"swap_in", "1/s"}, "node_vmstat_pswpin", true},
    Plain{{"swap_out", "1/s"}, "node_vmstat_pswpout", true},
    Plain{{"major_faults", "1/s"}, "node_vmstat_pgmajfault", true},
    Plain{{"oom_kills", "1/s"}, "node_vmstat_oom_kill", true},
    Plain{{"pressure_cpu", "ratio"}, "node_pressure_cpu_waiting_seconds_total", true},
    Plain{{"pressure_memory", "ratio"}, "node_pressure_memory_waiting_seconds_total", true},
    Plain{{"pressure_memory_full", "ratio"}, "node_pressure_memory_stalled_seconds_total", true},
    Plain{{"pressure_io", "ratio"}, "node_pressure_io_waiting_seconds_total", true},
    Plain{{"pressure_io_full", "ratio"}, "node_pressure_io_stalled_seconds_total", true},
    Plain{{"tcp_connections", ""}, "node_netstat_Tcp_CurrEstab"},
    Plain{{"tcp_sockets", ""}, "node_sockstat_TCP_inuse"},
    Plain{{"tcp_time_wait", ""}, "node_sockstat_TCP_tw"},
    Plain{{"tcp_retransmits", "1/s"}, "node_netstat_Tcp_RetransSegs", true},
    Plain{{"udp_errors", "1/s"}, "node_netstat_Udp_InErrors", true},
    Plain{{"softnet_dropped", "1/s"}, "node_softnet_dropped_total", true},
    Plain{{"conntrack_entries", ""}, "node_nf_conntrack_entries"},
    Plain{{"file_descriptors", ""}, "node_filefd_allocated"},
    Plain{{"clock_offset", "s"}, "node_timex_offset_seconds"},
    Plain{{"muster_cpu", "ratio"}, "process_cpu_seconds_total", true},
    Plain{{"muster_memory", "bytes"}, "process_resident_memory_bytes"},
    Plain{{"muster_instances", ""}, "muster_instances"},
    Plain{{"muster_health_score", ""}, "muster_gossip_health_score"},
    Plain{{"muster_leaderless", "s"}, "muster_leaderless_seconds"},
};

struct PerDevice {
  SeriesKind kind;
  std::string_view family;
  std::string_view total{};  // the series in which all devices are added up; empty: there is none
};
constexpr std::array kNetwork{
    PerDevice{{"network_receive", "bytes/s"},
              "node_network_receive_bytes_total",
              "network_receive_total"},
    PerDevice{{"network_transmit", "bytes/s"},
              "node_network_transmit_bytes_total",
              "network_transmit_total"},
    PerDevice{{"network_receive_packets", "1/s"}, "node_network_receive_packets_total"},
    PerDevice{{"network_transmit_packets", "1/s"}, "node_network_transmit_packets_total"},
    PerDevice{{"network_receive_errors", "1/s"}, "node_network_receive_errs_total"},
    PerDevice{{"network_transmit_errors", "1/s"}, "node_network_transmit_errs_total"},
    PerDevice{{"network_receive_drops", "1/s"}, "node_network_receive_drop_total"},
};
constexpr std::array kDisks{
    PerDevice{{"disk_read", "bytes/s"}, "node_disk_read_bytes_total", "disk_read_total"},
    PerDevice{{"disk_write", "bytes/s"}, "node_disk_written_bytes_total", "disk_write_total"},
    PerDevice{{"disk_reads", "1/s"}, "node_disk_reads_completed_total"},
    PerDevice{{"disk_writes", "1/s"}, "node_disk_writes_completed_total"},
    PerDevice{{"disk_busy", "ratio"}, "node_disk_io_time_seconds_total"},
    PerDevice{{"disk_queue", ""}, "node_disk_io_time_weighted_seconds_total"},
};

// What is worked out of more than one family, or of parts of one.
constexpr std::array kOthers{
    SeriesKind{"cpu_busy", "ratio"},
    SeriesKind{"cpu_user", "ratio"},
    SeriesKind{"cpu_nice", "ratio"},
    SeriesKind{"cpu_system", "ratio"},
    SeriesKind{"cpu_idle", "ratio"},
    SeriesKind{"cpu_iowait", "ratio"},
    SeriesKind{"cpu_irq", "ratio"},
    SeriesKind{"cpu_softirq", "ratio"},
    SeriesKind{"cpu_steal", "ratio"},
    SeriesKind{"memory_used", "ratio"},
    SeriesKind{"swap_used", "ratio"},
    SeriesKind{"network_receive_total", "bytes/s"},
    SeriesKind{"network_transmit_total", "bytes/s"},
    SeriesKind{"disk_read_total", "bytes/s"},
    SeriesKind{"disk_write_total", "bytes/s"},
    SeriesKind{"filesystem_used", "ratio"},
    SeriesKind{"filesystem_available", "bytes"},
    SeriesKind{"filesystem_inodes_used", "ratio"},
    SeriesKind{"temperature_max", "celsius"},
    SeriesKind{"muster_members_alive", ""},
    SeriesKind{"muster_members_suspect", ""},
    SeriesKind{"muster_members_failed", ""},
};

constexpr std::size_t kKinds = kPlain.size() + kNetwork.size() + kDisks.size() + kOthers.size();

constexpr std::array<SeriesKind, kKinds> all_kinds() {
  std::array<SeriesKind, kKinds> kinds{};
  std::size_t at = 0;
  for (const SeriesKind& kind : kOthers) kinds[at++] = kind;
  for (const Plain& plain : kPlain) kinds[at++] = plain.kind;
  for (const PerDevice& one : kNetwork) kinds[at++] = one.kind;
  for (const PerDevice& one : kDisks) kinds[at++] = one.kind;
  return kinds;
}
constexpr std::array kAllKinds = all_kinds();

std::string_view label(const Sample& sample, std::string_view name) {
  for (const auto& [key, value] : sample.labels) {
    if (key == name) return value;
  }
  return {};
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> heads) {
  return std::any_of(heads.begin(), heads.end(),
                     [&](std::string_view head) { return text.starts_with(head); });
}

// Ends of containers come and go and say nothing of the machine.
bool passing_link(std::string_view device) {
  return device == "lo" || begins_with_any(device, {"veth", "cali", "lxc", "tap", "vnet", "dummy"});
}
// Whose traffic is counted on another device too.
bool stacked_link(std::string_view device) {
  return begins_with_any(device, {"docker", "br-", "virbr", "cni", "flannel", "bond", "team"}) ||
         device.find('.') != std::string_view::npos;
}
bool passing_disk(std::string_view device) {
  return begins_with_any(device, {"loop", "ram", "zram", "fd", "sr"});
}
bool stacked_disk(std::string_view device) { return begins_with_any(device, {"dm-", "md"}); }

// Of outside text; a comma would end it in a query. Nothing when it is too long to be typed.
std::optional<std::string> series_name(std::string_view kind, std::string_view device) {
  constexpr std::size_t kDeviceBytesMax = 100;
  if (device.empty() || device.size() > kDeviceBytesMax) return std::nullopt;
  std::string name(kind);
  name += ':';
  for (const char c : device) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_./:@+=-").find(c) != std::string_view::npos;
    name += fine ? c : '_';
  }
  return name;
}

// One reading of everything.
class Pass {
 public:
  Pass(const Families& families, const std::map<std::string, double>& before, double elapsed_s)
      : before_(before), elapsed_s_(elapsed_s) {
    for (const Family& family : families) by_name_.try_emplace(family.name, &family);
  }

  void run() {
    for (const Plain& plain : kPlain) {
      const auto value = sum(plain.family);
      if (!value) continue;
      put(plain.kind.name, plain.rate ? rate(std::string(plain.kind.name), *value) : value);
    }
    cpu();
    share_used("memory_used", "memory_total", "memory_available");
    share_used("swap_used", "swap_total", "swap_free");
    devices(kNetwork, passing_link, stacked_link);
    devices(kDisks, passing_disk, stacked_disk);
    filesystems();
    temperature();
    members();
  }

  Measured measured;
  std::map<std::string, double> counters;

 private:
  const Family* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() || found->second->samples.empty() ? nullptr : found->second;
  }
  std::optional<double> sum(std::string_view name) const {
    const Family* family = find(name);
    if (family == nullptr) return std::nullopt;
    double sum = 0;
    for (const Sample& sample : family->samples) sum += sample.value;
    return sum;
  }
  // How far the counter went since the reading before.
  std::optional<double> grown(const std::string& key, double value) {
    counters[key] = value;
    const auto found = before_.find(key);
    if (found == before_.end() || value < found->second) return std::nullopt;
    return value - found->second;
  }
  std::optional<double> rate(const std::string& key, double value) {
    const auto by = grown(key, value);
    if (!by || elapsed_s_ <= 0) return std::nullopt;
    return *by / elapsed_s_;
  }
  void put(std::string_view series, std::optional<double> value) {
    if (value) measured.insert_or_assign(std::string(series), static_cast<float>(*value));
  }

  void cpu() {
    constexpr std::array<std::string_view, 8> kModes{"user",   "nice", "system",  "idle",
                                                     "iowait", "irq",  "softirq", "steal"};
    const Family* family = find("node_cpu_seconds_total");
    if (family == nullptr) return;
    std::map<std::string_view, double> seconds;
    for (const Sample& sample : family->samples) seconds[label(sample, "mode")] += sample.value;
    std::map<std::string_view, double> by;
    double all = 0;
    for (const std::string_view mode : kModes) {
      const auto grew = grown("cpu_" + std::string(mode), seconds[mode]);
      // Less than before: a processor went away, or came back anew.
      if (grew) all += by[mode] = *grew;
    }
    if (by.size() != kModes.size() || all <= 0) return;
    for (const std::string_view mode : kModes) put("cpu_" + std::string(mode), by[mode] / all);
    put("cpu_busy", 1 - (by["idle"] + by["iowait"]) / all);
  }

  void share_used(std::string_view series, const char* total, const char* left) {
    const auto all = measured.find(total);
    const auto rest = measured.find(left);
    if (all == measured.end() || rest == measured.end() || all->second <= 0) return;
    put(series, 1 - static_cast<double>(rest->second) / static_cast<double>(all->second));
  }

  template <std::size_t kCount>
  void devices(const std::array<PerDevice, kCount>& kinds, bool (*passing)(std::string_view),
               bool (*stacked)(std::string_view)) {
    std::set<std::string_view> taken;
    for (const PerDevice& kind : kinds) {
      const Family* family = find(kind.family);
      if (family == nullptr) continue;
      double total = 0;
      bool any = false;
      for (const Sample& sample : family->samples) {
        const std::string_view device = label(sample, "device");
        if (passing(device) ||
            (taken.size() >= SeriesReader::kDevicesMax && !taken.contains(device)))
          continue;
        const auto name = series_name(kind.kind.name, device);
        if (!name) continue;
        taken.insert(device);
        const auto value = rate(*name, sample.value);
        put(*name, value);
        if (!value || stacked(device)) continue;
        any = true;
        total += *value;
      }
      if (any && !kind.total.empty()) put(kind.total, total);
    }
  }

  void filesystems() {
    std::map<std::string_view, double> size = by_mount("node_filesystem_size_bytes");
    std::map<std::string_view, double> free = by_mount("node_filesystem_free_bytes");
    std::map<std::string_view, double> available = by_mount("node_filesystem_avail_bytes");
    std::map<std::string_view, double> files = by_mount("node_filesystem_files");
    std::map<std::string_view, double> files_free = by_mount("node_filesystem_files_free");
    std::size_t count = 0;
    for (const auto& [mount, bytes] : size) {
      const auto used = series_name("filesystem_used", mount);
      if (bytes <= 0 || !used || ++count > SeriesReader::kDevicesMax) continue;
      // As df says: of what others than root can use.
      const double taken = bytes - free[mount];
      const double usable = taken + available[mount];
      if (usable > 0) put(*used, taken / usable);
      put(*series_name("filesystem_available", mount), available[mount]);
      if (files[mount] > 0) {
        put(*series_name("filesystem_inodes_used", mount), 1 - files_free[mount] / files[mount]);
      }
    }
  }
  std::map<std::string_view, double> by_mount(std::string_view name) const {
    std::map<std::string_view, double> values;
    const Family* family = find(name);
    if (family == nullptr) return values;
    for (const Sample& sample : family->samples) {
      values[label(sample, "mountpoint")] = sample.value;
    }
    return values;
  }

  void temperature() {
    std::optional<double> highest;
    for (const std::string_view name : {"node_hwmon_temp_celsius", "node_thermal_zone_temp"}) {
      const Family* family = find(name);
      if (family == nullptr) continue;
      for (const Sample& sample : family->samples) {
        highest = std::max(highest.value_or(sample.value), sample.value);
      }
    }
    put("temperature_max", highest);
  }

  void members() {
    const Family* family = find("muster_members");
    if (family == nullptr) return;
    for (const Sample& sample : family->samples) {
      const std::string series = "muster_members_" + std::string(label(sample, "state"));
      if (kind_of(series) != nullptr) put(series, sample.value);
    }
  }

  std::map<std::string_view, const Family*> by_name_;
  const std::map<std::string, double>& before_;
  double elapsed_s_;
};

}  // namespace

std::span<const SeriesKind> series_kinds() { return kAllKinds; }

const SeriesKind* kind_of(std::string_view series) {
  const std::string_view name = series.substr(0, series.find(':'));
  const auto named = [&](const SeriesKind& kind) { return kind.name == name; };
  const auto one_a_device = [&](const PerDevice& one) { return named(one.kind); };
  const bool per_device = std::any_of(kNetwork.begin(), kNetwork.end(), one_a_device) ||
                          std::any_of(kDisks.begin(), kDisks.end(), one_a_device) ||
                          name.starts_with("filesystem_");
  if (per_device == (name.size() == series.size())) return nullptr;
  const auto* found = std::find_if(kAllKinds.begin(), kAllKinds.end(), named);
  return found == kAllKinds.end() ? nullptr : found;
}

bool feeds_history(std::string_view collector) {
  constexpr std::array<std::string_view, 17> kFeeding{
      "conntrack", "cpu",     "diskstats",    "filefd",  "filesystem", "hwmon",
      "loadavg",   "meminfo", "netdev",       "netstat", "pressure",   "sockstat",
      "softnet",   "stat",    "thermal_zone", "timex",   "vmstat"};
  return std::find(kFeeding.begin(), kFeeding.end(), collector) != kFeeding.end();
}

Measured SeriesReader::read(const Families& families, Instant at) {
  Pass pass(families, before_, before_.empty() ? 0 : seconds(at - before_at_));
  pass.run();
  before_ = std::move(pass.counters);
  before_at_ = at;
  return std::move(pass.measured);
}

}  // namespace muster::collector
