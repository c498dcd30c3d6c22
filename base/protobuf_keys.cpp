#include <google/protobuf/io/coded_stream.h>

#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

constexpr Numbers<MatchKind, wire::MatchKind> kMatchKinds[] = {
    {MatchKind::Equal, wire::MATCH_KIND_EQUAL},
    {MatchKind::NotEqual, wire::MATCH_KIND_NOT_EQUAL},
    {MatchKind::Like, wire::MATCH_KIND_LIKE},
    {MatchKind::NotLike, wire::MATCH_KIND_NOT_LIKE},
};

std::string key_text(std::string_view field, const std::string& key, Reader& reader) {
  return reader.text(field, key, kKeyBytesMax);
}
Blob value_from_wire(std::string_view field, const std::string& value, Reader& reader) {
  return std::make_shared<const std::string>(reader.text(field, value, kValueBytesMax));
}

LeaseRecord from_wire(const wire::LeaseRecord& lease, Reader& reader) {
  return {
      .holder = reader.text("lease_record.holder", lease.holder(), kLabelBytesMax),
      .token = lease.token(),
      .ttl_ms = lease.ttl_ms(),
      .granted_at = reader.wall("lease_record.granted_at_ms", lease.granted_at_ms()),
      .renewed = lease.renewed(),
  };
}

Matcher from_wire(const wire::Matcher& matcher, Reader& reader) {
  return {
      .label = reader.text("matcher.label", matcher.label(), kLabelBytesMax),
      .kind = enumerator_of(kMatchKinds, matcher.kind(), "matcher.kind", reader),
      .value = reader.text("matcher.value", matcher.value(), kLabelBytesMax),
  };
}

// --- commands ---

void put(const PutKey& put, wire::Command& command) {
  wire::PutKey& out = *command.mutable_put_key();
  out.set_key(put.key);
  out.set_value(*put.value);
  if (put.expected) out.set_expected(*put.expected);
}
void put(const DeleteKey& erase, wire::Command& command) {
  wire::DeleteKey& out = *command.mutable_delete_key();
  out.set_key(erase.key);
  if (erase.expected) out.set_expected(*erase.expected);
}
void put(const DeletePrefix& erase, wire::Command& command) {
  command.mutable_delete_prefix()->set_prefix(erase.prefix);
}
void put(const GrantLease& grant, wire::Command& command) {
  wire::GrantLease& out = *command.mutable_grant_lease();
  out.set_name(grant.name);
  out.set_holder(grant.holder);
  out.set_ttl_ms(grant.ttl_ms);
}
void put(const RenewLease& renew, wire::Command& command) {
  wire::RenewLease& out = *command.mutable_renew_lease();
  out.set_name(renew.name);
  out.set_holder(renew.holder);
  out.set_token(renew.token);
}
void put(const ReleaseLease& release, wire::Command& command) {
  wire::ReleaseLease& out = *command.mutable_release_lease();
  out.set_name(release.name);
  out.set_holder(release.holder);
  out.set_token(release.token);
}
void put(const ExpireLease& expire, wire::Command& command) {
  wire::ExpireLease& out = *command.mutable_expire_lease();
  out.set_name(expire.name);
  out.set_token(expire.token);
  out.set_renewed(expire.renewed);
}
void put(const PutSilence& put, wire::Command& command) {
  wire::PutSilence& out = *command.mutable_put_silence();
  out.set_id(put.id);
  to_wire(put.silence, *out.mutable_silence());
}
void put(const DeleteSilence& erase, wire::Command& command) {
  command.mutable_delete_silence()->set_id(erase.id);
}

PutKey from_wire(const wire::PutKey& put, Reader& reader) {
  PutKey out{.key = key_text("put_key.key", put.key(), reader),
             .value = value_from_wire("put_key.value", put.value(), reader),
             .expected = {}};
  if (put.has_expected()) out.expected = put.expected();
  return out;
}
DeleteKey from_wire(const wire::DeleteKey& erase, Reader& reader) {
  DeleteKey out{.key = key_text("delete_key.key", erase.key(), reader), .expected = {}};
  if (erase.has_expected()) out.expected = erase.expected();
  return out;
}
// RenewLease and ReleaseLease say the same.
template <class Body, class Wire>
Body lease_body(const Wire& wire, Reader& reader) {
  return {.name = reader.text("lease.name", wire.name(), kLabelBytesMax),
          .holder = reader.text("lease.holder", wire.holder(), kLabelBytesMax),
          .token = wire.token()};
}

}  // namespace

