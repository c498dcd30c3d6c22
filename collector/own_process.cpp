#include "collector/own_process.h"

#include <array>
#include <limits>
#include <string_view>

#include "collector/cpu.h"
#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kStat{"process", "/proc/self/stat"};
constexpr Source kLimits{"process", "/proc/self/limits"};
constexpr Source kMachine{"process", "/proc/stat"};

struct Own {
  double ticks = 0;  // of processor time; not those of children, which are others' work
  std::uint64_t start = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
};

// The name of the program is in parentheses and may hold some itself.
Result<Own> parse_own(std::string_view stat) {
  // Behind the name: user and system time 11 and 12, start 19, virtual and resident memory 20, 21.
  constexpr std::size_t kFields = 22;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return refuse(kStat, "names no program");
  std::string_view rest = stat.substr(name_end + 1);
  std::array<std::string_view, kFields> fields;
  for (std::string_view& field : fields) field = next_field(rest);
  const auto user = parse_count(fields[11]);
  const auto system = parse_count(fields[12]);
  const auto start = parse_count(fields[19]);
  const auto size = parse_count(fields[20]);
  const auto pages = parse_count(fields[21]);
  if (!user || !system || !start || !size || !pages) {
    return refuse(kStat, "does not hold the numbers of a process");
  }
  return Own{static_cast<double>(*user) + static_cast<double>(*system), *start,
             static_cast<double>(*size), static_cast<double>(*pages)};
}

// The soft limit in the line that begins with `name`.
Result<double> limit(std::string_view limits, std::string_view name) {
  const std::size_t at = limits.find(name);
  if (at == std::string_view::npos) return refuse(kLimits, "does not say " + std::string(name));
  std::string_view rest = limits.substr(at + name.size());
  const std::string_view text = next_field(rest);
  if (text == "unlimited") {
    return static_cast<double>(std::numeric_limits<std::uint64_t>::max());
  }
  const auto value = parse_count(text);
  if (!value) return refuse(kLimits, "holds no number for " + std::string(name));
  return static_cast<double>(*value);
}

Family one(std::string name, std::string help, MetricType type, double value) {
  return {std::move(name), std::move(help), type, {{{}, value}}};
}

}  // namespace

Result<double> OwnProcess::start(std::uint64_t ticks) {
  if (start_) return *start_;
  const auto machine = files_->read(kMachine.path);
  if (!machine) return tl::unexpected(machine.error());
  constexpr std::string_view kHead = "\nbtime ";
  const std::size_t at = machine->find(kHead);
  std::string_view rest = *machine;
  rest.remove_prefix(at == std::string::npos ? rest.size() : at + kHead.size());
  const auto boot = parse_count(rest.substr(0, rest.find('\n')));
  if (!boot) return refuse(kMachine, "does not say when the machine began");
  start_ = static_cast<double>(*boot) + static_cast<double>(ticks) / double{kTicksPerSecond};
  return *start_;
}

Result<Families> OwnProcess::measure() {
  const auto stat = files_->read(kStat.path);
  if (!stat) return tl::unexpected(stat.error());
  const auto own = parse_own(*stat);
  if (!own) return tl::unexpected(own.error());
  const auto limits = files_->read(kLimits.path);
  if (!limits) return tl::unexpected(limits.error());
  const auto max_files = limit(*limits, "Max open files");
  if (!max_files) return tl::unexpected(max_files.error());
  const auto max_memory = limit(*limits, "Max address space");
  if (!max_memory) return tl::unexpected(max_memory.error());
  const auto open = files_->count("/proc/self/fd");
  if (!open) return tl::unexpected(open.error());
  const auto began = start(own->start);
  if (!began) return tl::unexpected(began.error());
  constexpr auto kGauge = MetricType::Gauge;
  return families_of(
      one("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
          MetricType::Counter, own->ticks / double{kTicksPerSecond}),
      one("process_max_fds", "Maximum number of open file descriptors.", kGauge, *max_files),
      one("process_open_fds", "Number of open file descriptors.", kGauge,
          static_cast<double>(*open)),
      one("process_resident_memory_bytes", "Resident memory size in bytes.", kGauge,
          own->resident_pages * static_cast<double>(files_->page_bytes())),
      one("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
          kGauge, *began),
      one("process_virtual_memory_bytes", "Virtual memory size in bytes.", kGauge,
          own->virtual_bytes),
      one("process_virtual_memory_max_bytes",
          "Maximum amount of virtual memory available in bytes.", kGauge, *max_memory));
}

}  // namespace muster::collector
