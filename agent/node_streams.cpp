// The part of Node that talks to other agents over streams.
#include <algorithm>
#include <utility>

#include "agent/node.h"

namespace muster::agent {
namespace {

constexpr Duration kHelloPatience = std::chrono::seconds(5);
constexpr std::size_t kPeersMax = 16384;

MasterId master_id_of(const rpc::Hello& hello) {
  return hello.master_id != 0 ? hello.master_id : master_id(hello.from);
}

}  // namespace

void Node::on(const StreamReached& event, Instant now) {
  session_.on_reached(event.stream, now);
  if (master_) master_->on_reached(event.stream, now);
}

void Node::on(const StreamOpened& event, Instant now) {
  const bool own = session_.owns(event.stream);
  const NodeName expected = own       ? session_.peer()
                            : master_ ? master_->peer_of(event.stream)
                                      : NodeName();
  const std::string why = trust_.admit_master(event.stream, event.peer, expected);
  if (!why.empty()) {
    emit(Notice{Level::Error, "the stream to master " + expected + " is not used: " + why});
    emit(CloseStream{event.stream, why});
    if (own) return session_.on_closed(event.stream, why, now);
    if (master_) master_->on_link_closed(event.stream, now);
    return;
  }
  if (own) return session_.on_opened(event.stream, now);
  if (master_) master_->on_opened(event.stream);
}

void Node::on(const StreamAccepted& event, Instant now) {
  if (peers_.size() >= kPeersMax) {
    emit(CloseStream{event.stream, "too many streams"});
    return;
  }
  if (const std::string why = trust_.admit(event.stream, event.peer); !why.empty()) {
    emit(Notice{Level::Warning, "a stream was not accepted: " + why});
    emit(CloseStream{event.stream, why});
    return;
  }
  const auto [peer, fresh] = peers_.try_emplace(event.stream);
  CHECK(fresh);  // ids are never used twice
  peer->second.hello_due = now + kHelloPatience;
  strangers_.emplace(peer->second.hello_due, event.stream);
  // The newest is the one that its node uses.
  if (const auto oldest = trust_.surplus(event.stream)) {
    end_stream(*oldest, "its node has too many streams", now);
  }
}

void Node::on(const NobodyListens& event, Instant now) {
  if (master_ && master_->owns(event.stream)) master_->on_nobody_listens(event.stream, now);
}

void Node::on(const StreamClosed& event, Instant now) {
  trust_.forget(event.stream);
  if (session_.owns(event.stream)) {
    const NodeName coordinator = session_.registered() ? session_.coordinator() : NodeName();
    session_.on_closed(event.stream, event.why, now);
    // A broken stream says that something is wrong, not what: membership looks at once.
    if (!coordinator.empty()) swim_.hint_unreachable(coordinator, now);
    return;
  }
  if (forget_peer(event.stream)) {
    if (master_) master_->on_agent_closed(event.stream);
    return;
  }
  if (master_) master_->on_link_closed(event.stream, now);
}

void Node::on(const FrameArrived& event, Instant now) {
  if (session_.owns(event.stream)) {
    const auto* reply = std::get_if<rpc::HelloReply>(&event.frame);
    if (reply != nullptr && reply->here && !reply->refused) session_.on_masters(reply->masters);
    session_.on_frame(event.stream, event.frame, now);
    if (session_.registered()) on_coordinator_frame(event.frame, now);
    return;
  }
  const auto peer = peers_.find(event.stream);
  if (peer != peers_.end()) return on_peer_frame(event.stream, peer->second, event.frame, now);
  if (master_ && master_->owns(event.stream)) {
    master_->on_link_frame(event.stream, event.frame, now);
  }
}

void Node::on_peer_frame(StreamId stream, Peer& peer, const rpc::Frame& frame, Instant now) {
  if (!peer.name) {
    if (const auto* hello = std::get_if<rpc::Hello>(&frame)) {
      return on_hello(stream, peer, *hello, now);
    }
    emit(CloseStream{stream, "a stream begins with a Hello"});
    forget_peer(stream);
    return;
  }
  if (!master_) return;
  if (const auto* renew = std::get_if<rpc::Renew>(&frame)) {
    return master_->on_renew(stream, trust_.peer_of(stream), *renew, now);
  }
  if (peer.purpose == rpc::Purpose::Agent) {
    return master_->on_agent_frame(stream, frame, trust_.vouches(stream), now);
  }
  if (const auto* again = std::get_if<rpc::Hello>(&frame)) {  // it asks once more
    if (again->from == *peer.name) on_hello(stream, peer, *again, now);
    return;
  }
  if (const auto* message = std::get_if<rpc::Consensus>(&frame)) {
    const health::Member* member = swim_.members().find(*peer.name);
    master_->on_consensus(*peer.name, peer.master_id, member ? member->meta().rpc : Address{},
                          message->message, now);
  }
}

// Why a peer is not talked to; empty: it is.
std::string Node::objection(StreamId stream, const rpc::Hello& hello) const {
  if (hello.protocol_min > rpc::kProtocolMax || hello.protocol_max < rpc::kProtocolMin) {
    return "protocol " + std::to_string(hello.protocol_min) + " to " +
           std::to_string(hello.protocol_max) + " is not spoken here, " +
           std::to_string(rpc::kProtocolMin) + " to " + std::to_string(rpc::kProtocolMax) +
           " is: upgrade the older agent";
  }
  if (hello.cluster != options_.cluster) {
    return "it belongs to cluster \"" + hello.cluster + "\", this is \"" + options_.cluster +
           "\": check `cluster` in its configuration";
  }
  if (std::string why = trust_.objection(stream, hello); !why.empty()) return why;
  const std::string& id = cluster_id();
  if (!hello.cluster_id.empty() && !id.empty() && hello.cluster_id != id) {
    return "its data directory is that of another cluster that is called \"" + hello.cluster +
           "\" too (" + hello.cluster_id + ", this is " + id +
           "): give it an empty data_dir, or the right masters";
  }
  if (!master_) return options_.info.name + " is not a master: check `masters`";
  // Two lists could make two clusters. Once the masters were changed the lists mean nothing more.
  const bool listed_once = hello.masters != 0 && options_.masters_digest != 0;
  if (listed_once && hello.masters != options_.masters_digest && !master_->electorate().changed()) {
    std::string mine;
    for (const auto& [name, address] : options_.masters) {
      mine += (mine.empty() ? "" : ", ") + name + " " + address.text();
    }
    return "its list of masters is another one; here it is: " + mine;
  }
  if (hello.purpose == rpc::Purpose::Master && hello.from == options_.info.name) {
    return "the name " + hello.from + " is this master's own: give one another node.name";
  }
  return {};
}

void Node::on_hello(StreamId stream, Peer& peer, const rpc::Hello& hello, Instant now) {
  rpc::HelloReply no;
  no.why = objection(stream, hello);
  no.blank = !master_ || master_->is_blank();
  if (no.why.empty() && hello.purpose == rpc::Purpose::Master && !trust_.secured() &&
      !master_->is_master(hello.from, master_id_of(hello))) {
    no.why = "\"" + hello.from + "\" is not in the list of masters";
    master_->tell_masters(no);  // it may have to join them instead
  }
  if (!no.why.empty()) {
    no.refused = true;
    emit(Notice{Level::Warning, "refused agent \"" + hello.from + "\": " + no.why});
    emit(SendFrame{stream, std::move(no)});
    emit(CloseStream{stream, "refused"});
    forget_peer(stream);
    return;
  }
  strangers_.erase({peer.hello_due, stream});
  peer.name = hello.from;
  peer.purpose = hello.purpose;
  peer.master_id = master_id_of(hello);
  if (hello.purpose == rpc::Purpose::Agent) return master_->on_agent(stream, hello.from, now);
  rpc::HelloReply reply = master_->reply_to_master(hello.from);
  reply.cluster_id = cluster_id();  // a master without a log may still know it
  emit(SendFrame{stream, std::move(reply)});
}

const std::string& Node::cluster_id() const {
  return master_ && !master_->state().id.empty() ? master_->state().id : cluster_id_;
}

void Node::learn_cluster(const std::string& id) {
  if (id.empty() || id == cluster_id_) return;
  cluster_id_ = id;
  session_.set_cluster_id(id);
  emit(SaveClusterId{id});
}

void Node::revoke(std::set<std::string> serials, Instant now) {
  if (serials == trust_.revoked()) return;
  for (const StreamId stream : trust_.revoke(std::move(serials))) {
    end_stream(stream, "its certificate is revoked", now);
  }
}

void Node::end_stream(StreamId stream, const std::string& why, Instant now) {
  emit(CloseStream{stream, why});
  // The owner of the stream hears of it as of any other that ends.
  on(StreamClosed{stream, why}, now);
}

// A master that was taken away while nobody could tell it goes on as an agent. A coordinator that
// knows less than this one's own log does not know that it is one; nor did it when it spoke before
// it added this one.
void Node::heed_masters(const rpc::Facts& facts, Instant now) {
  session_.on_masters(facts.masters);
  if (!master_ || facts.masters.empty() || master_->forming() || master_->active()) return;
  const bool among = std::any_of(
      facts.masters.begin(), facts.masters.end(),
      [&](const rpc::MasterAddress& master) { return master.name == options_.info.name; });
  if (among || !master_->belongs() || facts.revision < master_->membership_index()) return;
  const std::string why =
      "this node is no master any more: an operator took it away; it goes on "
      "as an agent, and its log is put aside";
  for (const auto& [stream, peer] : std::exchange(peers_, {})) emit(CloseStream{stream, why});
  strangers_.clear();
  for (const StreamId stream : master_->streams()) emit(CloseStream{stream, why});
  master_.reset();
  options_.info.master = false;
  swim_.set_meta(card_meta(options_.info), now);
  // Who is no candidate any more is forgotten as a master, and added again only when restarted.
  if (session_.registered()) {
    reports_.clear();  // the registration says everything
    send_register();
  }
  emit(RetireMaster{why});
}

void Node::on_facts(const rpc::Facts& facts, Instant now) {
  if (facts.revision < facts_.revision) return;  // what was true before
  facts_ = facts;
  take_again_ = kNever;
  learn_cluster(facts.cluster_id);
  heed_masters(facts, now);
  revoke({facts.revoked.begin(), facts.revoked.end()}, now);
  emit(InstallFacts{facts});
}

void Node::on_coordinator_frame(const rpc::Frame& frame, Instant now) {
  if (const auto* assignments = std::get_if<rpc::Assignments>(&frame)) {
    if (!leaving_) supervisor_.on_assignments(*assignments, now);
  } else if (const auto* facts = std::get_if<rpc::Facts>(&frame)) {
    on_facts(*facts, now);
  } else if (const auto* write = std::get_if<rpc::WriteReply>(&frame)) {
    if (renewing_.waits_for(write->id)) return on_renewed(*write, now);
    if (auto done = questions_.answer(*write)) emit(std::move(*done));
  } else if (const auto* read = std::get_if<rpc::ReadReply>(&frame)) {
    if (auto done = questions_.answer(*read)) emit(std::move(*done));
  }
}

// --- what clients ask for ---

void Node::ask(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame, Duration patience,
               Instant now) {
  if (session_.send(frame)) return questions_.sent(id, request, frame, now + patience);
  if (std::holds_alternative<rpc::Read>(frame)) return emit(ReadDone{request, 503, ""});
  emit(WriteDone{request,
                 fail(Code::Unavailable,
                      "no coordinator is known to " + options_.info.name +
                          ": without a quorum, a majority of the masters, nothing can be changed "
                          "and nobody joins; nothing was done")});
}

void Node::on(const WriteRequested& event, Instant now) {
  Command command{event.body, wall_.wall_at(now), event.request_id, event.by};
  command.asked = event.asked;
  const std::uint64_t id = questions_.next_id();
  const rpc::Frame write = rpc::Write{id, std::move(command), event.authorization};
  if (!master_ || !master_->active()) {
    return ask(id, event.request, write, Questions::kPatience, now);
  }
  questions_.taken(id, event.request, write);
  master_->write(event.request, std::get<rpc::Write>(write).command, now);
}

void Node::on(const MastersChangeRequested& event, Instant now) {
  const std::uint64_t id = questions_.next_id();
  const rpc::Frame change = rpc::ChangeMasters{id, event.change, event.master, event.authorization};
  if (!master_ || !master_->active()) {
    return ask(id, event.request, change, Questions::kPatience, now);
  }
  questions_.taken(id, event.request, change);
  master_->change_masters(event.request, event.change, event.master, now);
}

void Node::on(const ReadRequested& event, Instant now) {
  const std::uint64_t id = questions_.next_id();
  const rpc::Read read{id, event.path, event.query, event.authorization};
  if (master_ && master_->active()) return master_->read(event.request, read, now);
  ask(id, event.request, read, Questions::kPatience, now);
}

void Node::end_strangers(Instant now) {
  while (!strangers_.empty() && strangers_.begin()->first <= now) {
    const StreamId stream = strangers_.begin()->second;
    emit(CloseStream{stream, "no Hello in time"});
    forget_peer(stream);
  }
}

bool Node::forget_peer(StreamId stream) {
  const auto peer = peers_.find(stream);
  if (peer == peers_.end()) return false;
  strangers_.erase({peer->second.hello_due, stream});
  peers_.erase(peer);
  return true;
}

}  // namespace muster::agent
