#include "collector/own_process.h"

#include <optional>

#include "collector/cpu.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kStatPath = "/proc/self/stat";
constexpr std::string_view kStatusPath = "/proc/self/status";
constexpr Source kStat{"process", kStatPath};
constexpr Source kStatus{"process", kStatusPath};

// In ticks. The name of the program is in parentheses and may hold some itself.
std::optional<std::uint64_t> cpu_ticks(std::string_view stat) {
  constexpr int kUserField = 11;  // behind the name
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::string_view rest = stat.substr(name_end + 1);
  for (int i = 0; i < kUserField; ++i) (void)next_field(rest);
  const auto user = parse_count(next_field(rest));
  const auto system = parse_count(next_field(rest));
  if (!user || !system) return std::nullopt;
  return *user + *system;
}

// VmRSS:     1234 kB
std::optional<std::uint64_t> resident_kib(std::string_view status) {
  constexpr std::string_view kHead = "\nVmRSS:";
  const std::size_t at = status.find(kHead);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = status.substr(at + kHead.size());
  line = line.substr(0, line.find('\n'));
  return parse_count(next_field(line));
}

}  // namespace

Result<Families> parse_own_process(std::string_view stat_text, std::string_view status_text) {
  const auto ticks = cpu_ticks(stat_text);
  if (!ticks) return refuse(kStat, "has no processor times");
  const auto kib = resident_kib(status_text);
  if (!kib) return refuse(kStatus, "has no VmRSS");
  constexpr double kKib = 1024;
  return Families{{"process_cpu_seconds_total",
                   "Processor time that the agent has used.",
                   MetricType::Counter,
                   {{{}, static_cast<double>(*ticks) / double{kTicksPerSecond}}}},
                  {"process_resident_memory_bytes",
                   "Memory that the agent holds.",
                   MetricType::Gauge,
                   {{{}, static_cast<double>(*kib) * kKib}}}};
}

Result<Families> own_process(const HostFs& files) {
  const auto stat = files.read(kStatPath);
  if (!stat) return tl::unexpected<Error>(stat.error());
  const auto status = files.read(kStatusPath);
  if (!status) return tl::unexpected<Error>(status.error());
  return parse_own_process(*stat, *status);
}

}  // namespace muster::collector
