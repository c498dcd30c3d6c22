#include "jobs.h"

#include <cstdio>
#include <map>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

// The leak detector of -fsanitize=address, where there is one: a child does not end as programs do.
extern "C" int __lsan_do_recoverable_leak_check() __attribute__((weak));

namespace muster::sim {
namespace {

struct Job {
  std::uint64_t number = 0;
  pid_t child = 0;
  std::string output;
};

void write_all(int to, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = ::write(to, text.data() + written, text.size() - written);
    if (n <= 0) ::_exit(3);
    written += static_cast<std::size_t>(n);
  }
}

}  // namespace

void run_jobs(std::uint64_t first, std::uint64_t last, std::size_t at_once,
              const std::function<std::string(std::uint64_t)>& run,
              const std::function<void(std::uint64_t, const std::string&, bool)>& done,
              const std::function<bool()>& enough) {
  std::map<int, Job> jobs;  // by the pipe that they write to
  std::uint64_t next = first;
  while (next <= last || !jobs.empty()) {
    if (enough()) last = 0;
    while (next <= last && jobs.size() < at_once) {
      int ends[2];
      CHECK(::pipe(ends) == 0);
      std::fflush(nullptr);
      const pid_t child = ::fork();
      CHECK(child >= 0);
      if (child == 0) {
        ::close(ends[0]);
        write_all(ends[1], run(next));
        const bool leaks =
            __lsan_do_recoverable_leak_check != nullptr && __lsan_do_recoverable_leak_check() != 0;
        ::_exit(leaks ? 1 : 0);
      }
      ::close(ends[1]);
      jobs[ends[0]] = {next++, child, {}};
    }
    std::vector<pollfd> waiting;
    for (const auto& [from, job] : jobs) waiting.push_back({from, POLLIN, 0});
    if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;
    for (const pollfd& one : waiting) {
      if (one.revents == 0) continue;
      char buffer[65536];
      const ssize_t n = ::read(one.fd, buffer, sizeof buffer);
      if (n > 0) {
        jobs[one.fd].output.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      const Job job = jobs[one.fd];
      jobs.erase(one.fd);
      ::close(one.fd);
      int status = 0;
      ::waitpid(job.child, &status, 0);
      done(job.number, job.output, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }
}

}  // namespace muster::sim
