#include "collector/cpu_topology.h"

#include <utility>

#include "collector/family.h"
#include "collector/lone_count.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kCpus = "/sys/devices/system/cpu";
constexpr Source kIsolated{"cpu", "/sys/devices/system/cpu/isolated"};

std::string cpu_file(std::uint32_t cpu, std::string_view file) {
  std::string path(kCpus);
  return path.append("/cpu").append(std::to_string(cpu)).append("/").append(file);
}

// A number that tells where a CPU sits. Nothing: the kernel does not know, or the CPU went off.
std::optional<std::uint64_t> place(const HostFs& fs, std::uint32_t cpu, std::string_view file) {
  const std::string path = cpu_file(cpu, file);
  const auto number = read_lone_count(fs, {"cpu", path});
  return number ? std::optional(*number) : std::nullopt;
}
}  // namespace

Result<std::set<std::uint32_t>> list_cpus(const HostFs& fs) {
  constexpr std::string_view kPrefix = "cpu";
  const auto names = fs.list(kCpus);
  if (!names) return tl::unexpected(names.error());
  std::set<std::uint32_t> cpus;
  for (const std::string_view name : *names) {
    if (!name.starts_with(kPrefix)) continue;
    const auto number = parse_count(name.substr(kPrefix.size()));
    if (number && *number < kCpusMax) cpus.insert(static_cast<std::uint32_t>(*number));
  }
  return cpus;
}

void CpuTopology::find_throttles(const HostFs& fs, const std::vector<std::uint32_t>& cpus) {
  std::set<std::pair<std::uint64_t, std::optional<std::uint64_t>>> known;
  const auto add_once = [&](std::string path, std::uint64_t package,
                            std::optional<std::uint64_t> core) {
    if (known.contains({package, core}) || !fs.modified(path)) return;
    known.emplace(package, core);
    throttles_.push_back({std::move(path), package, core});
  };
  for (const std::uint32_t cpu : cpus) {
    const auto package = place(fs, cpu, "topology/physical_package_id");
    const auto core = package ? place(fs, cpu, "topology/core_id") : std::nullopt;
    if (!core) continue;
    // The CPUs of a core count together, and so do those of a package.
    add_once(cpu_file(cpu, "thermal_throttle/core_throttle_count"), *package, core);
    add_once(cpu_file(cpu, "thermal_throttle/package_throttle_count"), *package, std::nullopt);
  }
}

Status CpuTopology::look_around(const HostFs& fs, const std::vector<std::uint32_t>& cpus) {
  looked_at_.clear();
  throttles_.clear();
  isolated_.clear();
  const auto text = fs.read(kIsolated.path);
  if (text) {
    auto isolated = parse_cpu_list(kIsolated, *text);
    if (!isolated) return tl::unexpected(isolated.error());
    isolated_ = *std::move(isolated);
  }
  find_throttles(fs, cpus);
  first_can_go_off_ = !compat_1_5_ && fs.modified(cpu_file(0, "online"));
  looked_at_ = cpus;
  return {};
}

Result<Families> CpuTopology::collect(const HostFs& fs, const CpuTable& on) {
  std::vector<std::uint32_t> cpus;
  for (const auto& [cpu, times] : on) cpus.push_back(cpu);
  if (cpus != looked_at_) {
    if (const auto looked = look_around(fs, cpus); !looked) return tl::unexpected(looked.error());
  }
  Family cores =
      counter("node_cpu_core_throttles_total", "Number of times this CPU core has been throttled.");
  Family packages = counter("node_cpu_package_throttles_total",
                            "Number of times this CPU package has been throttled.");
  for (const Throttle& throttle : throttles_) {
    const auto text = fs.read(throttle.path);
    if (!text) {  // its CPU went off: another of the same core may tell
      looked_at_.clear();
      continue;
    }
    const auto count = parse_lone_count({"cpu", throttle.path}, *text);
    if (!count) return tl::unexpected(count.error());
    const std::string package = std::to_string(throttle.package);
    if (throttle.core) {
      add_sample(cores, {{"core", std::to_string(*throttle.core)}, {"package", package}},
                 static_cast<double>(*count));
    } else {
      add_sample(packages, {{"package", package}}, static_cast<double>(*count));
    }
  }
  Family isolated =
      gauge("node_cpu_isolated",
            "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.");
  for (const std::uint32_t cpu : isolated_) {
    add_sample(isolated, {{"cpu", std::to_string(cpu)}}, 1);
  }
  Family online = gauge("node_cpu_online", "CPUs that are online and being scheduled.");
  if (first_can_go_off_) {
    const auto all = list_cpus(fs);
    if (!all) return tl::unexpected(all.error());
    for (const std::uint32_t cpu : *all) {
      add_sample(online, {{"cpu", std::to_string(cpu)}}, on.contains(cpu) ? 1 : 0);
    }
  }
  return families_of(std::move(cores), std::move(isolated), std::move(online), std::move(packages));
}

}  // namespace muster::collector
