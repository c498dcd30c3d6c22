#include "agent/asio_runtime.h"

#include <csignal>
#include <utility>

#include <asio/post.hpp>

#include "agent/asio_wiring.h"
#include "agent/posix_clock.h"
#include "agent/posix_urgency.h"
#include "agent/spdlog_journal.h"
#include "base/protobuf_codec.h"
#include "collector/collectors.h"
#include "collector/posix_watched_host.h"
#include "collector/sdbus_units.h"
#include "failover/posix_logs.h"

namespace muster::agent {
namespace {

constexpr auto kPublishNews = std::chrono::milliseconds(10);
constexpr auto kPublishRest = std::chrono::seconds(1);
constexpr auto kChores = std::chrono::seconds(5);

std::shared_ptr<const std::vector<collector::Copy>> copies_of(const View& view) {
  auto copies = std::make_shared<std::vector<collector::Copy>>();
  for (const auto& [id, instance] : view.instances) {
    copies->push_back({instance.workload, id, instance.status.pid, instance.start_time,
                       instance.status.restarts});
  }
  return copies;
}

std::vector<std::string> collectors_of_history(const std::vector<collector::Collector>& all) {
  std::vector<std::string> names;
  for (const collector::Collector& one : all) {
    if (collector::feeds_history(one.name)) names.push_back(one.name);
  }
  return names;
}

}  // namespace

Runtime::Runtime(const Config& config, Prepared prepared,
                 std::shared_ptr<health::OpensslSealer> sealer, OnHangup on_hangup)
    : config_(config),
      on_hangup_(on_hangup),
      sealer_(std::move(sealer)),
      own_(std::move(prepared.own)),
      tls_(own_ != nullptr ? own_->tls() : nullptr),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      deadline_(
          io_, [this] { return node_.deadline(); }, [this](Duration late) { tick(late); }),
      publish_timer_(io_),
      chores_(io_),
      notify_(io_),
      disk_(1),
      encoder_(1),
      snapshots_(config_, encoder_,
                 [this](const Result<std::string>& path) {
                   if (path) return say(Level::Info, "snapshot kept: " + *path);
                   say(Level::Warning, "no snapshot was kept: " + path.error().text);
                 }),
      instances_(std::move(prepared.instances)),
      log_(std::move(prepared.log)),
      host_fs_(std::make_shared<const collector::PosixHostFs>(host_roots(config_.metrics))),
      strain_(io_, *host_fs_, since_boot,
              [this](Duration lag, double pressure) {
                happened(Strained{lag, pressure});
              }),
      collectors_(
          chosen(collector::all_collectors(collector_options(std::move(prepared.collectors))),
                 config.metrics)),
      history_collectors_(collectors_of_history(collectors_)),
      gathering_(watched_host_, collectors_, relay_limits(config_.metrics)),
      scrapes_(
          gathering_, instruments_,
          [this] {
            measures_.measure(*views_.read(), streams_.load());
            instruments_.set("muster_mounts_parked", {},
                             static_cast<double>(watched_host_->parked()));
            measures_.measure_traffic(rpc_received_.load(), rpc_sent_.load());
            return own_process_.measure().value_or(Families{});
          },
          [](const collector::ErrorNews::Line& line) {
            say(line.good ? Level::Info : Level::Warning, line.text);
          }),
      prober_(transfers_),
      webhook_(transfers_),
      processes_(io_, prepared.options.log_dir, [this](Event event) { happened(event); }),
      node_(prepared.options, std::move(prepared.recovered), protobuf_codec(), wall_now(),
            control_now()),
      views_(node_.view(control_now())) {
  make_history(std::move(prepared.history));
}

collector::CollectorOptions Runtime::collector_options(collector::CollectorOptions options) const {
  options.copies = [copies = copies_] { return *copies->read(); };
  collector::SystemdOptions systemd;
  systemd.units = options.systemd_units;
  systemd.compat_1_5 = options.compat_1_5;
  const auto units = std::make_shared<collector::SdbusUnits>(std::move(systemd));
  options.systemd = [units] { return units->families(); };
  return options;
}

Status Runtime::open() {
  if (Status status = open_gossip(); !status) return status;
  if (Status status = open_rpc(); !status) return status;
  if (Status status = open_http(); !status) return status;
  return open_door();
}

int Runtime::run() {
  if (const Status first = take_precedence(); !first) {
    say(Level::Info, "heartbeats have no nice value of " + std::to_string(kUrgentNice) +
                         " and may be late where this machine is busy: " + first.error().text);
  }
  start_log();
  await_signal();
  chores();
  strain_.start();
  if (history_) history_->start();
  settle(control_now());
  notify_.ready(config_.node.name + " of cluster " + config_.cluster);
  io_.run();
  notify_.stopping();
  door_.reset();
  front_.reset();
  http_.reset();  // its threads may still hand in requests: before what serves them
  if (history_) history_->stop();
  disk_.join();  // what was to be saved is, before what saves it goes
  encoder_.join();
  return exit_code_;
}

void Runtime::happened(const Event& event) {
  const Instant now = control_now();
  node_.handle(event, now);
  settle(now);
}

// Effects are carried out in the order in which they were decided. A driver never calls back
// from within act(), so one pass is enough.
void Runtime::settle(Instant decided_at) {
  for (Effect& effect : node_.take_effects()) {
    std::visit([this](auto& what) { act(what); }, effect);
  }
  rpc_->flush();
  leader_contact_ = node_.leader_contact().value_or(Instant::min());
  deadline_.arm(decided_at);
  publish_later();
}

void Runtime::tick(Duration late) {
  strain_.on_lag(late);
  loop_lag_.observe(seconds(late));
  happened(Tick{});
}

void Runtime::publish() {
  publish_at_ = kNever;
  applied_published_ = node_.applied();
  noticed_ = false;
  streams_ = rpc_->streams();
  rpc_received_ = rpc_->traffic().bytes_received;
  rpc_sent_ = rpc_->traffic().bytes_sent;
  const auto view = node_.view(control_now());
  views_.publish(view);
  copies_->publish(copies_of(*view));
  heed_leader(*view);
  held_reads_.published(view);
  if (http_) http_->published(view);
}

// A master that starts again goes on with what its history says of the leader.
void Runtime::heed_leader(const View& view) {
  std::optional<std::pair<WallTime, bool>> leaderless;
  if (view.master && view.master->leaderless_since) {
    leaderless.emplace(*view.master->leaderless_since, view.master->quorum_lost);
  }
  if (leaderless == std::exchange(leaderless_, leaderless)) return;
  if (history_) history_->hurry();
}

// What is answered in one round of consensus shares a view.
void Runtime::publish_applied() {
  if (node_.applied() != applied_published_) publish();
}

// What was agreed on or noticed is seen at once (a storm of it in one view, not in thousands);
// what only counts up may be a second old.
void Runtime::publish_later() {
  const bool news = noticed_ || node_.applied() != applied_published_;
  const Instant due = control_now() + (news ? kPublishNews : kPublishRest);
  if (due >= publish_at_) return;
  publish_at_ = due;
  publish_timer_.expires_after(news ? kPublishNews : kPublishRest);
  publish_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) publish();
  });
}

