#include "failover/posix_processes.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <limits>
#include <string_view>
#include <system_error>
#include <tuple>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace muster::failover {
namespace {

// An environment is at most a quarter of the stack limit; more than this is not looked at.
constexpr std::size_t kProcFileBytesMax = std::size_t{4} << 20;

struct Stat {
  std::int64_t pid = 0;
  char state = '?';
  std::int64_t group = 0;
  std::int64_t session = 0;
  std::uint64_t start_time = 0;
};

// Files of /proc are whole only when read in one go, and say nothing of their size.
std::optional<std::string> read_proc(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  char buffer[16384];
  ssize_t got = 0;
  while (text.size() < kProcFileBytesMax &&
         ((got = ::read(fd, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR))) {
    if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
  if (got < 0) return std::nullopt;  // it ended meanwhile
  return text;
}

template <class T>
bool parse_number(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

// proc(5). The second field is the command's name in parentheses and may hold anything, so what
// follows its last ')' counts.
std::optional<Stat> read_stat(std::int64_t pid) {
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return std::nullopt;
  const auto text = read_proc("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return std::nullopt;
  const auto close = text->rfind(')');
  if (close == std::string::npos || close + 2 >= text->size()) return std::nullopt;
  std::vector<std::string_view> fields;  // fields[0] is proc(5)'s field 3
  std::string_view rest = std::string_view(*text).substr(close + 2);
  while (!rest.empty() && fields.size() < 20) {
    const auto space = std::min(rest.find(' '), rest.size());
    fields.push_back(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  Stat stat;
  stat.pid = pid;
  if (fields.size() < 20 || fields[0].size() != 1 || !parse_number(fields[2], stat.group) ||
      !parse_number(fields[3], stat.session) || !parse_number(fields[19], stat.start_time)) {
    return std::nullopt;
  }
  stat.state = fields[0][0];
  return stat;
}

bool runs(const Stat& stat) { return stat.state != 'Z' && stat.state != 'X'; }

std::vector<std::int64_t> process_ids() {
  std::vector<std::int64_t> ids;
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc", error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::int64_t pid = 0;
    if (parse_number(std::string_view(entry->path().filename().native()), pid)) ids.push_back(pid);
  }
  return ids;
}

// Running members of the group that `pid` leads or led. The kernel gives `pid` to no new process
// while the group has a member, so these are not strangers as long as the group was never empty.
std::vector<Stat> group_members(std::int64_t pid) {
  std::vector<Stat> members;
  for (const std::int64_t id : process_ids()) {
    const auto stat = read_stat(id);
    if (stat && stat->group == pid && runs(*stat)) members.push_back(*stat);
  }
  return members;
}

tl::unexpected<Error> gone(std::int64_t pid) {
  return fail(Code::NotFound, "process " + std::to_string(pid) + " has ended");
}

tl::unexpected<Error> recycled(std::int64_t pid) {
  return fail(Code::Conflict, "process id " + std::to_string(pid) +
                                  " belongs to another process by now; it was left alone");
}

std::string system_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

}  // namespace

Status signal_group(std::int64_t pid, std::uint64_t start_time, int signal) {
  if (pid <= 1) return gone(pid);  // kill(-1) would mean everybody
  const auto leader = read_stat(pid);
  if (leader && leader->start_time != start_time) return recycled(pid);
  if (leader && leader->group != pid) {
    return fail(Code::Conflict,
                "process " + std::to_string(pid) + " does not lead its group; nothing was sent");
  }
  if (!leader || !runs(*leader)) {
    const std::vector<Stat> members = group_members(pid);
    if (members.empty()) return gone(pid);
    for (const Stat& member : members) {
      if (member.session != pid || member.start_time < start_time) return recycled(pid);
    }
  }
  if (::kill(static_cast<pid_t>(-pid), signal) == 0) return {};
  if (errno == ESRCH) return gone(pid);
  return fail(errno == EPERM ? Code::PermissionDenied : Code::Internal,
              "cannot send signal " + std::to_string(signal) + " to process group " +
                  std::to_string(pid) + ": " + system_text(errno));
}

std::optional<std::uint64_t> start_time_of(std::int64_t pid) {
  const auto stat = read_stat(pid);
  if (!stat) return std::nullopt;
  return stat->start_time;
}

bool is_running(std::int64_t pid, std::uint64_t start_time) {
  const auto stat = read_stat(pid);
  return stat && stat->start_time == start_time && runs(*stat);
}

bool group_is_empty(std::int64_t pid) {
  if (pid <= 1) return true;
  // The cheap question first: /proc is read only when the kernel knows of a member.
  if (::kill(static_cast<pid_t>(-pid), 0) != 0 && errno == ESRCH) return true;
  return group_members(pid).empty();
}

Result<int> open_pidfd(std::int64_t pid, std::uint64_t start_time) {
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return gone(pid);
  const auto opened = ::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0U);
  if (opened < 0) {
    if (errno == ESRCH) return gone(pid);
    const bool full = errno == EMFILE || errno == ENFILE;
    return fail(full ? Code::Exhausted : Code::Internal,
                "cannot watch process " + std::to_string(pid) + ": " + system_text(errno));
  }
  const int fd = static_cast<int>(opened);
  // The descriptor holds on to the process, so a start time that is right now stays right.
  const auto stat = read_stat(pid);
  if (stat && stat->start_time == start_time) return fd;
  ::close(fd);
  if (!stat) return gone(pid);
  return recycled(pid);
}

std::optional<Exit> reap(std::int64_t pid) {
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return std::nullopt;
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return Exit{info.si_status, 0};
  return Exit{0, info.si_status};
}

std::vector<Process> find_by_environment(const std::map<std::string, std::string>& variables) {
  std::vector<std::pair<bool, Process>> found;  // false: leads its session, so it sorts first
  for (const std::int64_t pid : process_ids()) {
    const auto environment = read_proc("/proc/" + std::to_string(pid) + "/environ");
    if (!environment) continue;
    std::string_view rest = *environment;
    std::size_t matches = 0;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\0'), rest.size());
      const std::string_view entry = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto equals = std::min(entry.find('='), entry.size());
      const auto wanted = variables.find(std::string(entry.substr(0, equals)));
      if (wanted == variables.end() || equals == entry.size()) continue;
      if (entry.substr(equals + 1) == wanted->second) ++matches;
    }
    if (matches < variables.size()) continue;
    const auto stat = read_stat(pid);
    if (stat && runs(*stat)) found.push_back({stat->session != pid, {pid, stat->start_time}});
  }
  std::sort(found.begin(), found.end());
  std::vector<Process> processes;
  for (const auto& [follows, process] : found) processes.push_back(process);
  return processes;
}

bool leads_session(std::int64_t pid) {
  const auto stat = read_stat(pid);
  return stat && stat->session == pid;
}

std::string kernel_boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id").value_or("");
  while (!id.empty() && (id.back() == '\n' || id.back() == ' ')) id.pop_back();
  return id;
}

}  // namespace muster::failover
