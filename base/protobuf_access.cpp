#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr Numbers<TokenKind, wire::TokenKind> kTokenKinds[] = {
    {TokenKind::Api, wire::TOKEN_KIND_API},
    {TokenKind::Join, wire::TOKEN_KIND_JOIN},
};
constexpr Numbers<NodeRole, wire::NodeRole> kNodeRoles[] = {
    {NodeRole::Agent, wire::NODE_ROLE_AGENT},
    {NodeRole::Master, wire::NODE_ROLE_MASTER},
};

std::string id_text(std::string_view field, const std::string& id, Reader& reader) {
  return reader.text(field, id, kLabelBytesMax);
}

void put(const TokenRecord& token, wire::TokenRecord& out) {
  out.set_id(token.id);
  out.set_kind(number_of(kTokenKinds, token.kind));
  out.set_role(number_of(kRoles, token.role));
  out.set_node_role(number_of(kNodeRoles, token.node_role));
  out.set_sha256(token.sha256);
  out.set_description(token.description);
  out.set_created_ms(unix_ms(token.created));
  out.set_expires_ms(unix_ms(token.expires));
  out.set_uses_left(token.uses_left);
  out.set_created_by(token.created_by);
}
TokenRecord from_wire(const wire::TokenRecord& token, Reader& reader) {
  return {
      .id = id_text("token_record.id", token.id(), reader),
      .kind = enumerator_of(kTokenKinds, token.kind(), "token_record.kind", reader),
      .role = enumerator_of(kRoles, token.role(), "token_record.role", reader),
      .node_role = enumerator_of(kNodeRoles, token.node_role(), "token_record.node_role", reader),
      .sha256 = reader.text("token_record.sha256", token.sha256(), kLabelBytesMax),
      .description = reader.text("token_record.description", token.description(), kTextBytesMax),
      .created = reader.wall("token_record.created_ms", token.created_ms()),
      .expires = reader.wall("token_record.expires_ms", token.expires_ms()),
      .uses_left = token.uses_left(),
      .created_by = reader.text("token_record.created_by", token.created_by(), kLabelBytesMax),
  };
}

void put(const AuthorityRecord& authority, wire::AuthorityRecord& out) {
  out.set_id(authority.id);
  out.set_certificate(authority.certificate);
  out.set_key(authority.key);
  out.set_created_ms(unix_ms(authority.created));
  out.set_active(authority.active);
}
AuthorityRecord from_wire(const wire::AuthorityRecord& authority, Reader& reader) {
  return {
      .id = id_text("authority_record.id", authority.id(), reader),
      .certificate =
          reader.text("authority_record.certificate", authority.certificate(), kTextBytesMax),
      .key = reader.text("authority_record.key", authority.key(), kTextBytesMax),
      .created = reader.wall("authority_record.created_ms", authority.created_ms()),
      .active = authority.active(),
  };
}

void put(const NodeName& node, const CertificateRecord& certificate, wire::CertificateRecord& out) {
  out.set_node(node);
  out.set_serial(certificate.serial);
  out.set_key(certificate.key);
  out.set_role(number_of(kNodeRoles, certificate.role));
  out.set_issued_ms(unix_ms(certificate.issued));
  out.set_expires_ms(unix_ms(certificate.expires));
  out.set_authority(certificate.authority);
  for (const FormerCertificate& former : certificate.former) {
    wire::FormerCertificate& entry = *out.add_former();
    entry.set_serial(former.serial);
    entry.set_expires_ms(unix_ms(former.expires));
  }
}
CertificateRecord from_wire(const wire::CertificateRecord& certificate, Reader& reader) {
  CertificateRecord out{
      .serial = id_text("certificate_record.serial", certificate.serial(), reader),
      .key = id_text("certificate_record.key", certificate.key(), reader),
      .role = enumerator_of(kNodeRoles, certificate.role(), "certificate_record.role", reader),
      .issued = reader.wall("certificate_record.issued_ms", certificate.issued_ms()),
      .expires = reader.wall("certificate_record.expires_ms", certificate.expires_ms()),
      .former = {},
      .authority = id_text("certificate_record.authority", certificate.authority(), reader),
  };
  for (const wire::FormerCertificate& former : certificate.former()) {
    out.former.push_back(
        {.serial = id_text("former_certificate.serial", former.serial(), reader),
         .expires = reader.wall("former_certificate.expires_ms", former.expires_ms())});
  }
  return out;
}

