#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr std::size_t kBundleBytesMax = std::size_t{1} << 20;

void to_wire(const rpc::ApiToken& token, wire::ApiToken& out) {
  out.set_id(token.id);
  out.set_sha256(token.sha256);
  out.set_role(token.role);
  out.set_expires_ms(unix_ms(token.expires));
}
rpc::ApiToken from_wire(const wire::ApiToken& token, Reader& reader) {
  return {
      .id = reader.text("api_token.id", token.id(), kLabelBytesMax),
      .sha256 = reader.text("api_token.sha256", token.sha256(), kLabelBytesMax),
      .role = reader.text("api_token.role", token.role(), kLabelBytesMax),
      .expires = reader.wall("api_token.expires", token.expires_ms()),
  };
}

void to_wire(const rpc::GossipSecret& key, wire::GossipSecret& out) {
  out.set_id(key.id);
  out.set_secret(key.secret);
}
rpc::GossipSecret from_wire(const wire::GossipSecret& key, Reader& reader) {
  return {
      .id = reader.text("gossip_secret.id", key.id(), kLabelBytesMax),
      .secret = reader.text("gossip_secret.secret", key.secret(), kLabelBytesMax),
  };
}

}  // namespace

void to_wire(const rpc::MasterAddress& master, wire::MasterAddress& out) {
  out.set_name(master.name);
  to_wire(master.rpc, *out.mutable_rpc());
}
rpc::MasterAddress from_wire(const wire::MasterAddress& master, Reader& reader) {
  reader.require(master.has_rpc(), "master_address.rpc");
  return {
      .name = reader.name("master_address.name", master.name()),
      .rpc = from_wire(master.rpc(), reader),
  };
}

void to_wire(const rpc::Facts& facts, wire::Facts& out) {
  out.set_revision(facts.revision);
  out.set_cluster_id(facts.cluster_id);
  for (const rpc::MasterAddress& master : facts.masters) to_wire(master, *out.add_masters());
  out.set_authorities(facts.authorities);
  to_wire(facts.revoked, *out.mutable_revoked());
  for (const rpc::ApiToken& token : facts.tokens) to_wire(token, *out.add_tokens());
  out.set_keys_revision(facts.keys_revision);
  for (const rpc::GossipSecret& key : facts.gossip_keys) to_wire(key, *out.add_gossip_keys());
}
rpc::Facts from_wire(const wire::Facts& facts, Reader& reader) {
  rpc::Facts out;
  out.revision = facts.revision();
  out.cluster_id = reader.text("facts.cluster_id", facts.cluster_id(), kLabelBytesMax);
  out.masters = list_from_wire(facts.masters(), reader);
  out.authorities = reader.text("facts.authorities", facts.authorities(), kBundleBytesMax);
  out.revoked = texts_from_wire(facts.revoked(), "facts.revoked", reader);
  for (const wire::ApiToken& token : facts.tokens()) out.tokens.push_back(from_wire(token, reader));
  out.keys_revision = facts.keys_revision();
  for (const wire::GossipSecret& key : facts.gossip_keys()) {
    out.gossip_keys.push_back(from_wire(key, reader));
  }
  return out;
}

}  // namespace muster::protobuf
