// Which parts does a running agent have, and who owns them?
//
// The inside of agent/asio_runtime.h, for the three files that share it: asio_runtime.cpp has the
// control loop, asio_wiring.cpp opens the ports and turns what comes in there into Events,
// asio_effects.cpp carries Effects out. Everything here belongs to the control thread but for what
// says otherwise.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "agent/asio_deadline.h"
#include "agent/asio_held_reads.h"
#include "agent/asio_history.h"
#include "agent/asio_metrics_door.h"
#include "agent/asio_notify.h"
#include "agent/asio_processes.h"
#include "agent/asio_rpc.h"
#include "agent/asio_runtime.h"
#include "agent/asio_snapshots.h"
#include "agent/asio_start.h"
#include "agent/asio_strain.h"
#include "agent/asio_tls_front.h"
#include "agent/civetweb_server.h"
#include "agent/drop_notices.h"
#include "agent/node.h"
#include "agent/posix_audit.h"
#include "agent/prometheus_measures.h"
#include "agent/prometheus_scrapes.h"
#include "alerting/curl_webhook.h"
#include "base/curl_transfers.h"
#include "base/published.h"
#include "collector/own_process.h"
#include "collector/posix_gathering.h"
#include "collector/posix_host_fs.h"
#include "collector/posix_watched_host.h"
#include "health/asio_gossip.h"
#include "health/curl_prober.h"
#include "identity/openssl_tls.h"

namespace muster::agent {

class Runtime {
 public:
  Runtime(const Config& config, Prepared prepared, std::shared_ptr<health::OpensslSealer> sealer,
          OnHangup on_hangup);
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Binds every port. The Node's first effects wait until run().
  Status open();
  int run();

 private:
  // --- opening: asio_wiring.cpp ---
  Status open_gossip();
  Status open_rpc();
  Status open_http();
  Status open_door();
  void start_log();
  void make_history(std::optional<collector::SqliteHistory> history);
  Families measured(WallTime at);  // on the thread of the history
  // asio_http.cpp
  HttpPorts http_ports();
  void offer_changes(HttpPorts& ports);
  void start_task(TaskRequest request, Done<ApiResponse> done);
  Result<Caller> authenticate(const Credentials& shown);  // on the threads of HTTP
  void audit(const AuditRecord& record);                  // likewise
  // With what only a running agent knows. What is in it outlives this object.
  collector::CollectorOptions collector_options(collector::CollectorOptions options) const;

  // --- the loop: asio_runtime.cpp ---
  void happened(const Event& event);
  void settle(Instant decided_at);
  void tick(Duration late);
  void publish();
  void publish_applied();
  void heed_leader(const View& view);
  void publish_later();
  void await_signal();
  void reload();
  void dropped(health::GossipDrop reason, const Address& from);
  void say_dropped(std::string_view port, const std::string& reason, const std::string& meaning,
                   const Address& from);
  void chores();

  // --- effects: asio_effects.cpp ---
  void act(health::SendPacket& effect);
  void act(health::StartSync& effect);
  void act(health::AnswerSync& effect);
  void act(health::StartStreamPing& effect);
  void act(health::AnswerStreamPing& effect);
  void act(OpenStream& effect);
  void act(SendFrame& effect);
  void act(CloseStream& effect);
  void act(failover::SaveVote& effect);
  void act(failover::AppendLog& effect);
  void act(failover::PutSnapshot& effect);
  void act(SaveInstance& effect);
  void act(ForgetStored& effect);
  void act(StartProcess& effect);
  void act(SignalProcess& effect);
  void act(WatchProcess& effect);
  void act(RunCheck& effect);
  void act(alerting::Deliver& effect);
  void act(WriteDone& effect);
  void act(ReadDone& effect);
  void act(AnswerRead& effect);
  void act(EncodeSnapshot& effect);
  void act(SaveClusterId& effect);
  void act(InstallFacts& effect);
  void act(MakeCertificateRequest& effect);
  void act(StoreCertificate& effect);
  void act(RetireMaster& effect);
  void act(Notice& effect);
  void act(Measured& effect);
  void act(Halt& effect);

