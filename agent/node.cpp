#include "agent/node.h"

#include <algorithm>
#include <utility>

#include "identity/clock.h"

namespace muster::agent {
namespace {

constexpr Duration kLeavePatience = std::chrono::seconds(10);

gossip::Claim self_claim(const NodeInfo& info) {
  gossip::Claim claim;
  claim.name = info.name;
  claim.card = std::make_shared<const gossip::Card>(
      gossip::Card{info.name, info.gossip, Node::card_meta(info)});
  return claim;
}

rpc::Hello hello_of(const NodeOptions& options, const std::string& cluster_id) {
  rpc::Hello hello;
  hello.cluster = options.cluster;
  hello.from = options.info.name;
  hello.masters = options.masters_digest;
  hello.purpose = rpc::Purpose::Agent;
  hello.cluster_id = cluster_id;
  hello.boot = options.info.boot;
  return hello;
}

std::vector<std::pair<NodeName, Address>> listed(const std::map<NodeName, Address>& masters) {
  return {masters.begin(), masters.end()};
}

}  // namespace

gossip::Meta Node::card_meta(const NodeInfo& info) {
  gossip::Meta meta;
  meta.master = info.master;
  meta.zone = info.zone;
  meta.rpc = info.rpc;
  meta.http = info.http;
  meta.version = info.version;
  meta.labels = gossip::labels_digest(info.labels);
  return meta;
}

Node::Node(NodeOptions options, Recovered recovered, Codec codec, WallTime wall, Instant now)
    : options_(std::move(options)),
      wall_{now, wall},
      rng_(options_.seed),
      swim_(options_.swim, options_.cluster, self_claim(options_.info), now, rng_),
      trust_(options_.secured, options_.cluster),
      cluster_id_(recovered.cluster_id),
      session_(options_.session, listed(options_.masters), hello_of(options_, cluster_id_), ids_,
               rng_, now),
      renewing_(options_.info.name, options_.certificate),
      supervisor_(options_.cluster, options_.info.name, options_.info.rpc.host, wall_, rng_,
                  recovered.instances, now) {
  if (options_.info.master) {
    options_.master.masters = options_.masters;
    options_.master.leaderless = recovered.leaderless;
    master_ = std::make_unique<Master>(
        options_.master, options_.info, hello_of(options_, cluster_id_),
        std::move(recovered.consensus), std::move(codec), wall_, ids_, rng_.next(), now);
    master_->start(now);
  }
  session_.set_wall(wall_);
  swim_.join(options_.join, now);
  settle(now);
}

void Node::handle(const Event& event, Instant now) {
  if (halted_) return;
  std::visit([&](const auto& what) { on(what, now); }, event);
  settle(now);
}

void Node::on(const PacketArrived& event, Instant now) {
  swim_.on_packet(event.from, event.packet, now);
}
void Node::on(const SyncArrived& event, Instant now) {
  swim_.on_sync_request(event.exchange, event.sync, now);
}
void Node::on(const SyncEnded& event, Instant now) {
  if (event.sync) {
    swim_.on_sync_reply(event.id, *event.sync, now);
  } else {
    swim_.on_sync_failed(event.id, now);
  }
}

void Node::on(const StreamPingArrived& event, Instant now) {
  swim_.on_stream_ping(event.exchange, event.packet, now);
}
void Node::on(const StreamPingEnded& event, Instant now) {
  swim_.on_stream_ping_ended(event.sequence, event.answer ? &*event.answer : nullptr, now);
}
void Node::on(const GossipUnreachable& event, Instant now) {
  swim_.hint_unreachable_at(event.at, now);
}
void Node::on(const Strained& event, Instant /*now*/) {
  swim_.on_strain(event.loop_lag, event.cpu_pressure);
}

void Node::on(const LogDurable& event, Instant now) {
  if (master_) master_->on_durable(event.ticket, now);
}
void Node::on(const LogHealth& event, Instant now) {
  if (master_) master_->on_disk(event.failing, event.why, now);
}

void Node::on(const SnapshotEncoded& event, Instant now) {
  if (master_) master_->on_snapshot(event.index, event.data, now);
}

void Node::on(const InstanceSaved& event, Instant now) {
  if (!event.saved) {
    emit(Notice{Level::Error,
                "instance " + std::to_string(event.instance) +
                    " cannot be saved, nothing new is started: " + event.saved.error().text});
  }
  supervisor_.on_saved(event.instance, event.saved, now);
}
void Node::on(const ProcessStarted& event, Instant now) {
  supervisor_.on_started(event.instance, event.attempt, event.pid, event.start_time, now);
}
void Node::on(const ProcessNotStarted& event, Instant now) {
  supervisor_.on_start_failed(event.instance, event.attempt, event.error, now);
}
void Node::on(const ProcessExited& event, Instant now) {
  supervisor_.on_exited(event.instance, event.pid, event.failed, event.how, now);
}
void Node::on(const CheckEnded& event, Instant now) {
  supervisor_.on_check(event.instance, event.role, event.id, event.passed, event.text, now);
}
void Node::on(const DeliveryEnded& event, Instant now) {
  if (master_) master_->on_delivery(event.id, event.outcome, now);
}

void Node::on(const WallRead& event, Instant now) {
  const bool set = identity::clocks_differ(wall_.wall_at(now), event.wall);
  wall_ = {now, event.wall};
  session_.set_wall(wall_);
  if (!set) return;
  // What the clock that was wrong did not bear is looked at again.
  renewing_.retry(now);
  if (!facts_refused_.empty()) take_again(now);
}

void Node::on(const LeaveRequested& /*event*/, Instant now) {
  if (leaving_) return;
  leaving_ = true;
  // Nobody looks after what outlives this agent: it waits for the slowest to end, or to be killed.
  Duration slowest{};
  for (const auto& [id, instance] : supervisor_.instances()) {
    slowest = std::max(slowest, instance.spec().stop_grace);
  }
  leave_by_ = now + slowest + kLeavePatience;
  emit(Notice{Level::Info, "leaving: stopping workloads and telling the others"});
  supervisor_.stop_all(now);
  swim_.leave(now);
}

void Node::on(const Tick& /*event*/, Instant now) {
  swim_.tick(now);
  if (master_) session_.set_vitals(master_->applied(), master_->disk_failing());
  session_.tick(now);
  supervisor_.tick(now);
  if (master_) master_->tick(now);
  for (Effect& effect : questions_.tick(now)) emit(std::move(effect));
  end_strangers(now);
  end_expired(now);
  if (now >= take_again_) take_again(now);
}

void Node::emit(Effect effect) {
  // Nothing more is heard of a stream that is closed from here.
  if (const auto* closing = std::get_if<CloseStream>(&effect)) trust_.forget(closing->stream);
  effects_.push_back(std::move(effect));
}

Instant Node::deadline() const {
  Instant next =
      std::min({swim_.deadline(), session_.deadline(), supervisor_.deadline(), leave_by_});
  next = std::min({next, renewing_.deadline(), take_again_});
  if (master_) next = std::min(next, master_->deadline());
  // Asked for after every event: it must not cost more where more agents are connected.
  next = std::min(next, questions_.deadline());
  if (!strangers_.empty()) next = std::min(next, strangers_.begin()->first);
  return next;
}

std::vector<Effect> Node::take_effects() { return std::exchange(effects_, {}); }

// Of thousands of members few change in a second. What changes without a MemberChanged (a raised
// incarnation, a forgotten tombstone, ourselves) shows in the digest or in the size of the table.
std::shared_ptr<const MemberViews> Node::member_views() const {
  const health::MemberTable& table = swim_.members();
  if (shown_.views && shown_.changes == member_changes_ && shown_.digest == table.digest() &&
      shown_.size == table.size()) {
    return shown_.views;
  }
  auto views = std::make_shared<MemberViews>();
  for (const health::Member& member : table) {
    views->emplace_hint(views->end(), member.name(),
                        MemberView{member.name(), member.state, member.incarnation, member.gossip(),
                                   member.meta(), member.since, swim_.accuser_of(member.name())});
  }
  shown_ = {views, member_changes_, table.digest(), table.size()};
  return views;
}

std::shared_ptr<const View> Node::view(Instant now) const {
  auto view = std::make_shared<View>();
  view->cluster = options_.cluster;
  view->self = options_.info;
  view->insecure = options_.insecure;
  view->joined = swim_.joined();
  view->registered = session_.registered();
  view->state_failing = supervisor_.unsaved();
  view->coordinator = session_.coordinator();
  view->now = wall_.wall_at(now);
  if (const auto& clocks = session_.clocks()) view->clock_offset = clocks->there - clocks->here;
  view->certificate_ends = renewing_.ends();
  const failover::LeaseHolder& lease = session_.lease();
  if (lease.held(now)) {
    view->lease_remaining_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(lease.until() - now).count();
  }
  view->clock = wall_;
  view->members = member_views();
  view->history = history_.events();
  view->gossip = swim_.counters();
  view->flaps = history_.flaps();
  view->member_changes = member_changes_;
  view->health_score = swim_.health_score();
  for (const auto& [id, instance] : supervisor_.instances()) {
    view->instances[id] = {instance.status(), instance.spec().name,
                           options_.log_dir + "/" + std::to_string(id) + ".log",
                           instance.start_time()};
  }
  if (master_) view->master = std::make_shared<const MasterView>(master_->view());
  return view;
}

}  // namespace muster::agent
