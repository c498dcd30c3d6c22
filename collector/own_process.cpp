#include "collector/own_process.h"

#include <limits>
#include <string_view>

#include "collector/cpu.h"
#include "collector/family.h"
#include "collector/proc_text.h"
#include "collector/process.h"

namespace muster::collector {
namespace {

constexpr Source kLimits{"process", "/proc/self/limits"};
constexpr Source kMachine{"process", "/proc/stat"};

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
  const auto stat = files_->read("/proc/self/stat");
  if (!stat) return tl::unexpected(stat.error());
  const auto own = parse_process_stat(*stat);
  if (!own) return tl::unexpected(own.error());
  const auto limits = files_->read(kLimits.path);
  if (!limits) return tl::unexpected(limits.error());
  const auto max_files = limit(*limits, "Max open files");
  if (!max_files) return tl::unexpected(max_files.error());
  const auto max_memory = limit(*limits, "Max address space");
  if (!max_memory) return tl::unexpected(max_memory.error());
  const auto open = files_->count("/proc/self/fd");
  if (!open) return tl::unexpected(open.error());
  const auto began = start(own->start_time);
  if (!began) return tl::unexpected(began.error());
  const auto in_pages = static_cast<double>(own->resident_pages);
  return families_of(
      counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.",
              static_cast<double>(own->own_cpu_ticks) / double{kTicksPerSecond}),
      gauge("process_max_fds", "Maximum number of open file descriptors.", *max_files),
      gauge("process_open_fds", "Number of open file descriptors.", static_cast<double>(*open)),
      gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
            in_pages * static_cast<double>(files_->page_bytes())),
      gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
            *began),
      gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.",
            static_cast<double>(own->virtual_bytes)),
      gauge("process_virtual_memory_max_bytes",
            "Maximum amount of virtual memory available in bytes.", *max_memory));
}

}  // namespace muster::collector
