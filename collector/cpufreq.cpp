#include "collector/cpufreq.h"

#include <array>
#include <string>
#include <utility>

#include "collector/cpu_topology.h"
#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kCpus = "/sys/devices/system/cpu/";
constexpr std::string_view kUnknown = "<unknown>";  // what a driver says that cannot tell now
constexpr double kHertz = 1000;                     // the files are in kHz

struct Frequency {
  std::string_view file;
  std::string_view name;
  std::string_view help;
  bool in_1_5;
};
constexpr std::array<Frequency, 7> kFrequencies{{
    {"cpuinfo_avg_freq", "node_cpu_frequency_avg_hertz", "Average CPU thread frequency in hertz.",
     false},
    {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current cpu thread frequency in hertz.",
     true},
    {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz", "Maximum cpu thread frequency in hertz.",
     true},
    {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz", "Minimum cpu thread frequency in hertz.",
     true},
    {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
     "Current scaled CPU thread frequency in hertz.", true},
    {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
     "Maximum scaled CPU thread frequency in hertz.", true},
    {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
     "Minimum scaled CPU thread frequency in hertz.", true},
}};

void add_governors(const HostFs& fs, const std::string& directory, const std::string& cpu,
                   Family& governors) {
  const auto chosen = fs.read(directory + "scaling_governor");
  const auto available = fs.read(directory + "scaling_available_governors");
  if (!chosen || !available) return;
  for (const std::string_view name : split_fields(trimmed(*available))) {
    add_sample(governors, {{"cpu", cpu}, {"governor", std::string(name)}},
               name == trimmed(*chosen) ? 1 : 0);
  }
}
}  // namespace

Result<Families> collect_cpufreq(const HostFs& fs, bool compat_1_5) {
  const auto policies = fs.list("/sys/devices/system/cpu/cpufreq");
  if (policies && policies->empty()) return Families{};  // the kernel could, the machine cannot
  const auto cpus = list_cpus(fs);
  if (!cpus) return tl::unexpected(cpus.error());
  Families families;
  for (const Frequency& frequency : kFrequencies) {
    families.push_back(gauge(std::string(frequency.name), std::string(frequency.help)));
  }
  Family governors = gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.");
  for (const std::uint32_t number : *cpus) {
    const std::string cpu = std::to_string(number);
    std::string directory(kCpus);
    directory.append("cpu").append(cpu).append("/cpufreq");
    if (!fs.modified(directory)) continue;  // it is off, or does not scale
    directory += '/';
    for (std::size_t f = 0; f < kFrequencies.size(); ++f) {
      if (compat_1_5 && !kFrequencies[f].in_1_5) continue;
      const std::string path = directory + std::string(kFrequencies[f].file);
      const auto text = fs.read(path);
      if (!text || trimmed(*text) == kUnknown) continue;
      const auto value = parse_lone_count({"cpufreq", path}, *text);
      if (!value) return tl::unexpected(value.error());
      add_sample(families[f], {{"cpu", cpu}}, static_cast<double>(*value) * kHertz);
    }
    if (!compat_1_5) add_governors(fs, directory, cpu, governors);
  }
  families.push_back(std::move(governors));
  return families;
}

}  // namespace muster::collector
