#include "agent/asio_wiring.h"

#include <utility>

#include <asio/post.hpp>

#include "agent/history_families.h"
#include "agent/posix_clock.h"
#include "agent/spdlog_journal.h"

namespace muster::agent {
namespace {

StreamPingEnded ended_ping(std::uint32_t sequence, const gossip::Packet* answer) {
  StreamPingEnded ended{sequence, std::nullopt};
  if (answer != nullptr) ended.answer = *answer;
  return ended;
}

}  // namespace

void Runtime::start_log() {
  if (log_ == nullptr) return;
  log_->start(
      {[this](std::vector<std::uint64_t> tickets) {
         const std::uint64_t last = tickets.back();
         asio::post(io_, [this, last] { happened(LogDurable{last}); });
       },
       [this](bool failing, const Error& error) {
         asio::post(io_, [this, failing, why = error.text] { happened(LogHealth{failing, why}); });
       }});
}

Status Runtime::open_gossip() {
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

Status Runtime::open_rpc() {
  AsioRpc::Handlers handlers;
  handlers.on_reached = [this](StreamId stream) { happened(StreamReached{stream}); };
  handlers.on_opened = [this](StreamId stream, const AsioRpc::Peer& peer) {
    happened(StreamOpened{stream, peer});
  };
  handlers.on_accepted = [this](StreamId stream, const AsioRpc::Peer& peer) {
    happened(StreamAccepted{stream, peer});
  };
  handlers.on_nobody_listens = [this](StreamId stream) { happened(NobodyListens{stream}); };
  handlers.on_closed = [this](StreamId stream, const std::string& why) {
    happened(StreamClosed{stream, why});
  };
  handlers.on_frame = [this](StreamId stream, rpc::Frame frame) {
    happened(FrameArrived{stream, std::move(frame)});
  };
  handlers.on_dropped = [this](const AsioRpc::Dropped& what) {
    instruments_.count("muster_rpc_dropped_total", {{"reason", what.reason}});
    say_dropped("RPC", what.reason, what.meaning, what.from);
  };
  auto rpc = AsioRpc::open(io_, {config_.listen.address, config_.listen.rpc_port}, tls_,
                           std::move(handlers));
  if (!rpc) return tl::unexpected(rpc.error());
  rpc_ = std::move(*rpc);
  return {};
}

void Runtime::make_history(std::optional<collector::SqliteHistory> history) {
  if (!history) return;
  history_ = std::make_unique<AsioHistory>(
      io_, std::move(*history), config_.history, [this](WallTime at) { return measured(at); },
      [](const collector::HistoryNotice& notice) {
        say(notice.trouble ? Level::Warning : Level::Info, notice.text);
      });
}

// What fails is said once, whoever asked: here its series have a gap.
Families Runtime::measured(WallTime at) {
  constexpr Duration kPatience = std::chrono::seconds(5);
  Families families = history_families(*views_.read(), at);
  const auto add = [&](const Families& more) {
    families.insert(families.end(), more.begin(), more.end());
  };
  if (const auto own = recorded_process_.measure()) add(*own);
  if (history_collectors_.empty()) return families;
  const auto gathered = gathering_.gather(history_collectors_, kPatience);
  if (gathered) {
    scrapes_.note(*gathered);
    add(gathered->report->families);
  }
  return families;
}

}  // namespace muster::agent
