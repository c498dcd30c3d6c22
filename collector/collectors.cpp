#include "collector/collectors.h"

#include <memory>
#include <string>
#include <utility>

#include "collector/cpu.h"
#include "collector/load.h"
#include "collector/memory.h"
#include "collector/network.h"
#include "collector/stat.h"

namespace muster::collector {
namespace {

using Parse = Result<Families> (*)(std::string_view text);

// A collector that is one file.
Collect file(std::string path, Parse parse) {
  return [path = std::move(path), parse](const HostFs& fs, Complaints&) -> Result<Families> {
    const auto text = fs.read(path);
    if (!text) return tl::unexpected(text.error());
    return parse(*text);
  };
}

Collect cpu(const CollectorOptions&) {
  return [counters = std::make_shared<CpuCounters>()](const HostFs& fs,
                                                      Complaints&) -> Result<Families> {
    const auto text = fs.read("/proc/stat");
    if (!text) return tl::unexpected(text.error());
    return parse_cpu(*text, *counters);
  };
}
}  // namespace

std::vector<Collector> all_collectors(const CollectorOptions& options) {
  return {
      {"cpu", true, cpu(options)},
      {"loadavg", true, file("/proc/loadavg", parse_load)},
      {"meminfo", true, file("/proc/meminfo", parse_memory)},
      {"netdev", true, file("/proc/net/dev", parse_network)},
      {"stat", true, file("/proc/stat", parse_stat)},
  };
}

}  // namespace muster::collector