void append_keys(const ClusterState& state, std::string& bytes) {
  using google::protobuf::io::CodedOutputStream;
  constexpr std::uint32_t kTag = (wire::ClusterState::kKvFieldNumber << 3) | 2;
  constexpr std::size_t kBesideTexts = 64;  // at most, of one entry
  bytes.reserve(bytes.size() + static_cast<std::size_t>(state.kv_bytes) +
                state.kv.size() * kBesideTexts);
  wire::KeyRecord entry;
  for (const auto& [key, record] : state.kv) {
    entry.set_key(key);
    entry.set_value(*record.value);
    entry.set_created(record.created);
    entry.set_modified(record.modified);
    entry.set_version(record.version);
    std::uint8_t head[20];
    std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(kTag, head);
    end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(entry.ByteSizeLong()),
                                                  end);
    bytes.append(reinterpret_cast<const char*>(head), static_cast<std::size_t>(end - head));
    CHECK(entry.AppendToString(&bytes));
  }
}

void keys_from_wire(const std::vector<std::string_view>& entries, ClusterState& out,
                    Reader& reader) {
  wire::KeyRecord entry;
  for (const std::string_view bytes : entries) {
    if (reader.failed()) return;
    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return reader.refuse("key_record", "is cut off or malformed");
    }
    KeyRecord record{.value = value_from_wire("key_record.value", entry.value(), reader),
                     .created = entry.created(),
                     .modified = entry.modified(),
                     .version = entry.version()};
    std::string key = key_text("key_record.key", entry.key(), reader);
    out.kv_bytes += key.size() + record.value->size();
    if (!out.kv.put(std::move(key), std::move(record))) {
      reader.refuse("cluster_state.kv", "has a key twice");
    }
  }
}

void keys_to_wire(const ClusterState& state, wire::ClusterState& out) {
  for (const KeyChange& change : state.kv_changes) {
    wire::KeyChange& entry = *out.add_kv_changes();
    entry.set_index(change.index);
    entry.set_key(change.key);
    entry.set_prefix(change.prefix);
  }
  out.set_kv_changes_from(state.kv_changes_from);
  for (const auto& [key, lease] : state.leases) {
    wire::LeaseRecord& entry = *out.add_leases();
    entry.set_key(key);
    entry.set_holder(lease.holder);
    entry.set_token(lease.token);
    entry.set_ttl_ms(lease.ttl_ms);
    entry.set_granted_at_ms(unix_ms(lease.granted_at));
    entry.set_renewed(lease.renewed);
  }
}

void keys_from_wire(const wire::ClusterState& state, ClusterState& out, Reader& reader) {
  for (const wire::KeyChange& change : state.kv_changes()) {
    out.kv_changes.push_back({.index = change.index(),
                              .key = key_text("key_change.key", change.key(), reader),
                              .prefix = change.prefix()});
  }
  out.kv_changes_from = state.kv_changes_from();
  for (const wire::LeaseRecord& lease : state.leases()) {
    if (reader.failed()) return;
    std::string name = reader.text("lease_record.key", lease.key(), kLabelBytesMax);
    if (!out.leases.put(std::move(name), from_wire(lease, reader))) {
      reader.refuse("cluster_state.leases", "has a key twice");
    }
  }
}

void requests_to_wire(const RememberedRequests& requests, wire::ClusterState& out) {
  for (const RequestRecord& request : requests) {
    out.add_requests(request.id);
    if (request.index == 0) continue;
    wire::RequestResult& result = *out.add_request_results();
    result.set_position(static_cast<std::uint32_t>(out.requests_size() - 1));
    result.set_index(request.index);
    result.set_text(request.text);
    result.set_token(request.token);
    result.set_asked(request.asked);
    if (request.error) to_wire(*request.error, *result.mutable_error());
  }
}

