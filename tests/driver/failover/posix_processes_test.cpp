#include "failover/posix_processes.h"

#include <limits>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/driver/temp_dir.h"

namespace muster::failover {
namespace {

class Processes : public testing::Test {
 protected:
  TempDir dir_;
  std::vector<Process> started_;

  ~Processes() override {
    for (const Process& process : started_) {
      if (signal_group(process.pid, process.start_time, SIGKILL)) {
        EXPECT_TRUE(eventually([&] { return group_is_empty(process.pid); }));
      }
      static_cast<void>(reap(process.pid));
    }
  }
  ProcessStart shell(const std::string& script) {
    ProcessStart start;
    start.instance = 17;
    start.command = {"sh", "-c", script};
    start.env = {{"MUSTER_INSTANCE_ID", unique()}};
    start.output_path = dir_.file("out.log");
    return start;
  }
  // Of this test alone: other tests of the machine look for processes too.
  std::string unique() const { return "17-" + dir_.path(); }

  Process run(const ProcessStart& start) {
    const auto process = start_process(start);
    EXPECT_TRUE(process) << process.error().text;
    if (!process) return {};
    started_.push_back(*process);
    return *process;
  }
  Exit wait_for_exit(const Process& process) {
    std::optional<Exit> exit;
    EXPECT_TRUE(eventually([&] { return (exit = reap(process.pid)).has_value(); }));
    return exit.value_or(Exit{-1, -1});
  }
  // What the script wrote, after it has ended.
  std::string output_of(const ProcessStart& start) {
    EXPECT_EQ(wait_for_exit(run(start)), (Exit{0, 0}));
    return read_file(start.output_path);
  }
  Error start_error(const ProcessStart& start) {
    const auto process = start_process(start);
    EXPECT_FALSE(process);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a zombie is left";
    const Error error = process ? Error{} : process.error();
    EXPECT_NE(error.text.find("instance 17"), std::string::npos) << error.text;
    return error;
  }
};

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Processes, AppendWhatTheyWriteToTheirOutputFile) {
  write_file(dir_.file("out.log"), "before\n");
  EXPECT_EQ(output_of(shell("echo out; echo err >&2")), "before\nout\nerr\n");
}

TEST_F(Processes, MakeTheirOutputFileReadableForTheGroupOnly) {
  output_of(shell("true"));
  struct stat info {};
  ASSERT_EQ(::stat(dir_.file("out.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(Processes, TellHowTheyEndedOnce) {
  const Process exited = run(shell("exit 3"));
  EXPECT_EQ(wait_for_exit(exited), (Exit{3, 0}));
  EXPECT_EQ(reap(exited.pid), std::nullopt);
  const Process killed = run(shell("kill -USR1 $$"));
  EXPECT_EQ(wait_for_exit(killed), (Exit{0, SIGUSR1}));
}

TEST_F(Processes, SeeTheirOwnEnvironmentAndNotTheAgents) {
  ASSERT_EQ(::setenv("AGENT_SECRET", "x", 1), 0);
  ProcessStart start = shell("env");
  start.env["GREETING"] = "hello world";
  const std::string output = output_of(start);
  EXPECT_FALSE(says(output, "AGENT_SECRET"));
  for (const char* part : {"PATH=/usr/local/sbin:", "HOME=/",
                           "USER=", "LANG=", "GREETING=hello world\n", "MUSTER_INSTANCE_ID=17-"}) {
    EXPECT_TRUE(says(output, part)) << part << " in " << output;
  }
}

TEST_F(Processes, InheritNoDescriptorAndReadNothing) {
  const int open_here = ::open("/dev/zero", O_RDONLY);  // not marked close-on-exec
  ASSERT_GE(open_here, 3);
  // The fourth descriptor is ls's own, of the directory.
  EXPECT_EQ(output_of(shell("cat; ls /proc/self/fd")), "0\n1\n2\n3\n");
  ::close(open_here);
}

TEST_F(Processes, StartWithoutBlockedOrIgnoredSignals) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  signal(SIGHUP, SIG_IGN);
  const std::string output = output_of(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status; umask"));
  signal(SIGHUP, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0022\n");
}

TEST_F(Processes, LeadASessionAndAGroupOfTheirOwn) {
  const Process process = run(shell("exec sleep 1000"));
  EXPECT_EQ(::getsid(static_cast<pid_t>(process.pid)), process.pid);
  EXPECT_EQ(::getpgid(static_cast<pid_t>(process.pid)), process.pid);
}

TEST_F(Processes, RunInTheirWorkingDirectory) {
  ProcessStart start = shell("pwd");
  EXPECT_EQ(output_of(start), "/\n");
  start.working_dir = dir_.path();
  EXPECT_EQ(output_of(start), "/\n" + dir_.path() + "\n");
}

TEST_F(Processes, TakeOnAnotherUserOrSayWhyNot) {
  ProcessStart start = shell("id -u; id -G; echo $USER");
  start.user = "nobody";
  if (::geteuid() != 0) {
    const Error error = start_error(start);
    EXPECT_EQ(error.code, Code::PermissionDenied);
    EXPECT_TRUE(says(error.text, "cannot become the user nobody")) << error.text;
    return;
  }
  EXPECT_EQ(output_of(start), "65534\n65534\nnobody\n");
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0700), 0);
  start.working_dir = dir_.path();
  const Error error = start_error(start);
  EXPECT_EQ(error.code, Code::PermissionDenied);
  EXPECT_TRUE(says(error.text, "working directory " + dir_.path())) << error.text;
}

TEST_F(Processes, RefusedStartsSayWhatIsMissing) {
  ProcessStart start = shell("true");
  start.command = {"no-such-command-here"};
  Error error = start_error(start);
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_TRUE(says(error.text, "no command no-such-command-here in its PATH")) << error.text;

  start.command = {"/no/such/command"};
  error = start_error(start);
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_TRUE(says(error.text, "/no/such/command")) << error.text;

  start = shell("true");
  start.user = "no-such-user";
  error = start_error(start);
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_TRUE(says(error.text, "no user no-such-user")) << error.text;

  start = shell("true");
  start.working_dir = "/no/such/dir";
  error = start_error(start);
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_TRUE(says(error.text, "working directory /no/such/dir")) << error.text;

  start = shell("true");
  start.output_path = dir_.file("missing/out.log");
  error = start_error(start);
  EXPECT_EQ(error.code, Code::NotFound);
  EXPECT_TRUE(says(error.text, start.output_path)) << error.text;
}

TEST_F(Processes, RefusedStartsSayWhatMayNotBeRun) {
  ProcessStart start = shell("true");
  write_file(dir_.file("plain"), "no program\n");
  start.command = {dir_.file("plain")};
  EXPECT_EQ(start_error(start).code, Code::PermissionDenied);
  ASSERT_EQ(::chmod(dir_.file("plain").c_str(), 0755), 0);
  EXPECT_EQ(start_error(start).code, Code::InvalidArgument);  // no shell guesses what it is

  start.command = {};
  EXPECT_EQ(start_error(start).code, Code::InvalidArgument);
  start = shell("true");
  start.env["A=B"] = "c";
  EXPECT_EQ(start_error(start).code, Code::InvalidArgument);
  start = shell("true");
  start.command.push_back(std::string("a\0b", 3));
  EXPECT_EQ(start_error(start).code, Code::InvalidArgument);
  start = shell("true");
  start.output_path = "/dev/null";
  EXPECT_EQ(start_error(start).code, Code::PermissionDenied);
}

TEST_F(Processes, AreFoundByTheirPathWhenItIsTheirOwn) {
  write_file(dir_.file("tool"), "#!/bin/sh\necho found\n");
  ASSERT_EQ(::chmod(dir_.file("tool").c_str(), 0755), 0);
  ProcessStart start = shell("");
  start.command = {"tool"};
  start.env["PATH"] = "/nowhere:" + dir_.path();
  EXPECT_EQ(output_of(start), "found\n");
}

TEST_F(Processes, GoWithTheirWholeGroup) {
  const Process process = run(shell("sleep 1000 & (sleep 1000 & wait) & wait"));
  ASSERT_TRUE(eventually([&] {
    return find_by_environment({{"MUSTER_INSTANCE_ID", unique()}}).size() == 4;
  }));
  EXPECT_EQ(find_by_environment({{"MUSTER_INSTANCE_ID", unique()}}).front(), process);
  EXPECT_FALSE(group_is_empty(process.pid));
  EXPECT_TRUE(signal_group(process.pid, process.start_time, SIGTERM));
  EXPECT_EQ(wait_for_exit(process), (Exit{0, SIGTERM}));
  EXPECT_TRUE(eventually([&] { return group_is_empty(process.pid); }));
  EXPECT_TRUE(find_by_environment({{"MUSTER_INSTANCE_ID", unique()}}).empty());
  const Status again = signal_group(process.pid, process.start_time, SIGKILL);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::NotFound);
}

TEST_F(Processes, LeaveAGroupThatCanStillBeKilledWhenTheLeaderIsGone) {
  const Process leader = run(shell("(trap '' TERM; sleep 1000 & wait; sleep 1000) & exit 0"));
  EXPECT_EQ(wait_for_exit(leader), (Exit{0, 0}));
  EXPECT_FALSE(is_running(leader.pid, leader.start_time));
  EXPECT_FALSE(group_is_empty(leader.pid));
  const Status stranger = signal_group(leader.pid, leader.start_time + 100000, SIGKILL);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Code::Conflict);
  EXPECT_FALSE(group_is_empty(leader.pid));
  EXPECT_TRUE(signal_group(leader.pid, leader.start_time, SIGKILL));
  EXPECT_TRUE(eventually([&] { return group_is_empty(leader.pid); }));
}

TEST_F(Processes, AreLeftAloneWhenTheStartTimeIsAnothers) {
  const Process process = run(shell("exec sleep 1000"));
  for (const std::uint64_t wrong : {process.start_time - 1, process.start_time + 1}) {
    EXPECT_FALSE(is_running(process.pid, wrong));
    const Status killed = signal_group(process.pid, wrong, SIGKILL);
    ASSERT_FALSE(killed);
    EXPECT_EQ(killed.error().code, Code::Conflict);
    const auto fd = open_pidfd(process.pid, wrong);
    ASSERT_FALSE(fd);
    EXPECT_EQ(fd.error().code, Code::Conflict);
  }
  EXPECT_TRUE(is_running(process.pid, process.start_time));
  EXPECT_EQ(reap(process.pid), std::nullopt);
}

TEST_F(Processes, WithIdsThatCannotBeAreNeverSignalled) {
  for (const std::int64_t pid : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1},
                                 std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_FALSE(signal_group(pid, start_time_of(pid).value_or(0), 0)) << pid;
    EXPECT_FALSE(is_running(pid, 0)) << pid;
    EXPECT_EQ(reap(pid), std::nullopt) << pid;
  }
  // One that leads no group: this test's own child before it asks for one.
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_EQ(signal_group(child, start_time_of(child).value_or(0), SIGKILL).error().code,
            Code::Conflict);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(Processes, AreNotRunningWhenTheyAreZombies) {
  const Process process = run(shell("exit 0"));
  EXPECT_TRUE(eventually([&] { return !is_running(process.pid, process.start_time); }));
  EXPECT_TRUE(group_is_empty(process.pid));
  EXPECT_EQ(start_time_of(process.pid), process.start_time);  // it is still there, as a zombie
  EXPECT_EQ(wait_for_exit(process), (Exit{0, 0}));
}

TEST_F(Processes, OutliveTheirAgentAndAreAdopted) {
  const pid_t agent = ::fork();
  if (agent == 0) {
    const auto process = start_process(shell("exec sleep 1000"));
    ::kill(::getpid(), SIGKILL);  // between start_process() and saving what it said
    ::_exit(process ? 0 : 1);
  }
  ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);
  const std::vector<Process> found = find_by_environment({{"MUSTER_INSTANCE_ID", unique()}});
  ASSERT_EQ(found.size(), 1U);
  const Process orphan = found.front();
  EXPECT_TRUE(leads_session(orphan.pid));
  EXPECT_TRUE(is_running(orphan.pid, orphan.start_time));
  EXPECT_TRUE(find_by_environment({{"MUSTER_INSTANCE_ID", unique() + "0"}}).empty());

  const auto fd = open_pidfd(orphan.pid, orphan.start_time);
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_NE(::fcntl(*fd, F_GETFD) & FD_CLOEXEC, 0);
  pollfd watched{*fd, POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  EXPECT_TRUE(signal_group(orphan.pid, orphan.start_time, SIGKILL));
  EXPECT_EQ(::poll(&watched, 1, 10000), 1);
  ::close(*fd);
  EXPECT_FALSE(is_running(orphan.pid, orphan.start_time));
  EXPECT_EQ(reap(orphan.pid), std::nullopt);  // init's, not ours
}

TEST(KernelBootId, IsAUuidAndStaysTheSame) {
  EXPECT_EQ(kernel_boot_id().size(), 36U);
  EXPECT_EQ(kernel_boot_id(), kernel_boot_id());
}

}  // namespace
}  // namespace muster::failover