RevokedRecord from_wire(const wire::RevokedRecord& revoked, Reader& reader) {
  return {
      .node = reader.name_or_none("revoked_record.node", revoked.node()),
      .at = reader.wall("revoked_record.at_ms", revoked.at_ms()),
      .by = reader.text("revoked_record.by", revoked.by(), kLabelBytesMax),
      .expires = reader.wall("revoked_record.expires_ms", revoked.expires_ms()),
      .user = reader.name_or_none("revoked_record.user", revoked.user()),
  };
}

void put(const std::string& serial, const UserCertificateRecord& record,
         wire::UserCertificateRecord& out) {
  out.set_serial(serial);
  out.set_name(record.name);
  out.set_role(number_of(kRoles, record.role));
  out.set_issued_ms(unix_ms(record.issued));
  out.set_expires_ms(unix_ms(record.expires));
  out.set_issued_by(record.issued_by);
  out.set_authority(record.authority);
}
UserCertificateRecord from_wire(const wire::UserCertificateRecord& record, Reader& reader) {
  return {
      .name = reader.name("user_certificate_record.name", record.name()),
      .role = enumerator_of(kRoles, record.role(), "user_certificate_record.role", reader),
      .issued = reader.wall("user_certificate_record.issued_ms", record.issued_ms()),
      .expires = reader.wall("user_certificate_record.expires_ms", record.expires_ms()),
      .issued_by = id_text("user_certificate_record.issued_by", record.issued_by(), reader),
      .authority = id_text("user_certificate_record.authority", record.authority(), reader),
  };
}

void put(const std::vector<GossipKey>& keys,
         google::protobuf::RepeatedPtrField<wire::GossipKey>& out) {
  for (const GossipKey& key : keys) {
    wire::GossipKey& entry = *out.Add();
    entry.set_id(key.id);
    entry.set_secret(key.secret);
  }
}
GossipKey from_wire(const wire::GossipKey& key, Reader& reader) {
  return {.id = id_text("gossip_key.id", key.id(), reader),
          .secret = reader.text("gossip_key.secret", key.secret(), kLabelBytesMax)};
}

// --- commands ---

void put(const ClusterFormed& formed, wire::Command& command) {
  command.mutable_cluster_formed()->set_id(formed.id);
}
void put(const SetMaster& set, wire::Command& command) {
  command.mutable_set_master()->set_name(set.name);
  to_wire(set.rpc, *command.mutable_set_master()->mutable_rpc());
  command.mutable_set_master()->set_id(set.id);
}
void put(const ForgetMaster& forget, wire::Command& command) {
  command.mutable_forget_master()->set_name(forget.name);
}
void put(const PutToken& token, wire::Command& command) {
  put(token.token, *command.mutable_put_token()->mutable_token());
}
void put(const DeleteToken& token, wire::Command& command) {
  command.mutable_delete_token()->set_id(token.id);
}
void put(const UseJoinToken& use, wire::Command& command) {
  wire::UseJoinToken& out = *command.mutable_use_join_token();
  out.set_id(use.id);
  out.set_node(use.node);
  out.set_serial(use.serial);
  out.set_key(use.key);
  out.set_role(number_of(kNodeRoles, use.role));
  out.set_expires_ms(unix_ms(use.expires));
  out.set_authority(use.authority);
}
void put(const RecordCertificate& record, wire::Command& command) {
  wire::RecordCertificate& out = *command.mutable_record_certificate();
  out.set_node(record.node);
  out.set_serial(record.serial);
  out.set_key(record.key);
  out.set_replaces(record.replaces);
  out.set_role(number_of(kNodeRoles, record.role));
  out.set_issued_ms(unix_ms(record.issued));
  out.set_expires_ms(unix_ms(record.expires));
  out.set_authority(record.authority);
}
void put(const RevokeNode& revoke, wire::Command& command) {
  command.mutable_revoke_node()->set_node(revoke.node);
}
void put(const RecordUserCertificate& record, wire::Command& command) {
  wire::RecordUserCertificate& out = *command.mutable_record_user_certificate();
  out.set_serial(record.serial);
  out.set_name(record.name);
  out.set_role(number_of(kRoles, record.role));
  out.set_expires_ms(unix_ms(record.expires));
  out.set_authority(record.authority);
}
void put(const RevokeUserCertificates& revoke, wire::Command& command) {
  command.mutable_revoke_user_certificates()->set_name(revoke.name);
  command.mutable_revoke_user_certificates()->set_serial(revoke.serial);
}
void put(const PutAuthority& authority, wire::Command& command) {
  put(authority.authority, *command.mutable_put_authority()->mutable_authority());
}
void put(const RetireAuthority& retire, wire::Command& command) {
  command.mutable_retire_authority()->set_id(retire.id);
}
void put(const PutGossipKeys& keys, wire::Command& command) {
  put(keys.keys, *command.mutable_put_gossip_keys()->mutable_keys());
  command.mutable_put_gossip_keys()->set_primary(keys.primary);
}

