#include "agent/asio_processes.h"

#include <csignal>
#include <map>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "failover/posix_processes.h"

namespace muster::agent {
namespace {

using failover::Exit;
using failover::Process;
using failover::ProcessStart;

constexpr std::size_t kChecksMax = 64;  // exec probes at once

std::string how_it_ended(const std::optional<Exit>& exit) {
  if (!exit) return {};
  if (exit->signal != 0) return "signal " + std::to_string(exit->signal);
  return "exit " + std::to_string(exit->code);
}

bool failed(const std::optional<Exit>& exit) {
  return !exit || exit->signal != 0 || exit->code != 0;
}

}  // namespace

class AsioProcesses::Impl : public std::enable_shared_from_this<AsioProcesses::Impl> {
 public:
  Impl(asio::io_context& io, std::string log_dir, std::function<void(Event)> post)
      : io_(io), log_dir_(std::move(log_dir)), post_(std::move(post)), pool_(1) {}

  void stop() {
    stopped_ = true;
    watched_.clear();
    checks_.clear();
    pool_.join();
  }

  void start(const StartProcess& order) {
    ProcessStart what;
    what.instance = order.instance;
    what.command = order.spec.command;
    what.env = order.env;
    what.user = order.spec.user;
    what.working_dir = order.spec.working_dir;
    what.output_path = log_dir_ + "/" + std::to_string(order.instance) + ".log";
    launch(std::move(what), [self = shared_from_this(), instance = order.instance,
                             attempt = order.attempt](const Result<Process>& process) {
      if (!process) {
        self->post_(ProcessNotStarted{instance, attempt, process.error()});
        return;
      }
      self->post_(ProcessStarted{instance, attempt, process->pid, process->start_time});
      self->watch(instance, *process);
    });
  }

  void watch(InstanceId instance, const Process& process) {
    on_end(process, [this, instance, process] {
      // The leader is a zombie of ours, or init's: its id cannot be given away before it is reaped,
      // so what is left of its group can be ended safely.
      (void)failover::signal_group(process.pid, process.start_time, SIGKILL);
      const std::optional<Exit> exit = failover::reap(process.pid);
      post_(ProcessExited{instance, process.pid, failed(exit), how_it_ended(exit)});
    });
  }

  void signal(const SignalProcess& order) {
    const int number = order.signal == Signal::Terminate ? SIGTERM : SIGKILL;
    const Status sent = failover::signal_group(order.pid, order.start_time, number);
    if (sent || sent.error().code != Code::NotFound) return;
    // It is gone and nobody saw it go.
    const Process process{order.pid, order.start_time};
    if (!watched_.contains(process)) {
      tell(ProcessExited{order.instance, order.pid, true, {}});
    }
  }

  void check(const RunCheck& order) {
    const auto answer = [self = shared_from_this(), order](bool passed, std::string text) {
      self->post_(CheckEnded{order.instance, order.role, order.id, passed, std::move(text)});
    };
    if (checks_.size() >= kChecksMax) {
      return tell(
          CheckEnded{order.instance, order.role, order.id, false, "too many exec probes at once"});
    }
    ProcessStart what;
    what.instance = order.instance;
    what.command = order.probe.command;
    what.env = order.env;
    what.env.erase("MUSTER_INSTANCE_ID");  // it is no process to be adopted
    what.user = order.spec.user;
    what.working_dir = order.spec.working_dir;
    what.output_path = "/dev/null";
    launch(std::move(what), [self = shared_from_this(), answer,
                             timeout = order.timeout](const Result<Process>& process) {
      if (!process) return answer(false, process.error().text);
      self->await_check(*process, timeout, answer);
    });
  }

 private:
  using Descriptor = asio::posix::stream_descriptor;

  // From the loop, never from within the call that asks: an answer must not overtake the rest of
  // what was decided together with the question.
  void tell(Event event) {
    asio::post(io_, [self = shared_from_this(), event = std::move(event)] {
      if (!self->stopped_) self->post_(event);
    });
  }

  void launch(ProcessStart what, std::function<void(const Result<Process>&)> done) {
    asio::post(pool_, [self = shared_from_this(), what = std::move(what),
                       done = std::move(done)]() mutable {
      Result<Process> process = failover::start_process(what);
      asio::post(self->io_, [self, process = std::move(process), done = std::move(done)] {
        if (!self->stopped_) done(process);
      });
    });
  }