void requests_from_wire(const wire::ClusterState& state, RememberedRequests& out, Reader& reader) {
  int next = 0;
  for (int position = 0; position < state.requests_size() && !reader.failed(); ++position) {
    RequestRecord record;
    record.id = reader.text("cluster_state.requests", state.requests(position), kLabelBytesMax);
    if (out.contains(record.id)) return reader.refuse("cluster_state.requests", "has an id twice");
    if (next < state.request_results_size() &&
        state.request_results(next).position() == static_cast<std::uint32_t>(position)) {
      const wire::RequestResult& result = state.request_results(next++);
      record.index = result.index();
      // Without one it is a request that has no result, and would be written as that.
      if (record.index == 0) return reader.refuse("request_result.index", "is 0");
      record.text = reader.text("request_result.text", result.text(), kTextBytesMax);
      record.token = result.token();
      record.asked = result.asked();
      if (result.has_error()) record.error = from_wire(result.error(), reader);
    }
    out.remember(std::move(record), static_cast<std::size_t>(state.requests_size()));
  }
  if (next != state.request_results_size()) {
    reader.refuse("cluster_state.request_results", "has a result of no request");
  }
}

void to_wire(const SilenceRecord& silence, wire::SilenceRecord& out) {
  for (const Matcher& matcher : silence.matchers) {
    wire::Matcher& entry = *out.add_matchers();
    entry.set_label(matcher.label);
    entry.set_kind(number_of(kMatchKinds, matcher.kind));
    entry.set_value(matcher.value);
  }
  out.set_starts_ms(unix_ms(silence.starts));
  out.set_ends_ms(unix_ms(silence.ends));
  out.set_created_by(silence.created_by);
  out.set_comment(silence.comment);
}

SilenceRecord from_wire(const wire::SilenceRecord& silence, Reader& reader) {
  SilenceRecord out;
  for (const wire::Matcher& matcher : silence.matchers()) {
    out.matchers.push_back(from_wire(matcher, reader));
  }
  out.starts = reader.wall("silence_record.starts_ms", silence.starts_ms());
  out.ends = reader.wall("silence_record.ends_ms", silence.ends_ms());
  out.created_by = reader.text("silence_record.created_by", silence.created_by(), kLabelBytesMax);
  out.comment = reader.text("silence_record.comment", silence.comment(), kTextBytesMax);
  return out;
}

bool put_keys_command(const CommandBody& body, wire::Command& out) {
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

std::optional<CommandBody> keys_command(const wire::Command& command, Reader& reader) {
  switch (command.body_case()) {
    case wire::Command::kPutKey: return from_wire(command.put_key(), reader);
    case wire::Command::kDeleteKey: return from_wire(command.delete_key(), reader);
    case wire::Command::kDeletePrefix:
      return DeletePrefix{
          .prefix = key_text("delete_prefix.prefix", command.delete_prefix().prefix(), reader)};
    case wire::Command::kGrantLease: {
      const wire::GrantLease& grant = command.grant_lease();
      return GrantLease{.name = reader.text("lease.name", grant.name(), kLabelBytesMax),
                        .holder = reader.text("lease.holder", grant.holder(), kLabelBytesMax),
                        .ttl_ms = grant.ttl_ms()};
    }
    case wire::Command::kRenewLease: return lease_body<RenewLease>(command.renew_lease(), reader);
    case wire::Command::kReleaseLease:
      return lease_body<ReleaseLease>(command.release_lease(), reader);
    case wire::Command::kExpireLease:
      return ExpireLease{
          .name = reader.text("lease.name", command.expire_lease().name(), kLabelBytesMax),
          .token = command.expire_lease().token(),
          .renewed = command.expire_lease().renewed()};
    case wire::Command::kPutSilence:
      reader.require(command.put_silence().has_silence(), "put_silence.silence");
      return PutSilence{
          .id = reader.text("put_silence.id", command.put_silence().id(), kLabelBytesMax),
          .silence = from_wire(command.put_silence().silence(), reader)};
    case wire::Command::kDeleteSilence:
      return DeleteSilence{
          .id = reader.text("delete_silence.id", command.delete_silence().id(), kLabelBytesMax)};
    default: return std::nullopt;
  }
}

}  // namespace muster::protobuf
