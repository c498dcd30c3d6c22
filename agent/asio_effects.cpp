#include <utility>

#include <asio/post.hpp>

#include "agent/api.h"
#include "agent/asio_wiring.h"
#include "agent/spdlog_journal.h"
#include "base/protobuf_codec.h"
#include "failover/sqlite_log_store.h"

namespace muster::agent {

void Runtime::act(health::SendPacket& effect) {
  sent_.count(effect.packet);
  gossip_->send(effect.to, effect.packet);
}

void Runtime::act(health::StartSync& effect) {
  gossip_->start_sync(effect.id, effect.to, effect.sync);
}

void Runtime::act(health::AnswerSync& effect) {
  gossip_->answer_sync(effect.exchange, effect.sync);
}

void Runtime::act(health::StartStreamPing& effect) {
  gossip_->start_stream_ping(effect.sequence, effect.to, effect.packet, effect.within);
}

void Runtime::act(health::AnswerStreamPing& effect) {
  gossip_->answer_stream_ping(effect.exchange, effect.packet);
}

void Runtime::act(OpenStream& effect) { rpc_->connect(effect.stream, effect.to); }

void Runtime::act(SendFrame& effect) { rpc_->send(effect.stream, effect.frame); }

void Runtime::act(CloseStream& effect) { rpc_->close(effect.stream); }

void Runtime::act(failover::SaveVote& effect) {
  if (log_ == nullptr) return;  // retired
  log_->submit(
      {effect.ticket, failover::SqliteLog::SaveVote{effect.term, effect.voted_for, effect.self}});
}

void Runtime::act(failover::AppendLog& effect) {
  if (log_ == nullptr) return;  // retired
  log_->submit(
      {effect.ticket, failover::SqliteLog::AppendEntries{effect.first, std::move(effect.entries)}});
}

void Runtime::act(failover::PutSnapshot& effect) {
  if (log_ == nullptr) return;  // retired
  log_->submit({effect.ticket,
                failover::SqliteLog::PutSnapshot{effect.meta, effect.data, effect.keep_from}});
}

void Runtime::act(SaveInstance& effect) {
  asio::post(disk_, [this, stored = std::move(effect.stored)] {
    const Status saved = instances_->save(stored);
    asio::post(io_, [this, id = stored.assignment.instance, saved] {
      happened(InstanceSaved{id, saved});
    });
  });
}

void Runtime::act(ForgetStored& effect) {
  asio::post(disk_, [this, id = effect.instance] {
    const Status forgotten = instances_->forget(id);
    if (forgotten) return;
    say(Level::Warning,
        "instance " + std::to_string(id) + " stays on record: " + forgotten.error().text);
  });
}

void Runtime::act(StartProcess& effect) { processes_.start(effect); }

void Runtime::act(SignalProcess& effect) { processes_.signal(effect); }

void Runtime::act(WatchProcess& effect) { processes_.watch(effect); }

void Runtime::act(RunCheck& effect) {
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

void Runtime::act(alerting::Deliver& effect) {
  webhook_.deliver(effect, [this, id = effect.id,
                            receiver = effect.receiver](const alerting::DeliveryOutcome& out) {
    const bool good = out.status >= 200 && out.status < 300;
    instruments_.count("muster_alerts_notifications_total",
                       {{"receiver", receiver}, {"outcome", good ? "accepted" : "failed"}});
    if (!good) {
      say(Level::Warning, "receiver " + receiver + " did not take a notification: " +
                              (out.status != 0 ? "HTTP " + std::to_string(out.status) : out.error));
    }
    asio::post(io_, [this, id, out] { happened(DeliveryEnded{id, out}); });
  });
}

void Runtime::act(WriteDone& effect) {
  publish_applied();  // whoever was answered finds what was done
  if (auto waiting = writes_.extract(effect.request)) waiting.mapped()(effect.result);
}

void Runtime::act(ReadDone& effect) {
  if (auto waiting = reads_.extract(effect.request)) {
    if (effect.body.empty()) return waiting.mapped()(ReadAnswer(no_coordinator(*views_.read())));
    waiting.mapped()(ReadAnswer(unpacked(effect.status, std::move(effect.body))));
  }
}

void Runtime::act(AnswerRead& effect) {
  publish_applied();
  if (effect.stream != 0) return held_reads_.answer(effect.stream, effect.read, views_.read());
  if (auto waiting = reads_.extract(effect.request)) waiting.mapped()(ReadAnswer(views_.read()));
}

void Runtime::act(EncodeSnapshot& effect) {
  asio::post(encoder_, [this, index = effect.index, state = std::move(effect.state)]() mutable {
    auto data = std::make_shared<const std::string>(protobuf_codec().encode_state(*state));
    state.reset();  // what it alone still holds goes here, and not on the control thread
    asio::post(io_, [this, index, data = std::move(data)] {
      happened(SnapshotEncoded{index, data});
    });
  });
}

void Runtime::act(SaveClusterId& effect) {
  asio::post(disk_, [this, id = effect.id] {
    const Status saved = instances_->save_cluster(id);
    if (!saved) say(Level::Warning, "the cluster's id is not saved: " + saved.error().text);
  });
}

void Runtime::act(RetireMaster& effect) {
  say(Level::Warning, effect.why);
  log_.reset();  // waits for what was submitted
  if (const Status aside = failover::retire_log(config_.data_dir + "/consensus.db"); !aside) {
    say(Level::Error, aside.error().text);
  }
}

void Runtime::act(Notice& effect) {
  say(effect.level, effect.text);
  noticed_ = true;
}

void Runtime::act(Measured& effect) {
  if (effect.metric.ends_with("_total")) {
    instruments_.count(effect.metric, effect.labels, effect.value);
  } else {
    instruments_.observe(effect.metric, effect.value, effect.labels);
  }
}

void Runtime::act(Halt& effect) {
  exit_code_ = effect.exit_code;
  say(effect.exit_code == 0 ? Level::Info : Level::Error, effect.why);
  io_.stop();
}

}  // namespace muster::agent