void Runtime::await_signal() {
  signals_.async_wait([this](const asio::error_code& error, int number) {
    if (error) return;
    if (number == SIGHUP && on_hangup_ == OnHangup::Reload) {
      reload();
      return await_signal();
    }
    const bool leave = number == SIGINT || config_.leave_on_terminate;
    if (!leave || std::exchange(leaving_, true)) {
      say(Level::Info, "stopping; workloads run on");
      return io_.stop();
    }
    happened(LeaveRequested{});
    await_signal();
  });
}

void Runtime::reload() {
  const bool web = door_ != nullptr && !config_.metrics.web_config.empty();
  if (web) door_->reload();
  if (sealer_ == nullptr) {
    if (web) return;
    return say(Level::Info,
               "nothing to reload: neither gossip.keyring nor metrics.web_config is configured");
  }
  const Status reloaded = reload_sealer(config_, *sealer_);
  if (!reloaded) return say(Level::Error, reloaded.error().text);
  say(Level::Info, "reloaded: " + sealer_text(config_, *sealer_));
}

void Runtime::dropped(health::GossipDrop reason, const Address& from) {
  instruments_.count("muster_gossip_dropped_total", {{"reason", std::string(to_text(reason))}});
  const auto line = drop_notices_.dropped(reason, from, control_now());
  if (line) say(Level::Warning, *line);
}

void Runtime::say_dropped(std::string_view port, const std::string& reason,
                          const std::string& meaning, const Address& from) {
  const auto line = drop_notices_.dropped(port, reason, meaning, from, control_now());
  if (line) say(Level::Warning, *line);
}

void Runtime::chores() {
  happened(WallRead{wall_now()});
  for (const std::string& line : drop_notices_.due(control_now())) say(Level::Warning, line);
  snapshots_.look(*views_.read(), control_now());
  for (const auto& [id, instance] : views_.read()->instances) {
    asio::post(disk_, [this, path = instance.log_path] {
      const Status rotated = failover::rotate_if_larger(path, config_.logs.max_bytes,
                                                        static_cast<int>(config_.logs.keep));
      if (!rotated) say(Level::Warning, "output not rotated: " + rotated.error().text);
    });
  }
  chores_.expires_after(kChores);
  chores_.async_wait([this](const asio::error_code& error) {
    if (!error) chores();
  });
}

int run_agent(const Config& config, OnHangup on_hangup) {
  open_journal(config.log.level, config.log.format, config.node.name);
  // A journal that went away and a limit on file sizes are errors to be handled, not deaths.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  Result<Prepared> prepared = prepare(config);
  if (!prepared) {
    say(Level::Error, prepared.error().text);
    return exit_code(prepared.error());
  }
  const auto sealer = open_sealer(config);
  if (!sealer) {
    say(Level::Error, sealer.error().text);
    return exit_code(sealer.error());
  }
  const std::shared_ptr<void> lock = prepared->lock;
  Runtime runtime(config, std::move(*prepared), *sealer, on_hangup);
  if (const Status opened = runtime.open(); !opened) {
    say(Level::Error, opened.error().text);
    return exit_code(opened.error());
  }
  if (*sealer != nullptr) {
    say(Level::Info, "gossip is sealed: " + sealer_text(config, **sealer));
  }
  if (config.insecure) {
    say(Level::Warning,
        "INSECURE: nobody who reaches " + config.listen.address + " has to prove who they are");
  }
  return runtime.run();
}

}  // namespace muster::agent
