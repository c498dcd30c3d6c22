// How does a command become a process that outlives its agent, and how is it found again?
//
// A driver (Linux: fork, signals, /proc). Free functions without state; any thread. A process is
// named by its id together with its start time, because the kernel reuses ids: nothing here ever
// signals or watches a process whose start time is another. start_process() is in
// posix_process_start.cpp.
//
// A started process leads a session and a group of its own. It is not tied to the agent's life:
// when the agent dies it runs on, and the next agent adopts it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"

namespace muster::failover {

struct ProcessStart {
  InstanceId instance = 0;           // for error texts
  std::vector<std::string> command;  // argv; no shell. Without a slash it is looked for in PATH
  std::map<std::string, std::string> env;  // added to PATH, HOME, USER, LOGNAME and LANG
  std::string user;                        // empty: the agent's own
  std::string working_dir;                 // empty: /
  std::string output_path;                 // what it writes is appended here; made with mode 0640
};

struct Process {
  std::int64_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since the kernel booted: field 22 of /proc/PID/stat
  auto operator<=>(const Process&) const = default;
};

struct Exit {
  int code = 0;    // its exit status, when it ended by itself
  int signal = 0;  // that killed it; 0: none
  bool operator==(const Exit&) const = default;
};

// Returns when the new program runs: with stdin from /dev/null, stdout and stderr appended to
// output_path, no other descriptor, no signal blocked or handled, umask 022, in its own session.
// Blocks while the kernel loads the program, so not for the control thread. The process is a child
// of the caller, who reap()s it. Errors name what was wrong: InvalidArgument (empty command, bad
// variable), NotFound (command, user or working directory), PermissionDenied (may not be run, may
// not change user, output not writable), Exhausted (processes, memory, descriptors).
[[nodiscard]] Result<Process> start_process(const ProcessStart& start);

// Signals the whole group that `pid` leads. When the leader is gone, the rest of its group (same
// session, not older than the leader) is signalled; so do not call it again once group_is_empty().
// NotFound: nothing of it runs. Conflict: the id now belongs to another process; nothing was sent.
[[nodiscard]] Status signal_group(std::int64_t pid, std::uint64_t start_time, int signal);

// Of a process or zombie that exists now, whoever it is; empty: there is none.
[[nodiscard]] std::optional<std::uint64_t> start_time_of(std::int64_t pid);

// False for a zombie, and when the id belongs to another process by now.
[[nodiscard]] bool is_running(std::int64_t pid, std::uint64_t start_time);

// No process of the group that `pid` led runs any more; zombies do not count.
[[nodiscard]] bool group_is_empty(std::int64_t pid);

// A descriptor that becomes readable when the process ends; the caller closes it. Errors: NotFound
// (it is gone), Conflict (the id belongs to another process), Exhausted (descriptors).
[[nodiscard]] Result<int> open_pidfd(std::int64_t pid, std::uint64_t start_time);

// How a child ended, once, and never blocks. Empty: it still runs, or is no child of this process
// (an adopted one is reaped by init, and how it ended is not known).
[[nodiscard]] std::optional<Exit> reap(std::int64_t pid);

// Every running process whose environment has all of `variables`: session leaders first, then by
// id. Finds what a crash between start_process() and saving its result has orphaned. Sees only
// processes whose environment the caller may read, and as it was when they were started.
[[nodiscard]] std::vector<Process> find_by_environment(
    const std::map<std::string, std::string>& variables);

// It is the process that start_process() made, and not a child of it.
[[nodiscard]] bool leads_session(std::int64_t pid);

// Differs after each boot of the kernel; process ids and start times of another boot mean nothing.
// Empty when /proc is not mounted.
[[nodiscard]] std::string kernel_boot_id();

}  // namespace muster::failover