  void on_end(const Process& process, std::function<void()> done) {
    const Result<int> pidfd = failover::open_pidfd(process.pid, process.start_time);
    if (!pidfd) {  // gone already, or out of descriptors: then it is asked again
      if (pidfd.error().code == Code::Exhausted) return ask_later(process, std::move(done));
      asio::post(io_, [self = shared_from_this(), done = std::move(done)] {
        if (!self->stopped_) done();
      });
      return;
    }
    auto [entry, fresh] = watched_.try_emplace(process, io_, *pidfd);
    if (!fresh) return;
    entry->second.async_wait(Descriptor::wait_read,
                             [self = shared_from_this(), process,
                              done = std::move(done)](const asio::error_code& error) {
                               if (error || self->stopped_) return;
                               self->watched_.erase(process);
                               done();
                             });
  }

  void ask_later(const Process& process, std::function<void()> done) {
    auto timer = std::make_shared<asio::steady_timer>(io_, std::chrono::milliseconds(500));
    timer->async_wait([self = shared_from_this(), timer, process,
                       done = std::move(done)](const asio::error_code& error) {
      if (!error && !self->stopped_) self->on_end(process, done);
    });
  }

  void await_check(const Process& process, Duration timeout,
                   std::function<void(bool, std::string)> answer) {
    auto [entry, fresh] = checks_.try_emplace(process, io_);
    if (!fresh) return;
    entry->second.expires_after(std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
    entry->second.async_wait([self = shared_from_this(), process](const asio::error_code& error) {
      if (error || self->stopped_) return;
      (void)failover::signal_group(process.pid, process.start_time, SIGKILL);
    });
    on_end(process, [self = shared_from_this(), process, answer = std::move(answer)] {
      self->checks_.erase(process);
      (void)failover::signal_group(process.pid, process.start_time, SIGKILL);
      const std::optional<Exit> exit = failover::reap(process.pid);
      answer(!failed(exit), how_it_ended(exit));
    });
  }

  asio::io_context& io_;
  std::string log_dir_;
  std::function<void(Event)> post_;
  asio::thread_pool pool_;
  bool stopped_ = false;
  std::map<Process, Descriptor> watched_;
  std::map<Process, asio::steady_timer> checks_;
};

AsioProcesses::AsioProcesses(asio::io_context& io, std::string log_dir,
                             std::function<void(Event)> post)
    : impl_(std::make_shared<Impl>(io, std::move(log_dir), std::move(post))) {}
AsioProcesses::~AsioProcesses() { impl_->stop(); }

void AsioProcesses::start(const StartProcess& order) { impl_->start(order); }
void AsioProcesses::watch(const WatchProcess& order) {
  impl_->watch(order.instance, Process{order.pid, order.start_time});
}
void AsioProcesses::signal(const SignalProcess& order) { impl_->signal(order); }
void AsioProcesses::check(const RunCheck& order) { impl_->check(order); }

std::vector<RecoveredInstance> recover(std::vector<StoredInstance> stored,
                                       const std::string& cluster) {
  std::vector<RecoveredInstance> all;
  for (StoredInstance& instance : stored) {
    bool running = instance.pid != 0 && failover::is_running(instance.pid, instance.start_time);
    if (!running) {
      // What a dead leader left behind must not be in the way of its successor.
      (void)failover::signal_group(instance.pid, instance.start_time, SIGKILL);
      // The agent may have died between starting a process and saving its id.
      const std::vector<Process> orphans = failover::find_by_environment(
          {{"MUSTER_CLUSTER", cluster},
           {"MUSTER_INSTANCE_ID", std::to_string(instance.assignment.instance)},
           {"MUSTER_TOKEN", std::to_string(instance.assignment.token)}});
      if (!orphans.empty() && failover::leads_session(orphans.front().pid)) {
        instance.pid = orphans.front().pid;
        instance.start_time = orphans.front().start_time;
        running = true;
      }
    }
    all.push_back({std::move(instance), running});
  }
  return all;
}

}  // namespace muster::agent
