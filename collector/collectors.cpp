#include "collector/collectors.h"

#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "collector/arp.h"
#include "collector/conntrack.h"
#include "collector/cpu.h"
#include "collector/cpu_info.h"
#include "collector/cpu_topology.h"
#include "collector/cpufreq.h"
#include "collector/entropy.h"
#include "collector/filefd.h"
#include "collector/load.h"
#include "collector/memory.h"
#include "collector/netstat.h"
#include "collector/network.h"
#include "collector/os.h"
#include "collector/pressure.h"
#include "collector/remembered_filter.h"
#include "collector/schedstat.h"
#include "collector/selinux.h"
#include "collector/sockstat.h"
#include "collector/softnet.h"
#include "collector/stat.h"
#include "collector/time.h"
#include "collector/timex.h"
#include "collector/udp_queues.h"
#include "collector/uname.h"
#include "collector/vmstat.h"

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
}  // namespace

std::vector<Collector> all_collectors(const CollectorOptions& options) {
  const bool old = options.compat_1_5;
  const auto arp = [devices = options.arp_devices](std::string_view text) {
    return parse_arp(text, devices);
  };
  const auto netstat = [fields = remembered(options.netstat_fields)](
                           const HostFs& fs, Complaints&) { return collect_netstat(fs, fields); };
  const auto softnet = [old](std::string_view text) { return parse_softnet(text, old); };
  const auto vmstat = [fields = remembered(options.vmstat_fields)](std::string_view text) {
    return parse_vmstat(text, fields);
  };
  return {
      {"arp", true, file("/proc/net/arp", arp)},
      {"conntrack", true, of(collect_conntrack)},
      {"cpu", true, cpu(options)},
      {"cpufreq", true, [old](const HostFs& fs, Complaints&) { return collect_cpufreq(fs, old); }},
      {"entropy", true, of(collect_entropy)},
      {"filefd", true, file("/proc/sys/fs/file-nr", parse_filefd)},
      {"loadavg", true, file("/proc/loadavg", parse_load)},
      {"meminfo", true, file("/proc/meminfo", parse_memory)},
      {"netdev", true, file("/proc/net/dev", parse_network)},
      {"netstat", true, netstat},
      {"os", true, os(options)},
      {"pressure", true,
       [old](const HostFs& fs, Complaints&) { return collect_pressure(fs, old); }},
      {"schedstat", true, file("/proc/schedstat", parse_schedstat)},
      {"selinux", true, of(collect_selinux)},
      {"sockstat", true, of(collect_sockstat)},
      {"softnet", true, file("/proc/net/softnet_stat", softnet)},
      {"stat", true, file("/proc/stat", parse_stat)},
      {"time", true, of(collect_time)},
      {"timex", true, of(collect_timex)},
      {"udp_queues", true, of(collect_udp_queues)},
      {"uname", true, of(collect_uname)},
      {"vmstat", true, file("/proc/vmstat", vmstat)},
  };
}

}  // namespace muster::collector
