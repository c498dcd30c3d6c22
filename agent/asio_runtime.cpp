#include "agent/asio_runtime.h"

#include <csignal>
#include <map>
#include <mutex>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "agent/api.h"
#include "agent/asio_notify.h"
#include "agent/asio_processes.h"
#include "agent/asio_rpc.h"
#include "agent/asio_start.h"
#include "agent/asio_strain.h"
#include "agent/civetweb_server.h"
#include "agent/drop_notices.h"
#include "agent/node.h"
#include "agent/posix_clock.h"
#include "agent/prometheus_measures.h"
#include "agent/spdlog_journal.h"
#include "alerting/curl_webhook.h"
#include "base/curl_transfers.h"
#include "base/protobuf_codec.h"
#include "base/published.h"
#include "collector/exposition.h"
#include "collector/host.h"
#include "collector/posix_host_fs.h"
#include "collector/prometheus_exposition.h"
#include "failover/posix_logs.h"
#include "health/asio_gossip.h"
#include "health/curl_prober.h"

namespace muster::agent {
namespace {

constexpr auto kPublishNews = std::chrono::milliseconds(10);
constexpr auto kPublishRest = std::chrono::seconds(1);
constexpr auto kChores = std::chrono::seconds(5);
constexpr std::size_t kLogTailBytesMax = std::size_t{1} << 20;

StreamPingEnded ended_ping(std::uint32_t sequence, const gossip::Packet* answer) {
  StreamPingEnded ended{sequence, std::nullopt};
  if (answer != nullptr) ended.answer = *answer;
  return ended;
}

class Runtime {
 public:
  Runtime(const Config& config, Prepared prepared, std::shared_ptr<health::OpensslSealer> sealer,
          OnHangup on_hangup)
      : config_(config),
        on_hangup_(on_hangup),
        sealer_(std::move(sealer)),
        signals_(io_, SIGTERM, SIGINT, SIGHUP),
        timer_(io_),
        publish_timer_(io_),
        chores_(io_),
        notify_(io_),
        disk_(1),
        instances_(std::move(prepared.instances)),
        log_(std::move(prepared.log)),
        strain_(io_, host_fs_, since_boot,
                [this](Duration lag, double pressure) {
                  happened(Strained{lag, pressure});
                }),
        host_([this](std::string_view path) { return host_fs_.read(path); }, since_boot),
        prober_(transfers_),
        webhook_(transfers_),
        processes_(io_, prepared.options.log_dir, [this](Event event) { happened(event); }),
        node_(prepared.options, std::move(prepared.recovered), protobuf_codec(), wall_now(),
              control_now()),
        views_(node_.view(control_now())) {}

  // Binds every port. The Node's first effects wait until run().
  Status open() {
    if (Status status = open_gossip(); !status) return status;
    if (Status status = open_rpc(); !status) return status;
    return open_http();
  }

  int run() {
    if (log_) {
      log_->start({[this](std::vector<std::uint64_t> tickets) {
                     const std::uint64_t last = tickets.back();
                     asio::post(io_, [this, last] { happened(LogDurable{last}); });
                   },
                   [this](bool failing, const Error& error) {
                     asio::post(io_, [this, failing, why = error.text] {
                       happened(LogHealth{failing, why});
                     });
                   }});
    }
    await_signal();
    chores();
    strain_.start();
    settle();
    notify_.ready(config_.node.name + " of cluster " + config_.cluster);
    io_.run();
    notify_.stopping();
    http_.reset();  // its threads may still hand in requests: before what serves them
    disk_.join();   // what was to be saved is, before what saves it goes
    return exit_code_;
  }

