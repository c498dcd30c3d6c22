// start_process() of posix_processes.h: everything between a command and a running program.
//
// Between fork and exec only the forking thread exists, and locks of others are held for ever: the
// child allocates nothing and calls only what signal-safety(7) allows or the bare system call. So
// the parent prepares every string, array and number that the child needs (Plan).

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/posix_file.h"
#include "failover/posix_processes.h"

namespace muster::failover {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
  std::string name;
  std::string home;
  bool change = false;  // the child takes it on; otherwise it already has it
};

enum class Step : int { Session, Output, User, Directory, Exec };
struct Failure {  // what the child writes into the pipe
  Step step;
  int error;
};

struct Plan {
  std::vector<const char*> argv;  // ends with null, as envp
  std::vector<const char*> envp;
  std::vector<const char*> candidates;  // paths to try, in the order of PATH
  const char* directory = "/";
  const Identity* identity = nullptr;
  int input = -1;  // the three are 3 or more, so that no dup2 hits another
  int output = -1;
  int report = -1;
  rlim_t descriptors_max = 0;
};

std::string system_text(int error) {
  return std::error_code(error, std::generic_category()).message();
}

Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Code::NotFound;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP: return Code::PermissionDenied;
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT: return Code::Exhausted;
    case ENOEXEC:
    case E2BIG:
    case EISDIR: return Code::InvalidArgument;
    default: return Code::Internal;
  }
}

tl::unexpected<Error> start_error(const ProcessStart& start, Code code, const std::string& why) {
  return fail(code, "cannot start instance " + std::to_string(start.instance) + ": " + why);
}

tl::unexpected<Error> start_error(const ProcessStart& start, const std::string& what, int error) {
  return start_error(start, code_of(error), what + ": " + system_text(error));
}

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

Status check(const ProcessStart& start) {
  const auto bad = [&](const std::string& why) {
    return start_error(start, Code::InvalidArgument, why);
  };
  if (start.command.empty() || start.command[0].empty()) return bad("its command is empty");
  for (const std::string& word : start.command) {
    if (has_nul(word)) return bad("its command holds a zero byte");
  }
  for (const auto& [name, value] : start.env) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      return bad("its environment variable \"" + name + "\" has no valid name or value");
    }
  }
  if (has_nul(start.working_dir) || has_nul(start.output_path)) {
    return bad("a path of it holds a zero byte");
  }
  return {};
}

