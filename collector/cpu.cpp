#include "collector/cpu.h"

#include <algorithm>
#include <string>
#include <utility>

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"cpu", "/proc/stat"};
constexpr std::uint64_t kIdleDropThatResets = 3 * kTicksPerSecond;

constexpr std::array<std::pair<std::string_view, CpuMode>, 8> kModes{{
    {"idle", CpuMode::Idle},
    {"iowait", CpuMode::Iowait},
    {"irq", CpuMode::Irq},
    {"nice", CpuMode::Nice},
    {"softirq", CpuMode::Softirq},
    {"steal", CpuMode::Steal},
    {"system", CpuMode::System},
    {"user", CpuMode::User},
}};
constexpr std::array<std::pair<std::string_view, CpuMode>, 2> kGuestModes{{
    {"nice", CpuMode::GuestNice},
    {"user", CpuMode::Guest},
}};

std::size_t column(CpuMode mode) { return static_cast<std::size_t>(mode); }

template <class Modes>
void add_samples(Family& family, const CpuTable& table, const Modes& modes) {
  for (const auto& [cpu, times] : table) {
    for (const auto& [name, mode] : modes) {
      family.samples.push_back(
          {{{"cpu", std::to_string(cpu)}, {"mode", std::string(name)}},
           static_cast<double>(times[column(mode)]) / static_cast<double>(kTicksPerSecond)});
    }
  }
}
}  // namespace

Result<CpuTable> parse_cpu_times(std::string_view stat_text) {
  const auto lines = split_lines(kSource, stat_text);
  if (!lines) return tl::unexpected(lines.error());
  CpuTable table;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    const std::string_view key = next_field(rest);
    if (!key.starts_with("cpu") || key == "cpu") continue;  // "cpu" alone is the sum
    const auto number = parse_count(key.substr(3));
    if (!number || *number > UINT32_MAX) {
      return refuse_line(kSource, i, (*lines)[i], "names no CPU");
    }
    CpuTimes times{};
    for (std::uint64_t& ticks : times) {
      const auto value = parse_count(next_field(rest));
      if (!value) return refuse_line(kSource, i, (*lines)[i], "does not hold 10 counters");
      ticks = *value;
    }
    if (!table.emplace(static_cast<std::uint32_t>(*number), times).second) {
      return refuse_line(kSource, i, (*lines)[i], "names a CPU for the second time");
    }
  }
  if (table.empty()) return refuse(kSource, "has no line of a CPU");
  return table;
}

const CpuTable& CpuCounters::update(const CpuTable& reading) {
  std::erase_if(published_, [&](const auto& known) { return !reading.contains(known.first); });
  const std::size_t idle = column(CpuMode::Idle);
  for (const auto& [cpu, times] : reading) {
    CpuTimes& known = published_[cpu];
    if (known[idle] >= times[idle] && known[idle] - times[idle] >= kIdleDropThatResets) known = {};
    for (std::size_t i = 0; i < kCpuModes; ++i) known[i] = std::max(known[i], times[i]);
  }
  return published_;
}

Result<Families> parse_cpu(std::string_view stat_text, CpuCounters& counters) {
  const auto reading = parse_cpu_times(stat_text);
  if (!reading) return tl::unexpected(reading.error());
  const CpuTable& table = counters.update(*reading);
  Families families{counter("node_cpu_guest_seconds_total",
                            "Seconds the CPUs spent in guests (VMs) for each mode."),
                    counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.")};
  add_samples(families[0], table, kGuestModes);
  add_samples(families[1], table, kModes);
  return families;
}

}  // namespace muster::collector
