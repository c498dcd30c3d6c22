// What is a collector, and what may be set on it?
//
// Pure values. A collector is a function from what the machine says to families of samples, with a
// name that is node_exporter's, so that its users' alerts and flags work here. It is never run
// twice at the same time, so that it may keep what it saw last.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/sample.h"
#include "collector/host_fs.h"

namespace muster::collector {

// Whether something of this name (a device, a mount point, a field) is kept. Empty: all are.
using Filter = std::function<bool(std::string_view name)>;
[[nodiscard]] inline bool kept(const Filter& filter, std::string_view name) {
  return !filter || filter(name);
}

// Sentences for the log: what a collector left out and why, when the rest of it is well.
using Complaints = std::vector<std::string>;

// One copy of a workload on this node, as the agent knows it.
struct Copy {
  std::string workload;
  InstanceId id = 0;
  std::int64_t pid = 0;          // that the agent started; 0: nothing runs
  std::uint64_t start_time = 0;  // of that process, in ticks since boot
  std::uint64_t restarts = 0;
};

// On an error the collector's success is 0 and nothing of it is shown.
using Collect = std::function<Result<Families>(const HostFs&, Complaints&)>;

// What another collector, which ran in the same scrape and succeeded, shows.
struct Shown {
  std::string_view collector;
  const Families* families;  // not null
};
using Others = std::vector<Shown>;

// Takes out of `own`, what this collector has just returned, what cannot be shown beside the
// others.
using Settle = std::function<void(const Others& others, Families& own, Complaints&)>;

struct Collector {
  std::string name;
  bool by_default = true;  // runs unless the configuration says otherwise
  Collect collect;
  Settle settle = {};  // called after all have run, if collect succeeded; most have none
};

// The flags of node_exporter that are named in the comments; docs/METRICS.md has their defaults.
struct CollectorOptions {
  Filter arp_devices;        // collector.arp.device-include, -exclude
  Filter disk_devices;       // collector.diskstats.device-include, -exclude
  Filter mount_points;       // collector.filesystem.mount-points-exclude
  Filter fs_types;           // collector.filesystem.fs-types-exclude
  Filter netclass_devices;   // collector.netclass.ignored-devices
  Filter netdev_devices;     // collector.netdev.device-include, -exclude
  Filter netstat_fields;     // collector.netstat.fields, on names as Tcp_RetransSegs
  Filter vmstat_fields;      // collector.vmstat.fields
  bool cpu_info = false;     // collector.cpu.info
  Filter systemd_units;      // collector.systemd.unit-include, -exclude
  std::string rootfs = "/";  // path.rootfs: taken off the mount points that it holds
  std::string textfiles;     // collector.textfile.directory; empty: none
  bool compat_1_5 = false;   // labels and families as node_exporter 1.5 had them
  std::function<std::vector<Copy>()> copies;  // what runs here now; empty: nothing. Any thread
  std::function<Result<Families>()> systemd;  // what is known of units; empty: nobody asks systemd
};

}  // namespace muster::collector
