#include "collector/process.h"

#include <array>
#include <optional>

#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kStat{"workloads", "/proc/PID/stat"};
constexpr Source kIo{"workloads", "/proc/PID/io"};
constexpr Source kCgroup{"workloads", "/proc/PID/cgroup"};
constexpr Source kProcs{"workloads", "cgroup.procs"};
constexpr Source kCpuStat{"workloads", "cpu.stat"};
constexpr Source kMemory{"workloads", "memory.current"};
constexpr Source kIoStat{"workloads", "io.stat"};

// More than any machine can count up to; sums of some thousands of such numbers stay in range.
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 50;

std::optional<std::uint64_t> bounded_count(std::string_view field) {
  const auto value = parse_count(field);
  return value && *value <= kCountMax ? value : std::nullopt;
}

// The number behind `name` and whatever separates the two, in a text of a pair a line.
Result<std::uint64_t> value_of(const Source& source, std::string_view text, std::string_view name) {
  const auto lines = split_lines(source, text);
  if (!lines) return tl::unexpected(lines.error());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    if (next_field(rest) != name) continue;
    const auto value = bounded_count(next_field(rest));
    if (!value) return refuse_line(source, i, (*lines)[i], "holds no number");
    return *value;
  }
  return refuse(source, "does not say " + std::string(name));
}
}  // namespace

Result<ProcessStat> parse_process_stat(std::string_view text) {
  // What follows the name, by its place: state 0, parent 1, session 3, user to waited-for system
  // time 11 to 14, threads 17, start 19, virtual memory 20, resident pages 21.
  constexpr std::size_t kFields = 22;
  const auto lines = split_lines(kStat, text);
  if (!lines) return tl::unexpected(lines.error());
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return refuse(kStat, "names no program");
  }
  std::array<std::string_view, kFields> fields;
  std::string_view rest = lines->back();
  rest.remove_prefix(std::min(rest.size(), rest.rfind(") ") + 2));
  for (std::string_view& field : fields) field = next_field(rest);
  const auto pid = bounded_count(text.substr(0, open));
  const auto parent = bounded_count(fields[1]);
  const auto session = bounded_count(fields[3]);
  const auto user = bounded_count(fields[11]);
  const auto system = bounded_count(fields[12]);
  const auto waited_user = bounded_count(fields[13]);
  const auto waited_system = bounded_count(fields[14]);
  const auto threads = bounded_count(fields[17]);
  const auto start = bounded_count(fields[19]);
  const auto bytes = bounded_count(fields[20]);
  const auto pages = bounded_count(fields[21]);
  if (fields[0].size() != 1 || !pid || !parent || !session || !user || !system || !waited_user ||
      !waited_system || !threads || !start || !bytes || !pages) {
    return refuse(kStat, "does not hold the numbers of a process");
  }
  return ProcessStat{static_cast<std::int64_t>(*pid),
                     fields[0].front(),
                     static_cast<std::int64_t>(*parent),
                     static_cast<std::int64_t>(*session),
                     *user + *system + *waited_user + *waited_system,
                     *threads,
                     *start,
                     *pages,
                     *user + *system,
                     *bytes};
}

Result<IoBytes> parse_process_io(std::string_view text) {
  const auto read = value_of(kIo, text, "read_bytes:");
  if (!read) return tl::unexpected(read.error());
  const auto written = value_of(kIo, text, "write_bytes:");
  if (!written) return tl::unexpected(written.error());
  return IoBytes{*read, *written};
}

Result<std::string> parse_process_cgroup(std::string_view text) {
  const auto lines = split_lines(kCgroup, text);
  if (!lines) return tl::unexpected(lines.error());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view path = (*lines)[i];
    if (!path.starts_with("0::")) continue;
    path.remove_prefix(3);
    if (!path.starts_with('/')) return refuse_line(kCgroup, i, (*lines)[i], "holds no path");
    if (path == "/.." || path.starts_with("/../")) break;
    return std::string(path);
  }
  return std::string();
}

Result<std::set<std::int64_t>> parse_cgroup_procs(std::string_view text) {
  std::set<std::int64_t> pids;
  if (text.empty()) return pids;  // nobody is in it
  const auto lines = split_lines(kProcs, text);
  if (!lines) return tl::unexpected(lines.error());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto pid = bounded_count((*lines)[i]);
    if (!pid) return refuse_line(kProcs, i, (*lines)[i], "is no process");
    pids.insert(static_cast<std::int64_t>(*pid));
  }
  return pids;
}

Result<std::uint64_t> parse_cgroup_cpu(std::string_view text) {
  return value_of(kCpuStat, text, "usage_usec");
}

Result<std::uint64_t> parse_cgroup_memory(std::string_view text) {
  const auto lines = split_lines(kMemory, text);
  if (!lines) return tl::unexpected(lines.error());
  const auto value = bounded_count(lines->front());
  if (!value || lines->size() != 1) return refuse(kMemory, "is not one number");
  return *value;
}

Result<IoBytes> parse_cgroup_io(std::string_view text) {
  IoBytes all;
  if (text.empty()) return all;  // it has not touched a disk yet
  const auto lines = split_lines(kIoStat, text);
  if (!lines) return tl::unexpected(lines.error());
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    (void)next_field(rest);  // major:minor
    for (auto field = next_field(rest); !field.empty(); field = next_field(rest)) {
      const bool read = field.starts_with("rbytes=");
      if (!read && !field.starts_with("wbytes=")) continue;
      const auto value = bounded_count(field.substr(7));
      if (!value) return refuse_line(kIoStat, i, (*lines)[i], "holds no number of bytes");
      (read ? all.read : all.written) += *value;
    }
  }
  return all;
}

}  // namespace muster::collector
