#include "collector/collectors.h"

#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "collector/arp.h"
#include "collector/bonding.h"
#include "collector/conntrack.h"
#include "collector/cpu.h"
#include "collector/cpu_info.h"
#include "collector/cpu_topology.h"
#include "collector/cpufreq.h"
#include "collector/diskstats.h"
#include "collector/dmi.h"
#include "collector/edac.h"
#include "collector/entropy.h"
#include "collector/filefd.h"
#include "collector/filesystem.h"
#include "collector/hwmon.h"
#include "collector/load.h"
#include "collector/mdadm.h"
#include "collector/memory.h"
#include "collector/netclass.h"
#include "collector/netdev.h"
#include "collector/netstat.h"
#include "collector/nvme.h"
#include "collector/os.h"
#include "collector/power_supply.h"
#include "collector/pressure.h"
#include "collector/rapl.h"
#include "collector/remembered_filter.h"
#include "collector/schedstat.h"
#include "collector/selinux.h"
#include "collector/sockstat.h"
#include "collector/softnet.h"
#include "collector/stat.h"
#include "collector/textfile.h"
#include "collector/thermal_zone.h"
#include "collector/time.h"
#include "collector/timex.h"
#include "collector/udp_queues.h"
#include "collector/uname.h"
#include "collector/vmstat.h"
#include "collector/workloads.h"