UseJoinToken from_wire(const wire::UseJoinToken& use, Reader& reader) {
  return {
      .id = id_text("use_join_token.id", use.id(), reader),
      .node = reader.name("use_join_token.node", use.node()),
      .serial = id_text("use_join_token.serial", use.serial(), reader),
      .key = id_text("use_join_token.key", use.key(), reader),
      .role = enumerator_of(kNodeRoles, use.role(), "use_join_token.role", reader),
      .expires = reader.wall("use_join_token.expires_ms", use.expires_ms()),
      .authority = id_text("use_join_token.authority", use.authority(), reader),
  };
}
RecordCertificate from_wire(const wire::RecordCertificate& record, Reader& reader) {
  return {
      .node = reader.name("record_certificate.node", record.node()),
      .serial = id_text("record_certificate.serial", record.serial(), reader),
      .key = id_text("record_certificate.key", record.key(), reader),
      .replaces = id_text("record_certificate.replaces", record.replaces(), reader),
      .role = enumerator_of(kNodeRoles, record.role(), "record_certificate.role", reader),
      .issued = reader.wall("record_certificate.issued_ms", record.issued_ms()),
      .expires = reader.wall("record_certificate.expires_ms", record.expires_ms()),
      .authority = id_text("record_certificate.authority", record.authority(), reader),
  };
}

RecordUserCertificate from_wire(const wire::RecordUserCertificate& record, Reader& reader) {
  return {
      .serial = id_text("record_user_certificate.serial", record.serial(), reader),
      .name = reader.name("record_user_certificate.name", record.name()),
      .role = enumerator_of(kRoles, record.role(), "record_user_certificate.role", reader),
      .expires = reader.wall("record_user_certificate.expires_ms", record.expires_ms()),
      .authority = id_text("record_user_certificate.authority", record.authority(), reader),
  };
}
RevokeUserCertificates from_wire(const wire::RevokeUserCertificates& revoke, Reader& reader) {
  return {
      .name = reader.name_or_none("revoke_user_certificates.name", revoke.name()),
      .serial = id_text("revoke_user_certificates.serial", revoke.serial(), reader),
  };
}

}  // namespace

void to_wire(const Actor& actor, wire::Actor& out) {
  out.set_name(actor.name);
  out.set_role(actor.role);
  out.set_address(actor.address);
}
Actor from_wire(const wire::Actor& actor, Reader& reader) {
  return {
      .name = id_text("actor.name", actor.name(), reader),
      .role = id_text("actor.role", actor.role(), reader),
      .address = id_text("actor.address", actor.address(), reader),
  };
}

void access_to_wire(const ClusterState& state, wire::ClusterState& out) {
  for (const auto& [name, master] : state.masters) {
    wire::MasterRecord& entry = *out.add_masters();
    entry.set_key(name);
    to_wire(master.rpc, *entry.mutable_rpc());
    if (master.id != master_id(name)) entry.set_id(master.id);
  }
  for (const auto& [id, token] : state.tokens) put(token, *out.add_tokens());
  for (const auto& [id, authority] : state.authorities) put(authority, *out.add_authorities());
  for (const auto& [node, record] : state.certificates) put(node, record, *out.add_certificates());
  for (const auto& [serial, record] : state.revoked) {
    wire::RevokedRecord& entry = *out.add_revoked();
    entry.set_serial(serial);
    entry.set_node(record.node);
    entry.set_at_ms(unix_ms(record.at));
    entry.set_by(record.by);
    entry.set_expires_ms(unix_ms(record.expires));
    entry.set_user(record.user);
  }
  for (const auto& [serial, record] : state.user_certificates) {
    put(serial, record, *out.add_user_certificates());
  }
  if (state.gossip_keys == GossipKeys{}) return;
  out.mutable_gossip_keys()->set_revision(state.gossip_keys.revision);
  put(state.gossip_keys.keys, *out.mutable_gossip_keys()->mutable_keys());
  out.mutable_gossip_keys()->set_primary(state.gossip_keys.primary);
}

