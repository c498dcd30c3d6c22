// What does the kernel say of one process and of one control group?
//
// Core: texts of /proc/PID and of a version 2 control group in, numbers out. Refuses what the
// kernel cannot have written. Reads no file.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"

namespace muster::collector {

struct ProcessStat {
  std::int64_t pid = 0;
  char state = ' ';  // as ps(1) shows it: 'Z' is a zombie
  std::int64_t parent = 0;
  std::int64_t session = 0;
  std::uint64_t cpu_ticks = 0;  // user and system, with those of children it has waited for
  std::uint64_t threads = 0;
  std::uint64_t start_time = 0;  // ticks since boot; tells apart two processes of one pid
  std::uint64_t resident_pages = 0;
  std::uint64_t own_cpu_ticks = 0;  // without those of children
  std::uint64_t virtual_bytes = 0;
  bool operator==(const ProcessStat&) const = default;
};
// /proc/PID/stat. The program's name in it may hold anything, brackets and blanks included.
[[nodiscard]] Result<ProcessStat> parse_process_stat(std::string_view text);

struct IoBytes {  // that reached, or were fetched from, a disk
  std::uint64_t read = 0;
  std::uint64_t written = 0;
  bool operator==(const IoBytes&) const = default;
};
// /proc/PID/io; with those of children it has waited for.
[[nodiscard]] Result<IoBytes> parse_process_io(std::string_view text);

// /proc/PID/cgroup: the path in the version 2 hierarchy, below its root. Empty: the process is in
// none, or in one that this namespace does not show.
[[nodiscard]] Result<std::string> parse_process_cgroup(std::string_view text);

// Files of a control group, which count its descendants in (but for cgroup.procs). Those that
// have ended are in too.
[[nodiscard]] Result<std::set<std::int64_t>> parse_cgroup_procs(std::string_view text);
[[nodiscard]] Result<std::uint64_t> parse_cgroup_cpu(std::string_view text);     // microseconds
[[nodiscard]] Result<std::uint64_t> parse_cgroup_memory(std::string_view text);  // bytes
[[nodiscard]] Result<IoBytes> parse_cgroup_io(std::string_view text);  // of all devices together

}  // namespace muster::collector