namespace muster::collector {
namespace {

using Parse = std::function<Result<Families>(std::string_view text)>;

// A collector that is one file.
Collect file(std::string path, Parse parse) {
  return [path = std::move(path), parse = std::move(parse)](const HostFs& fs,
                                                            Complaints&) -> Result<Families> {
    const auto text = fs.read(path);
    if (!text) return tl::unexpected(text.error());
    return parse(*text);
  };
}

// A collector that asks for more than one file, or for a call.
using Gather = Result<Families> (*)(const HostFs& fs);
Collect of(Gather gather) {
  return [gather](const HostFs& fs, Complaints&) { return gather(fs); };
}

Collect cpu(const CollectorOptions& options) {
  struct Kept {
    CpuCounters counters;
    CpuTopology topology;
  };
  return [kept = std::make_shared<Kept>(Kept{{}, CpuTopology(options.compat_1_5)}),
          info = options.cpu_info](const HostFs& fs, Complaints&) -> Result<Families> {
    const auto text = fs.read("/proc/stat");
    if (!text) return tl::unexpected(text.error());
    auto all = parse_cpu(*text, kept->counters);
    if (!all) return all;
    auto places = kept->topology.collect(fs, kept->counters.published());
    if (!places) return places;
    std::move(places->begin(), places->end(), std::back_inserter(*all));
    if (!info) return all;
    const auto cpuinfo = fs.read("/proc/cpuinfo");
    if (!cpuinfo) return tl::unexpected(cpuinfo.error());
    auto infos = parse_cpu_info(*cpuinfo);
    if (!infos) return infos;
    std::move(infos->begin(), infos->end(), std::back_inserter(*all));
    return all;
  };
}

Collect os(const CollectorOptions& options) {
  return [release = std::make_shared<OsRelease>(options.compat_1_5)](
             const HostFs& fs, Complaints&) { return release->collect(fs); };
}

using CollectWith = Result<Families> (*)(const HostFs& fs, const CollectorOptions& options);

// A collector that asks the machine itself, and keeps nothing but what its filters said last.
Collect asking(CollectorOptions options, CollectWith collect) {
  options.netclass_devices = remembered(std::move(options.netclass_devices));
  return [options = std::move(options), collect](const HostFs& fs, Complaints&) {
    return collect(fs, options);
  };
}

Collect filesystem(CollectorOptions options) {
  options.mount_points = remembered(std::move(options.mount_points));
  options.fs_types = remembered(std::move(options.fs_types));
  return [options = std::move(options)](const HostFs& fs, Complaints& complaints) {
    return collect_filesystem(fs, options, complaints);
  };
}

Collect netdev(const CollectorOptions& options) {
  return [devices = remembered(options.netdev_devices)](const HostFs& fs, Complaints&) {
    return collect_netdev(fs, devices);
  };
}

Collect diskstats(CollectorOptions options) {
  options.disk_devices = remembered(std::move(options.disk_devices));
  return [options = std::move(options), udev = std::make_shared<UdevData>()](
             const HostFs& fs, Complaints&) { return collect_diskstats(fs, options, *udev); };
}

Collect dmi() {  // once: the firmware says the same until the next boot
  return [known = std::make_shared<Families>()](const HostFs& fs, Complaints&) -> Result<Families> {
    if (!known->empty()) return *known;
    auto families = collect_dmi(fs);
    if (families) *known = *families;
    return families;
  };
}

Collector textfile(const CollectorOptions& options) {
  const auto files = std::make_shared<Textfiles>(options.textfiles);
  return {
      "textfile", true,
      [files](const HostFs& fs, Complaints& complaints) { return files->collect(fs, complaints); },
      [files](const Others& others, Families& own, Complaints& complaints) {
        files->settle(others, own, complaints);
      }};
}
Collect systemd(const CollectorOptions& options) {
  return [units = options.systemd](const HostFs&, Complaints&) -> Result<Families> {
    if (units) return units();
    return fail(Code::NotFound, "nobody asks systemd for its units");
  };
}

Collect workloads(const CollectorOptions& options) {
  return [copies = options.copies, kept = std::make_shared<Workloads>()](
             const HostFs& fs, Complaints&) -> Result<Families> {
    return kept->collect(fs, copies ? copies() : std::vector<Copy>());
  };
}
}  // namespace

// One row each, by their names.
std::vector<Collector> all_collectors(const CollectorOptions& options) {
  const bool old = options.compat_1_5;
  const auto arp = [devices = options.arp_devices](std::string_view text) {
    return parse_arp(text, devices);
  };
  const auto cpufreq = [old](const HostFs& fs, Complaints&) { return collect_cpufreq(fs, old); };
  const auto netstat = [fields = remembered(options.netstat_fields)](
                           const HostFs& fs, Complaints&) { return collect_netstat(fs, fields); };
  const auto pressure = [old](const HostFs& fs, Complaints&) { return collect_pressure(fs, old); };
  const auto softnet = [old](std::string_view text) { return parse_softnet(text, old); };
  const auto vmstat = [fields = remembered(options.vmstat_fields)](std::string_view text) {
    return parse_vmstat(text, fields);
  };
  return {
      {"arp", true, file("/proc/net/arp", arp)},
      {"bonding", true, of(collect_bonding)},
      {"conntrack", true, of(collect_conntrack)},
      {"cpu", true, cpu(options)},
      {"cpufreq", true, cpufreq},
      {"diskstats", true, diskstats(options)},
      {"dmi", true, dmi()},
      {"edac", true, of(collect_edac)},
      {"entropy", true, of(collect_entropy)},
      {"filefd", true, file("/proc/sys/fs/file-nr", parse_filefd)},
      {"filesystem", true, filesystem(options)},
      {"hwmon", true, asking(options, collect_hwmon)},
      {"loadavg", true, file("/proc/loadavg", parse_load)},
      {"mdadm", true, asking(options, collect_mdadm)},
      {"meminfo", true, file("/proc/meminfo", parse_memory)},
      {"netclass", true, asking(options, collect_netclass)},
      {"netdev", true, netdev(options)},
      {"netstat", true, netstat},
      {"nvme", true, asking(options, collect_nvme)},
      {"os", true, os(options)},
      {"powersupplyclass", true, of(collect_power_supply)},
      {"pressure", true, pressure},
      {"rapl", true, of(collect_rapl)},
      {"schedstat", true, file("/proc/schedstat", parse_schedstat)},
      {"selinux", true, of(collect_selinux)},
      {"sockstat", true, of(collect_sockstat)},
      {"softnet", true, file("/proc/net/softnet_stat", softnet)},
      {"stat", true, file("/proc/stat", parse_stat)},
      {"systemd", false, systemd(options)},
      textfile(options),
      {"thermal_zone", true, asking(options, collect_thermal_zone)},
      {"time", true, of(collect_time)},
      {"timex", true, of(collect_timex)},
      {"udp_queues", true, of(collect_udp_queues)},
      {"uname", true, of(collect_uname)},
      {"vmstat", true, file("/proc/vmstat", vmstat)},
      {"workloads", true, workloads(options)},
  };
}

}  // namespace muster::collector