Result<Identity> find_identity(const ProcessStart& start) {
  std::vector<char> buffer(65536);
  passwd entry{};
  passwd* found = nullptr;
  const uid_t self = ::geteuid();
  const int error =
      start.user.empty()
          ? ::getpwuid_r(self, &entry, buffer.data(), buffer.size(), &found)
          : ::getpwnam_r(start.user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  Identity identity;
  if (start.user.empty()) {  // an agent without an entry of its own is no reason to fail
    identity.name = found != nullptr ? found->pw_name : std::to_string(self);
    identity.home = found != nullptr ? found->pw_dir : "/";
    return identity;
  }
  if (found == nullptr) {
    const bool unknown = error == 0 || error == ENOENT || error == ESRCH;
    if (!unknown) return start_error(start, "cannot look up the user " + start.user, error);
    return start_error(start, Code::NotFound, "there is no user " + start.user + " on this node");
  }
  identity.uid = found->pw_uid;
  identity.gid = found->pw_gid;
  identity.name = found->pw_name;
  identity.home = found->pw_dir;
  identity.change = self == 0 || identity.uid != self;
  int count = 64;
  identity.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(found->pw_name, identity.gid, identity.groups.data(), &count) < 0) {
    const auto grown = std::max(static_cast<std::size_t>(count), identity.groups.size() * 2);
    if (grown > 65536)
      return start_error(start, Code::Internal, start.user + " has no end of groups");
    identity.groups.resize(grown);
    count = static_cast<int>(grown);
  }
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

std::vector<std::string> make_environment(const ProcessStart& start, const Identity& identity) {
  const char* const language = std::getenv("LANG");  // the agent never changes its environment
  std::map<std::string, std::string> variables{
      {"PATH", kDefaultPath},
      {"HOME", identity.home},
      {"USER", identity.name},
      {"LOGNAME", identity.name},
      {"LANG", language != nullptr ? language : "C.UTF-8"}};
  for (const auto& [name, value] : start.env) variables[name] = value;
  std::vector<std::string> environment;
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  return environment;
}

// As execvp(3) would look, but in the workload's own PATH, and before the fork.
std::vector<std::string> find_candidates(const ProcessStart& start) {
  const std::string& name = start.command[0];
  if (name.find('/') != std::string::npos) return {name};
  const auto own = start.env.find("PATH");
  std::string_view path = own != start.env.end() ? std::string_view(own->second) : kDefaultPath;
  std::vector<std::string> candidates;
  while (!path.empty()) {
    const auto colon = std::min(path.find(':'), path.size());
    const std::string directory(path.substr(0, colon));
    candidates.push_back((directory.empty() ? "." : directory) + "/" + name);
    path.remove_prefix(std::min(colon + 1, path.size()));
  }
  return candidates;
}

std::vector<const char*> pointers(const std::vector<std::string>& strings) {
  std::vector<const char*> result;
  for (const std::string& text : strings) result.push_back(text.c_str());
  result.push_back(nullptr);
  return result;
}

// Above the standard three, so that the child may put 0, 1 and 2 in their places in any order.
Descriptor raised(int fd) {
  Descriptor low(fd);
  return Descriptor(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

Result<Descriptor> open_output(const ProcessStart& start) {
  Descriptor output = raised(
      ::open(start.output_path.c_str(),
             O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0640));
  struct stat info {};
  if (output.get() < 0 || ::fstat(output.get(), &info) != 0) {
    return start_error(start, "cannot open its output file " + start.output_path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return start_error(start, Code::PermissionDenied,
                       "its output file " + start.output_path + " is not a regular file");
  }
  ::fcntl(output.get(), F_SETFL, O_APPEND);  // O_NONBLOCK was for a pipe that nobody reads
  return output;
}

// --- from here to run_child: in the child, between fork and exec ---

[[noreturn]] void give_up(const Plan& plan, Step step, int error) {
  const Failure failure{step, error};
  ssize_t written = 0;
  do {
    written = ::write(plan.report, &failure, sizeof failure);
  } while (written < 0 && errno == EINTR);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The C library's wrappers would first tell every thread of the parent's: there are none here.
void take_identity(const Plan& plan) {
  const Identity& identity = *plan.identity;
  if (!identity.change) return;
  if (::syscall(SYS_setgroups, identity.groups.size(), identity.groups.data()) != 0 ||
      ::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) != 0 ||
      ::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) != 0) {
    give_up(plan, Step::User, errno);
  }
}

void close_others(const Plan& plan) {
  if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  for (rlim_t fd = 3; fd < plan.descriptors_max; ++fd) {  // a kernel before 5.11
    ::fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
  }
}

[[noreturn]] void run_child(const Plan& plan) {
  reset_signals();
  if (::setsid() < 0) give_up(plan, Step::Session, errno);
  ::umask(022);
  if (::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0) {
    give_up(plan, Step::Output, errno);
  }
  close_others(plan);
  take_identity(plan);
  if (::chdir(plan.directory) != 0) give_up(plan, Step::Directory, errno);
  int error = ENOENT;
  for (const char* candidate : plan.candidates) {
    if (candidate == nullptr) break;
    ::execve(candidate, const_cast<char* const*>(plan.argv.data()),
             const_cast<char* const*>(plan.envp.data()));
    if (errno == ENOENT || errno == ENOTDIR) continue;
    error = errno;
    if (errno != EACCES) break;
  }
  give_up(plan, Step::Exec, error);
}

// --- the parent again ---

tl::unexpected<Error> child_error(const ProcessStart& start, const Failure& failure) {
  const std::string directory = start.working_dir.empty() ? "/" : start.working_dir;
  switch (failure.step) {
    case Step::Session: return start_error(start, "cannot begin a session", failure.error);
    case Step::Output: return start_error(start, "cannot connect its output", failure.error);
    case Step::User:
      return start_error(start,
                         "cannot become the user " + start.user + " (only an agent of root can)",
                         failure.error);
    case Step::Directory:
      return start_error(start, "cannot enter its working directory " + directory, failure.error);
    case Step::Exec: break;
  }
  const std::string& name = start.command[0];
  if (failure.error == ENOENT && name.find('/') == std::string::npos) {
    return start_error(start, Code::NotFound, "there is no command " + name + " in its PATH");
  }
  if (failure.error == ENOENT) {
    return start_error(start, Code::NotFound,
                       "there is no command " + name + ", or not the interpreter that it names");
  }
  return start_error(start, "cannot run " + name, failure.error);
}

// Forks with all signals blocked: no handler of the agent's may run in the child.
pid_t fork_child(const Plan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) run_child(plan);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

// Empty: the pipe was closed by exec.
std::optional<Failure> await_exec(int report) {
  Failure failure{};
  ssize_t got = 0;
  do {
    got = ::read(report, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof failure) return failure;
  return std::nullopt;
}

}  // namespace

Result<Process> start_process(const ProcessStart& start) {
  if (Status valid = check(start); !valid) return tl::unexpected(valid.error());
  const Result<Identity> identity = find_identity(start);
  if (!identity) return tl::unexpected(identity.error());
  const Result<Descriptor> output = open_output(start);
  if (!output) return tl::unexpected(output.error());
  const Descriptor input = raised(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  int ends[2] = {-1, -1};
  if (input.get() < 0 || ::pipe2(ends, O_CLOEXEC) != 0) {
    return start_error(start, "cannot open /dev/null and a pipe", errno);
  }
  const Descriptor result = raised(ends[0]);
  Descriptor report = raised(ends[1]);
  if (result.get() < 0 || report.get() < 0) return start_error(start, "cannot open a pipe", errno);

  const std::vector<std::string> environment = make_environment(start, *identity);
  const std::vector<std::string> candidates = find_candidates(start);
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  Plan plan;
  plan.argv = pointers(start.command);
  plan.envp = pointers(environment);
  plan.candidates = pointers(candidates);
  if (!start.working_dir.empty()) plan.directory = start.working_dir.c_str();
  plan.identity = &*identity;
  plan.input = input.get();
  plan.output = output->get();
  plan.report = report.get();
  plan.descriptors_max = std::min<rlim_t>(descriptors.rlim_cur, 1 << 16);

  const pid_t pid = fork_child(plan);
  if (pid < 0) return start_error(start, "cannot make a process", errno);
  report.reset();
  if (const auto failure = await_exec(result.get())) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return child_error(start, *failure);
  }
  const std::optional<std::uint64_t> start_time = start_time_of(pid);
  if (!start_time) {  // without it nobody could stop it later
    ::kill(-pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
    return start_error(start, Code::Internal, "cannot read /proc/" + std::to_string(pid) + "/stat");
  }
  return Process{pid, *start_time};
}

}  // namespace muster::failover