 private:
  // --- opening ---
  Status open_gossip() {
    auto gossip = health::AsioGossip::open(
        io_, {config_.listen.address, config_.listen.gossip_port},
        {[this](const Address& from, const gossip::Packet& packet) {
           received_.count(packet);
           happened(PacketArrived{from, packet});
         },
         [this](std::uint64_t exchange, const gossip::Sync& sync) {
           happened(SyncArrived{exchange, sync});
         },
         [this](std::uint64_t id, const gossip::Sync& sync) {
           happened(SyncEnded{id, sync});
         },
         [this](std::uint64_t id) {
           happened(SyncEnded{id, std::nullopt});
         },
         [this](std::uint64_t exchange, const gossip::Packet& packet) {
           happened(StreamPingArrived{exchange, packet});
         },
         [this](std::uint32_t sequence, const gossip::Packet* answer) {
           happened(ended_ping(sequence, answer));
         },
         [this](const Address& to) { happened(GossipUnreachable{to}); },
         [this](health::GossipDrop reason, const Address& from) { dropped(reason, from); }},
        sealer_);
    if (!gossip) return tl::unexpected(gossip.error());
    gossip_ = std::move(*gossip);
    return {};
  }

  Status open_rpc() {
    auto rpc =
        AsioRpc::open(io_, {config_.listen.address, config_.listen.rpc_port},
                      {[this](StreamId stream) { happened(StreamOpened{stream}); },
                       [this](StreamId stream) { happened(StreamAccepted{stream}); },
                       [this](StreamId stream, const std::string& why) {
                         happened(StreamClosed{stream, why});
                       },
                       [this](StreamId stream, rpc::Frame frame) {
                         happened(FrameArrived{stream, std::move(frame)});
                       },
                       [this](const std::string& reason) {
                         instruments_.count("muster_rpc_dropped_total", {{"reason", reason}});
                       }});
    if (!rpc) return tl::unexpected(rpc.error());
    rpc_ = std::move(*rpc);
    return {};
  }

  Status open_http() {
    HttpPorts ports;
    ports.view = [this] { return views_.read(); };
    ports.metrics = [this] { return metrics(); };
    ports.write = [this](CommandBody body, std::string id,
                         std::function<void(Result<std::string>)> done) {
      asio::post(io_, [this, body = std::move(body), id = std::move(id),
                       done = std::move(done)]() mutable {
        writes_[++last_request_] = std::move(done);
        happened(WriteRequested{last_request_, std::move(body), std::move(id)});
      });
    };
    ports.read = [this](std::string path, std::string query,
                        std::function<void(int, std::string)> done) {
      asio::post(io_, [this, path = std::move(path), query = std::move(query),
                       done = std::move(done)]() mutable {
        reads_[++last_request_] = std::move(done);
        happened(ReadRequested{last_request_, std::move(path), std::move(query)});
      });
    };
    ports.log_tail = [this](InstanceId instance, unsigned lines) -> Result<std::string> {
      const auto view = views_.read();
      const auto found = view->instances.find(instance);
      if (found == view->instances.end()) {
        return fail(Code::NotFound,
                    "instance " + std::to_string(instance) + " does not run on this node");
      }
      return failover::tail(found->second.log_path, lines, kLogTailBytesMax);
    };
    auto server =
        CivetwebServer::open({config_.listen.address, config_.listen.http_port}, std::move(ports));
    if (!server) return tl::unexpected(server.error());
    http_ = std::move(*server);
    return {};
  }

  // --- the loop ---
  void happened(const Event& event) {
    node_.handle(event, control_now());
    settle();
  }

  // Effects are carried out in the order in which they were decided. A driver never calls back
  // from within act(), so one pass is enough.
  void settle() {
    for (Effect& effect : node_.take_effects()) {
      std::visit([this](auto& what) { act(what); }, effect);
    }
    arm();
    publish_later();
  }

  // A deadline that moves away, as most do with every heartbeat, leaves the timer alone: it wakes
  // once too early and is set anew, which costs less than setting it each time.
  void arm() {
    const Instant due = node_.deadline();
    if (due >= armed_for_) return;
    armed_for_ = due;
    const Duration wait = std::max(Duration::zero(), due - control_now());
    timer_.expires_after(std::min<Duration>(wait, std::chrono::hours(1)));
    timer_.async_wait([this, due](const asio::error_code& error) {
      if (error) return;
      armed_for_ = kNever;
      const Instant now = control_now();
      if (now < node_.deadline()) return arm();
      const Duration lag = std::max(Duration::zero(), now - due);
      strain_.on_lag(lag);
      loop_lag_.observe(seconds(lag));
      happened(Tick{});
    });
  }

