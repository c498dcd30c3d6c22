#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

using gossip::MemberState;
using gossip::PacketKind;

constexpr Numbers<MemberState, wire::MemberState> kMemberStates[] = {
    {MemberState::Alive, wire::MEMBER_STATE_ALIVE},
    {MemberState::Suspect, wire::MEMBER_STATE_SUSPECT},
    {MemberState::Failed, wire::MEMBER_STATE_FAILED},
    {MemberState::Left, wire::MEMBER_STATE_LEFT},
};

constexpr Numbers<PacketKind, wire::PacketKind> kPacketKinds[] = {
    {PacketKind::Ping, wire::PACKET_KIND_PING},
    {PacketKind::IndirectPing, wire::PACKET_KIND_INDIRECT_PING},
    {PacketKind::Ack, wire::PACKET_KIND_ACK},
    {PacketKind::Nack, wire::PACKET_KIND_NACK},
    {PacketKind::Gossip, wire::PACKET_KIND_GOSSIP},
    {PacketKind::NameQuery, wire::PACKET_KIND_NAME_QUERY},
    {PacketKind::NameReply, wire::PACKET_KIND_NAME_REPLY},
};

// Version 1 is the default and left out: the first release sent no range.
template <class Message>
void put(const gossip::ProtocolRange& range, Message& out) {
  if (range == gossip::ProtocolRange{}) return;
  out.set_protocol_min(range.min);
  out.set_protocol_max(range.max);
}

template <class Message>
gossip::ProtocolRange range_of(const Message& message, Reader& reader) {
  if (message.protocol_min() == 0 && message.protocol_max() == 0) return {};
  if (message.protocol_min() == 0 || message.protocol_min() > message.protocol_max()) {
    reader.refuse("protocol", "is no range of versions");
  }
  return {.min = message.protocol_min(), .max = message.protocol_max()};
}

void put(const gossip::Meta& meta, wire::MemberMeta& out) {
  out.set_master(meta.master);
  out.set_zone(meta.zone);
  if (meta.rpc != Address{}) to_wire(meta.rpc, *out.mutable_rpc());
  if (meta.http != Address{}) to_wire(meta.http, *out.mutable_http());
  out.set_version(meta.version);
  out.set_labels(meta.labels);
  put(meta.protocol, out);
}

gossip::Meta from_wire(const wire::MemberMeta& meta, Reader& reader) {
  return {
      .master = meta.master(),
      .zone = reader.text("meta.zone", meta.zone(), kMetaBytesMax),
      .rpc = from_wire(meta.rpc(), reader),
      .http = from_wire(meta.http(), reader),
      .version = reader.text("meta.version", meta.version(), kMetaBytesMax),
      .labels = meta.labels(),
      .protocol = range_of(meta, reader),
  };
}

}  // namespace

void to_wire(const gossip::Claim& claim, wire::Claim& out) {
  out.set_state(number_of(kMemberStates, claim.state));
  out.set_name(claim.name);
  out.set_incarnation(claim.incarnation);
  out.set_accuser(claim.accuser);
  if (claim.card == nullptr) return;
  to_wire(claim.card->gossip, *out.mutable_gossip());
  if (claim.card->meta != gossip::Meta{}) put(claim.card->meta, *out.mutable_meta());
}

gossip::Claim from_wire(const wire::Claim& claim, Reader& reader) {
  gossip::Claim out{
      .state = enumerator_of(kMemberStates, claim.state(), "claim.state", reader),
      .name = reader.name("claim.name", claim.name()),
      .incarnation = claim.incarnation(),
      .accuser = reader.name_or_none("claim.accuser", claim.accuser()),
      .card = nullptr,
  };
  if (claim.has_gossip()) {
    gossip::Card card{out.name, from_wire(claim.gossip(), reader), from_wire(claim.meta(), reader)};
    // An address that nobody can send to says no more than none.
    if (!card.gossip.host.empty() && card.gossip.port != 0) {
      out.card = std::make_shared<const gossip::Card>(std::move(card));
    }
  }
  return out;
}

void to_wire(const Address& address, wire::Address& out) {
  out.set_host(address.host);
  out.set_port(address.port);
}

// An absent Address reads as the empty one: the instance behind an unset field is the default.
Address from_wire(const wire::Address& address, Reader& reader) {
  const bool printable = std::all_of(address.host().begin(), address.host().end(),
                                     [](char c) { return c > ' ' && c <= '~'; });
  if (!printable) reader.refuse("address.host", "has blanks or bytes that are not ASCII");
  return {
      .host = reader.text("address.host", address.host(), kHostBytesMax),
      .port = reader.u16("address.port", address.port()),
  };
}

void to_wire(const gossip::Packet& packet, wire::Packet& out) {
  out.set_kind(number_of(kPacketKinds, packet.kind));
  out.set_cluster(packet.cluster);
  out.set_sequence(packet.sequence);
  out.set_from(packet.from);
  out.set_target(packet.target);
  if (packet.target_address != Address{}) {
    to_wire(packet.target_address, *out.mutable_target_address());
  }
  put(packet.protocol, out);
  out.set_digest(packet.digest);
  out.set_leads_term(packet.leads_term);
  list_to_wire(packet.claims, *out.mutable_claims());
}

gossip::Packet from_wire(const wire::Packet& packet, Reader& reader) {
  return {
      .kind = enumerator_of(kPacketKinds, packet.kind(), "packet.kind", reader),
      .cluster = packet.cluster(),
      .sequence = packet.sequence(),
      .from = reader.name("packet.from", packet.from()),
      .target = reader.name_or_none("packet.target", packet.target()),
      .target_address = from_wire(packet.target_address(), reader),
      .protocol = range_of(packet, reader),
      .digest = packet.digest(),
      .leads_term = packet.leads_term(),
      .claims = list_from_wire(packet.claims(), reader),
      .version = gossip::kProtocolMin,
  };
}

void to_wire(const gossip::Sync& sync, wire::Sync& out) {
  out.set_cluster(sync.cluster);
  out.set_from(sync.from);
  out.set_joining(sync.joining);
  put(sync.protocol, out);
  out.set_digest(sync.digest);
  out.set_answer(sync.answer);
  list_to_wire(sync.members, *out.mutable_members());
}

gossip::Sync from_wire(const wire::Sync& sync, Reader& reader) {
  return {
      .cluster = sync.cluster(),
      .from = reader.name("sync.from", sync.from()),
      .joining = sync.joining(),
      .protocol = range_of(sync, reader),
      .digest = sync.digest(),
      .answer = sync.answer(),
      .members = list_from_wire(sync.members(), reader),
  };
}

}  // namespace muster::protobuf