  Config config_;
  OnHangup on_hangup_;
  std::shared_ptr<health::OpensslSealer> sealer_;  // null: gossip is plain
  std::unique_ptr<OwnIdentity> own_;               // null: a plain cluster; on the disk thread
  std::shared_ptr<identity::OpensslTls> tls_;      // null: RPC and HTTP are plain
  DropNotices drop_notices_;
  asio::io_context io_{1};
  asio::signal_set signals_;
  AsioDeadline deadline_;
  asio::steady_timer publish_timer_;
  asio::steady_timer chores_;
  AsioNotify notify_;
  collector::Instruments instruments_;
  PacketCounters sent_{instruments_, "sent"};
  PacketCounters received_{instruments_, "received"};
  collector::Instruments::Histogram loop_lag_ = instruments_.histogram("muster_loop_lag_seconds");
  asio::thread_pool disk_;     // instances and output files
  asio::thread_pool encoder_;  // snapshots
  AsioSnapshots snapshots_;    // after what it runs on; run() waits for that
  std::unique_ptr<SqliteInstances> instances_;
  std::unique_ptr<failover::SqliteLog> log_;
  // Shared with the threads of collectors that hang.
  std::shared_ptr<const collector::PosixHostFs> host_fs_;
  AsioStrain strain_;
  const std::shared_ptr<Published<std::vector<collector::Copy>>> copies_ =  // likewise
      std::make_shared<Published<std::vector<collector::Copy>>>(
          std::make_shared<const std::vector<collector::Copy>>());
  const std::vector<collector::Collector> collectors_;  // that run here
  std::vector<std::string> history_collectors_;         // by name: those that it is made of
  std::shared_ptr<const collector::PosixWatchedHost> watched_host_ =
      std::make_shared<const collector::PosixWatchedHost>(host_fs_);
  collector::PosixGathering gathering_;
  Measures measures_{instruments_};  // when a scrape demands it
  // This machine, whatever machine is shown: for scrapes and, on another thread, the history.
  std::shared_ptr<const collector::PosixHostFs> own_fs_ =
      std::make_shared<const collector::PosixHostFs>();
  collector::OwnProcess own_process_{own_fs_};
  collector::OwnProcess recorded_process_{own_fs_};
  Scrapes scrapes_;
  CurlTransfers transfers_;
  health::CurlProber prober_;
  alerting::CurlWebhook webhook_;
  AsioProcesses processes_;
  std::unique_ptr<health::AsioGossip> gossip_;
  std::unique_ptr<AsioRpc> rpc_;
  Node node_;
  Published<View> views_;
  // What agents that are no masters know of the replicated state: the tokens.
  Published<ClusterState> known_{std::make_shared<const ClusterState>()};
  std::unique_ptr<AsioHistory> history_;  // null: none is kept
  std::unique_ptr<PosixAudit> audit_;
  std::unique_ptr<CivetwebServer> http_;
  std::unique_ptr<AsioTlsFront> front_;    // null: there is no identity
  std::unique_ptr<AsioMetricsDoor> door_;  // null: metrics.listen is not set
  AsioHeldReads held_reads_{io_, [this](StreamId stream, rpc::ReadReply reply) {
                              rpc_->send(stream, std::move(reply));
                              rpc_->flush();
                            }};
  std::map<std::uint64_t, Done<Outcome>> writes_;
  std::map<std::uint64_t, Done<ReadAnswer>> reads_;
  std::uint64_t last_request_ = 0;
  std::atomic<std::size_t> streams_{0};
  std::atomic<std::uint64_t> rpc_received_{0};  // bytes
  std::atomic<std::uint64_t> rpc_sent_{0};
  std::atomic<Instant> leader_contact_{Instant::min()};  // as Node's; min(): nothing
  Instant publish_at_ = kNever;
  raft::Index applied_published_ = 0;
  bool noticed_ = false;                                 // since the last view
  std::optional<std::pair<WallTime, bool>> leaderless_;  // of the last view, and whether for long
  bool leaving_ = false;
  int exit_code_ = 0;
};

}  // namespace muster::agent