void access_from_wire(const wire::ClusterState& state, ClusterState& out, Reader& reader) {
  const auto value = [&](const auto& entry) { return from_wire(entry, reader); };
  map_from_wire(
      out.masters, state.masters(), "cluster_state.masters", reader,
      [&](const auto& entry) { return reader.name("master_record.key", entry.key()); },
      [&](const auto& entry) {
        return MasterRecord{.rpc = from_wire(entry.rpc(), reader),
                            .id = entry.id() != 0 ? entry.id() : master_id(entry.key())};
      });
  map_from_wire(
      out.tokens, state.tokens(), "cluster_state.tokens", reader,
      [](const auto& entry) { return entry.id(); }, value);
  map_from_wire(
      out.authorities, state.authorities(), "cluster_state.authorities", reader,
      [](const auto& entry) { return entry.id(); }, value);
  map_from_wire(
      out.certificates, state.certificates(), "cluster_state.certificates", reader,
      [&](const auto& entry) { return reader.name("certificate_record.node", entry.node()); },
      value);
  map_from_wire(
      out.revoked, state.revoked(), "cluster_state.revoked", reader,
      [&](const auto& entry) { return id_text("revoked_record.serial", entry.serial(), reader); },
      value);
  map_from_wire(
      out.user_certificates, state.user_certificates(), "cluster_state.user_certificates", reader,
      [&](const auto& entry) {
        return id_text("user_certificate_record.serial", entry.serial(), reader);
      },
      value);
  out.gossip_keys.revision = state.gossip_keys().revision();
  for (const wire::GossipKey& key : state.gossip_keys().keys()) {
    out.gossip_keys.keys.push_back(from_wire(key, reader));
  }
  out.gossip_keys.primary = id_text("gossip_keys.primary", state.gossip_keys().primary(), reader);
}

bool put_access_command(const CommandBody& body, wire::Command& out) {
  return std::visit(
      [&](const auto& one) {
        if constexpr (requires { put(one, out); }) {
          put(one, out);
          return true;
        }
        return false;
      },
      body);
}

std::optional<CommandBody> access_command(const wire::Command& command, Reader& reader) {
  switch (command.body_case()) {
    case wire::Command::kClusterFormed:
      return ClusterFormed{.id =
                               id_text("cluster_formed.id", command.cluster_formed().id(), reader)};
    case wire::Command::kSetMaster:
      return SetMaster{.name = reader.name("set_master.name", command.set_master().name()),
                       .rpc = from_wire(command.set_master().rpc(), reader),
                       .id = command.set_master().id()};
    case wire::Command::kForgetMaster:
      return ForgetMaster{.name =
                              reader.name("forget_master.name", command.forget_master().name())};
    case wire::Command::kPutToken:
      reader.require(command.put_token().has_token(), "put_token.token");
      return PutToken{.token = from_wire(command.put_token().token(), reader)};
    case wire::Command::kDeleteToken:
      return DeleteToken{.id = id_text("delete_token.id", command.delete_token().id(), reader)};
    case wire::Command::kUseJoinToken: return from_wire(command.use_join_token(), reader);
    case wire::Command::kRecordCertificate: return from_wire(command.record_certificate(), reader);
    case wire::Command::kRevokeNode:
      return RevokeNode{.node = reader.name("revoke_node.node", command.revoke_node().node())};
    case wire::Command::kRecordUserCertificate:
      return from_wire(command.record_user_certificate(), reader);
    case wire::Command::kRevokeUserCertificates:
      return from_wire(command.revoke_user_certificates(), reader);
    case wire::Command::kPutAuthority:
      reader.require(command.put_authority().has_authority(), "put_authority.authority");
      return PutAuthority{.authority = from_wire(command.put_authority().authority(), reader)};
    case wire::Command::kRetireAuthority:
      return RetireAuthority{
          .id = id_text("retire_authority.id", command.retire_authority().id(), reader)};
    case wire::Command::kPutGossipKeys: {
      const wire::PutGossipKeys& ring = command.put_gossip_keys();
      PutGossipKeys out{.keys = {},
                        .primary = id_text("put_gossip_keys.primary", ring.primary(), reader)};
      for (const wire::GossipKey& key : ring.keys()) out.keys.push_back(from_wire(key, reader));
      return out;
    }
    default: return std::nullopt;
  }
}

}  // namespace muster::protobuf