  void publish() {
    publish_at_ = kNever;
    applied_published_ = node_.applied();
    noticed_ = false;
    streams_ = rpc_ ? rpc_->streams() : 0;
    views_.publish(node_.view(control_now()));
  }
  // What was agreed on or noticed is seen at once (a storm of it in one view, not in thousands);
  // what only counts up may be a second old.
  void publish_later() {
    const bool news = noticed_ || node_.applied() != applied_published_;
    const Instant due = control_now() + (news ? kPublishNews : kPublishRest);
    if (due >= publish_at_) return;
    publish_at_ = due;
    publish_timer_.expires_after(news ? kPublishNews : kPublishRest);
    publish_timer_.async_wait([this](const asio::error_code& error) {
      if (!error) publish();
    });
  }

  void await_signal() {
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

  void reload() {
    if (sealer_ == nullptr) {
      return say(Level::Info, "nothing to reload: no gossip.keyring is configured");
    }
    const Status reloaded = reload_sealer(config_, *sealer_);
    if (!reloaded) return say(Level::Error, reloaded.error().text);
    say(Level::Info, "reloaded: " + sealer_text(config_, *sealer_));
  }

  void dropped(health::GossipDrop reason, const Address& from) {
    instruments_.count("muster_gossip_dropped_total", {{"reason", std::string(to_text(reason))}});
    const auto line = drop_notices_.dropped(reason, from, control_now());
    if (line) say(Level::Warning, *line);
  }

  void chores() {
    happened(WallRead{wall_now()});
    for (const std::string& line : drop_notices_.due(control_now())) say(Level::Warning, line);
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

  // --- effects ---
  void act(health::SendPacket& effect) {
    sent_.count(effect.packet);
    gossip_->send(effect.to, effect.packet);
  }
  void act(health::StartSync& effect) { gossip_->start_sync(effect.id, effect.to, effect.sync); }
  void act(health::AnswerSync& effect) { gossip_->answer_sync(effect.exchange, effect.sync); }
  void act(health::StartStreamPing& effect) {
    gossip_->start_stream_ping(effect.sequence, effect.to, effect.packet, effect.within);
  }
  void act(health::AnswerStreamPing& effect) {
    gossip_->answer_stream_ping(effect.exchange, effect.packet);
  }
  void act(OpenStream& effect) { rpc_->connect(effect.stream, effect.to); }
  void act(SendFrame& effect) { rpc_->send(effect.stream, effect.frame); }
  void act(CloseStream& effect) { rpc_->close(effect.stream); }

  void act(failover::SaveVote& effect) {
    log_->submit({effect.ticket, failover::SqliteLog::SaveVote{effect.term, effect.voted_for}});
  }
  void act(failover::AppendLog& effect) {
    log_->submit({effect.ticket,
                  failover::SqliteLog::AppendEntries{effect.first, std::move(effect.entries)}});
  }
  void act(failover::PutSnapshot& effect) {
    log_->submit({effect.ticket,
                  failover::SqliteLog::PutSnapshot{effect.meta, effect.data, effect.keep_from}});
  }

  void act(SaveInstance& effect) {
    asio::post(disk_, [this, stored = std::move(effect.stored)] {
      const Status saved = instances_->save(stored);
      asio::post(io_, [this, id = stored.assignment.instance, saved] {
        happened(InstanceSaved{id, saved});
      });
    });
  }
  void act(ForgetStored& effect) {
    asio::post(disk_, [this, id = effect.instance] {
      const Status forgotten = instances_->forget(id);
      if (forgotten) return;
      say(Level::Warning,
          "instance " + std::to_string(id) + " stays on record: " + forgotten.error().text);
    });
  }
  void act(StartProcess& effect) { processes_.start(effect); }
  void act(SignalProcess& effect) { processes_.signal(effect); }
  void act(WatchProcess& effect) { processes_.watch(effect); }

  void act(RunCheck& effect) {
    if (effect.probe.kind == ProbeKind::Exec) return processes_.check(effect);
    ProbeSpec probe = effect.probe;
    probe.timeout = effect.timeout;
    prober_.check(probe, [this, instance = effect.instance, role = effect.role, id = effect.id](
                             bool passed, std::string text) {
      asio::post(io_, [this, event = CheckEnded{instance, role, id, passed, std::move(text)}] {
        happened(event);
      });
    });
  }

  void act(alerting::Deliver& effect) {
    webhook_.deliver(effect, [this, id = effect.id,
                              receiver = effect.receiver](const alerting::DeliveryOutcome& out) {
      const bool good = out.status >= 200 && out.status < 300;
      instruments_.count("muster_alerts_notifications_total",
                         {{"receiver", receiver}, {"outcome", good ? "accepted" : "failed"}});
      if (!good) {
        say(Level::Warning,
            "receiver " + receiver + " did not take a notification: " +
                (out.status != 0 ? "HTTP " + std::to_string(out.status) : out.error));
      }
      asio::post(io_, [this, id, out] { happened(DeliveryEnded{id, out}); });
    });
  }

  void act(WriteDone& effect) {
    publish();  // whoever was answered finds what was done
    if (auto waiting = writes_.extract(effect.request)) waiting.mapped()(effect.result);
  }
  void act(ReadDone& effect) {
    if (auto waiting = reads_.extract(effect.request)) {
      waiting.mapped()(effect.status, std::move(effect.body));
    }
  }
  void act(AnswerRead& effect) {
    publish();
    const auto answer = answer_read(*views_.read(), effect.read.path, effect.read.query);
    rpc::ReadReply reply{effect.read.id, 404, {}};
    if (answer) reply = {effect.read.id, answer->status, answer->body};
    rpc_->send(effect.stream, reply);
  }

  void act(Notice& effect) {
    say(effect.level, effect.text);
    noticed_ = true;
  }
  void act(Measured& effect) {
    if (effect.metric.ends_with("_total")) {
      instruments_.count(effect.metric, effect.labels, effect.value);
    } else {
      instruments_.observe(effect.metric, effect.value, effect.labels);
    }
  }
  void act(Halt& effect) {
    exit_code_ = effect.exit_code;
    say(effect.exit_code == 0 ? Level::Info : Level::Error, effect.why);
    io_.stop();
  }

  // --- other threads ---
  std::string metrics() {
    const std::lock_guard lock(scrape_mutex_);
    measures_.measure(*views_.read(), streams_.load());
    const collector::HostReport report = host_.collect();
    for (const std::string& error : report.errors) say(Level::Warning, error);
    return collector::exposition_text(report.families) + instruments_.text();
  }

  Config config_;
  OnHangup on_hangup_;
  std::shared_ptr<health::OpensslSealer> sealer_;  // null: gossip is plain
  DropNotices drop_notices_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  asio::steady_timer timer_;
  asio::steady_timer publish_timer_;
  asio::steady_timer chores_;
  AsioNotify notify_;
  collector::Instruments instruments_;
  Measures measures_{instruments_};
  PacketCounters sent_{instruments_, "sent"};
  PacketCounters received_{instruments_, "received"};
  collector::Instruments::Histogram loop_lag_ = instruments_.histogram("muster_loop_lag_seconds");
  asio::thread_pool disk_;  // instances and output files
  std::unique_ptr<SqliteInstances> instances_;
  std::unique_ptr<failover::SqliteLog> log_;
  collector::PosixHostFs host_fs_;
  AsioStrain strain_;
  std::mutex scrape_mutex_;  // scrapes come one at a time
  collector::HostCollectors host_;
  CurlTransfers transfers_;
  health::CurlProber prober_;
  alerting::CurlWebhook webhook_;
  AsioProcesses processes_;
  std::unique_ptr<health::AsioGossip> gossip_;
  std::unique_ptr<AsioRpc> rpc_;
  Node node_;
  Published<View> views_;
  std::unique_ptr<CivetwebServer> http_;
  std::map<std::uint64_t, std::function<void(Result<std::string>)>> writes_;
  std::map<std::uint64_t, std::function<void(int, std::string)>> reads_;
  std::uint64_t last_request_ = 0;
  std::atomic<std::size_t> streams_{0};
  Instant armed_for_ = kNever;
  Instant publish_at_ = kNever;
  raft::Index applied_published_ = 0;
  bool noticed_ = false;  // since the last view
  bool leaving_ = false;
  int exit_code_ = 0;
};

}  // namespace

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
