// What must hold of a secured master after every event, whatever peers say? The other half of the
// fuzzer secured_peer.
#include <utility>

#include "identity/join_json.h"
#include "identity/joining.h"
#include "tests/fuzz/secured_peer.h"

namespace muster::fuzz {

namespace {

// What moves when consensus has heard something.
struct Heard {
  raft::Term term = 0;
  raft::Index last = 0;
  raft::Index commit = 0;
  raft::Index applied = 0;
  bool operator==(const Heard&) const = default;
};

std::optional<Heard> heard_by(const agent::Node& node, Instant now) {
  if (node.master() == nullptr) return std::nullopt;
  const auto view = node.view(now)->master;
  return Heard{view->term, view->last, view->commit, view->applied};
}

bool asks_for_write(const rpc::Frame& frame) {
  return std::holds_alternative<rpc::Write>(frame) ||
         std::holds_alternative<rpc::ChangeMasters>(frame) ||
         std::holds_alternative<rpc::Join>(frame) || std::holds_alternative<rpc::Renew>(frame) ||
         std::holds_alternative<rpc::Rotate>(frame);
}

}  // namespace

// What a frame can only be refused for.
bool SecuredStage::may_change_nothing(StreamId stream, const rpc::Frame& frame) const {
  const auto peer = open_.find(stream);
  if (peer == open_.end()) return false;
  if (std::holds_alternative<rpc::Consensus>(frame)) return !master_hellos_.contains(stream);
  if (peer->second.master) return false;
  if (const auto* write = std::get_if<rpc::Write>(&frame)) return write->authorization.empty();
  if (const auto* rotate = std::get_if<rpc::Rotate>(&frame)) return rotate->authorization.empty();
  if (const auto* change = std::get_if<rpc::ChangeMasters>(&frame)) {
    return change->authorization.empty();
  }
  return std::holds_alternative<rpc::Join>(frame) || std::holds_alternative<rpc::Read>(frame) ||
         std::holds_alternative<rpc::Heartbeat>(frame) || std::holds_alternative<rpc::Hello>(frame);
}

void SecuredStage::step(const agent::Event& event) {
  const auto* frame = std::get_if<agent::FrameArrived>(&event);
  if (frame != nullptr && !stands(frame->stream)) return;  // it was closed meanwhile
  const auto* opened = std::get_if<agent::StreamOpened>(&event);
  if (opened != nullptr && !stands(opened->stream)) return;
  hear(event);
  const bool idle = frame != nullptr && may_change_nothing(frame->stream, frame->frame);
  const auto before = idle ? heard_by(*node_, now_) : std::nullopt;
  PeerStage::step(event);
  if (halted_) return;
  if (idle) CHECK(heard_by(*node_, now_) == before);
  if (const auto* accepted = std::get_if<agent::StreamAccepted>(&event)) {
    const auto& who = accepted->peer;
    const bool good = who && who->cluster == "fuzz" && !refused_serials_.contains(who->serial);
    CHECK(open_.contains(accepted->stream) == good);
    if (!good) refused_.insert(accepted->stream);
  }
  if (std::holds_alternative<agent::Tick>(event) && node_->master() != nullptr) {
    for (const auto& [stream, peer] : open_) {
      if (peer.expires > wall()) continue;
      const auto& known = node_->master()->state().certificates;
      const auto now_its = known.find(peer.name);  // it may have been renewed
      CHECK(now_its != known.end() && now_its->second.expires > wall());
      CHECK(books_.has_recorded(peer.serial));
    }
  }
  check_streams();
  if (due_.empty()) check_told_streams();
  check_state();
}

void SecuredStage::hear(const agent::Event& event) {
  if (const auto* accepted = std::get_if<agent::StreamAccepted>(&event)) {
    accepted_[accepted->stream] = open_[accepted->stream] = accepted->peer.value_or(PeerIdentity{});
  } else if (const auto* closed = std::get_if<agent::StreamClosed>(&event)) {
    open_.erase(closed->stream);
    opened_.erase(closed->stream);
    std::erase(opening_, closed->stream);
  } else if (const auto* frame = std::get_if<agent::FrameArrived>(&event)) {
    hear(frame->stream, frame->frame);
  }
}

void SecuredStage::hear(StreamId stream, const rpc::Frame& frame) {
  const auto peer = open_.find(stream);
  if (peer == open_.end()) {
    astray_ = astray_ || !own_ends_.contains(stream);
    return;
  }
  const PeerIdentity& who = peer->second;
  if (const auto* hello = std::get_if<rpc::Hello>(&frame)) {
    if (!greeted_.insert(stream).second) return;
    const bool as_master = hello->purpose == rpc::Purpose::Master;
    if (hello->from != who.name || (as_master && !who.master)) {
      false_hellos_.insert(stream);
    } else if (as_master) {
      master_hellos_.insert(stream);
    }
  } else if (const auto* registration = std::get_if<rpc::Register>(&frame)) {
    registered_.insert(stream);
    said_[who.name].insert(registration->info.rpc);
    if (who.master) said_masters_.insert(who.name);
  } else if (std::holds_alternative<rpc::Consensus>(frame)) {
    astray_ = astray_ || master_hellos_.contains(stream);
  }
  if (asks_for_write(frame)) ++unanswered_[stream];
}

void SecuredStage::check_streams() const {
  std::map<NodeName, std::size_t> count;
  for (const auto& [stream, peer] : open_) {
    CHECK(++count[peer.name] <= agent::Trust::kStreamsOfPeerMax);
    CHECK(!refused_serials_.contains(peer.serial));
  }
}

// The node is registered with itself and everything is told: who was revoked is gone.
void SecuredStage::check_told_streams() const {
  if (astray_ || !lonely_ || disk_held_ || !node_->view(now_)->registered) return;
  if (node_->master() == nullptr) return;
  for (const auto& [stream, peer] : open_) {
    if (!books_.has_recorded(peer.serial) || peer.expires <= wall()) continue;
    CHECK(!identity::is_revoked(node_->master()->state(), peer.name));
  }
}

// Nothing is in it that nobody who may has said.
void SecuredStage::check_state() const {
  if (astray_ || node_->master() == nullptr) return;
  const ClusterState& state = node_->master()->state();
  for (const auto& [name, node] : state.nodes) {
    const auto said = said_.find(name);
    CHECK(said != said_.end() && said->second.contains(node.info.rpc));
    CHECK(!node.info.master || said_masters_.contains(name));
  }
  for (const auto& [name, master] : state.masters) {
    CHECK(name == "n1" || said_masters_.contains(name));
  }
  for (const auto& [id, authority] : state.authorities) {
    CHECK(authority.key.starts_with(kAuthoritySecret));
  }
  for (const auto& [name, certificate] : state.certificates) {
    CHECK(books_.has_recorded(certificate.serial));
  }
}

bool SecuredStage::keeps_secrets(std::string_view text, bool of_gossip) const {
  if (peers_know_secrets_) return true;
  return text.find(kAuthoritySecret) == text.npos &&
         !(of_gossip && text.find(kGossipSecret) != text.npos);
}

// `to`: null for a client of the node itself.
void SecuredStage::check_handed_out(const std::string& text, const PeerIdentity* to) {
  if (const auto* renewed = books_.find(text)) {
    CHECK(to != nullptr);
    CHECK(astray_ || is_on_record(node_->master()->state(), renewed->shows, wall()));
    if (!astray_) books_.hand_out_renewed(*renewed, *to);
    return;
  }
  if (!text.starts_with('{')) return;
  const auto answer = identity::parse_join_answer(text);
  if (!answer || astray_ || node_->master() == nullptr) return;
  CHECK(to == nullptr || to->master);  // it has the keys of gossip
  const auto* joined = books_.find(answer->certificate);
  CHECK(joined != nullptr && answer->cluster == "fuzz");
  CHECK((answer->role == NodeRole::Master) == joined->shows.master);
  CHECK(is_on_record(node_->master()->state(), joined->shows, wall()));
  books_.hand_out_joined(*joined);
}

void SecuredStage::act(agent::Effect& effect) {
  std::visit([&](const auto& what) { on(what); }, effect);
}

void SecuredStage::on(const agent::OpenStream& effect) {
  opened_.insert(effect.stream);
  if (effect.to != Address{host_of(1), 7947}) return opening_.push_back(effect.stream);
  if (own_.expires <= wall()) {  // the handshake would fail
    due_.emplace_back(agent::StreamClosed{effect.stream, "its certificate has expired"});
    return;
  }
  const StreamId accepted = last_ += 2;
  own_ends_[accepted] = effect.stream;
  own_ends_[effect.stream] = accepted;
  due_.emplace_back(agent::StreamAccepted{accepted, own_});
  due_.emplace_back(agent::StreamOpened{effect.stream, own_});
}

void SecuredStage::on(const agent::CloseStream& effect) {
  open_.erase(effect.stream);
  opened_.erase(effect.stream);
  std::erase(opening_, effect.stream);
  const auto other = own_ends_.find(effect.stream);
  if (other == own_ends_.end()) return;
  const StreamId end = other->second;
  due_.emplace_back(agent::StreamClosed{end, "the other end closed it"});
  own_ends_.erase(end);
  own_ends_.erase(effect.stream);
}

void SecuredStage::on(const agent::SendFrame& effect) {
  const auto peer = accepted_.find(effect.stream);
  if (peer != accepted_.end()) {
    CHECK(!refused_.contains(effect.stream) && peer->second.cluster == "fuzz");
    CHECK(!std::holds_alternative<rpc::Consensus>(effect.frame));
    const auto* hello = std::get_if<rpc::HelloReply>(&effect.frame);
    CHECK(hello == nullptr || hello->refused || !false_hellos_.contains(effect.stream));
    const auto* facts = std::get_if<rpc::Facts>(&effect.frame);
    if (facts != nullptr) {
      CHECK(registered_.contains(effect.stream));
      told_[effect.stream] = *facts;
    }
    if (const auto* reply = std::get_if<rpc::WriteReply>(&effect.frame)) {
      CHECK(unanswered_[effect.stream]-- > 0);
      if (reply->ok) check_handed_out(reply->outcome.text, &peer->second);
    }
  }
  const auto end = own_ends_.find(effect.stream);
  if (end != own_ends_.end()) {
    due_.emplace_back(agent::FrameArrived{end->second, effect.frame});
  } else if (!std::holds_alternative<rpc::Consensus>(effect.frame)) {
    const bool may_hold_gossip = std::holds_alternative<rpc::Facts>(effect.frame) ||
                                 (peer != accepted_.end() && peer->second.master);
    CHECK(keeps_secrets(encode(effect.frame), !may_hold_gossip));
  }
}

void SecuredStage::on(const agent::WriteDone& effect) {
  CHECK(asked_.erase(effect.request) == 1);  // once
  if (!effect.result) {
    CHECK(keeps_secrets(effect.result.error().text, true));
    return;
  }
  CHECK(keeps_secrets(effect.result->text, false));
  check_handed_out(effect.result->text, nullptr);
}

// Whom membership pings is there.
void SecuredStage::on(const health::SendPacket& effect) {
  if (effect.packet.kind != gossip::PacketKind::Ping) return;
  gossip::Packet ack;
  ack.kind = gossip::PacketKind::Ack;
  ack.cluster = effect.packet.cluster;
  ack.sequence = effect.packet.sequence;
  ack.from = effect.packet.target;
  due_.emplace_back(agent::PacketArrived{effect.to, std::move(ack)});
}

void SecuredStage::on(const agent::InstallFacts& effect) {
  refused_serials_ = {effect.facts.revoked.begin(), effect.facts.revoked.end()};
  is_due(effect);
}

void SecuredStage::on(const agent::StoreCertificate& effect) {
  const auto* certificate = books_.find(effect.certificate);
  CHECK(astray_ || (certificate != nullptr && certificate->shows.name == own_.name &&
                    certificate->shows.master));
  is_due(effect);
}

void SecuredStage::is_due(const agent::Effect& effect) {
  if (prompt_) {
    due_.push_back(done(effect, true));
  } else {
    due_deeds_.push_back(effect);
  }
}

}  // namespace muster::fuzz
