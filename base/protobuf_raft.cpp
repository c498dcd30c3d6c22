#include <memory>

#include "base/protobuf_convert.h"

namespace muster::protobuf {
namespace {

using raft::EntryType;

constexpr Numbers<EntryType, wire::EntryType> kEntryTypes[] = {
    {EntryType::Command, wire::ENTRY_TYPE_COMMAND},
    {EntryType::Barrier, wire::ENTRY_TYPE_BARRIER},
    {EntryType::Change, wire::ENTRY_TYPE_CHANGE},
};

void put(const raft::SnapshotMeta& meta, wire::SnapshotMeta& out) {
  out.set_index(meta.index);
  out.set_term(meta.term);
  out.set_configuration_index(meta.configuration_index);
  list_to_wire(meta.configuration, *out.mutable_configuration());
}

raft::SnapshotMeta from_wire(const wire::SnapshotMeta& meta, Reader& reader) {
  return {
      .index = meta.index(),
      .term = meta.term(),
      .configuration_index = meta.configuration_index(),
      .configuration = list_from_wire(meta.configuration(), reader),
  };
}

void put(const raft::RequestVote& vote, wire::Consensus& message) {
  wire::RequestVote& out = *message.mutable_request_vote();
  out.set_term(vote.term);
  out.set_candidate(vote.candidate);
  out.set_last_index(vote.last_index);
  out.set_last_term(vote.last_term);
  out.set_disrupt_leader(vote.disrupt_leader);
  out.set_pre_vote(vote.pre_vote);
}

void put(const raft::RequestVoteResult& result, wire::Consensus& message) {
  wire::RequestVoteResult& out = *message.mutable_request_vote_result();
  out.set_term(result.term);
  out.set_granted(result.granted);
  out.set_pre_vote(result.pre_vote);
  out.set_features(result.features);
  out.set_capacity(result.capacity);
}

void put(const raft::AppendEntries& append, wire::Consensus& message) {
  wire::AppendEntries& out = *message.mutable_append_entries();
  out.set_term(append.term);
  out.set_prev_index(append.prev_index);
  out.set_prev_term(append.prev_term);
  out.set_leader_commit(append.leader_commit);
  list_to_wire(append.entries, *out.mutable_entries());
}

void put(const raft::AppendEntriesResult& result, wire::Consensus& message) {
  wire::AppendEntriesResult& out = *message.mutable_append_entries_result();
  out.set_term(result.term);
  out.set_rejected(result.rejected);
  out.set_last_index(result.last_index);
  out.set_features(result.features);
  out.set_capacity(result.capacity);
}

void put(const raft::InstallSnapshot& install, wire::Consensus& message) {
  CHECK(install.data);
  wire::InstallSnapshot& out = *message.mutable_install_snapshot();
  out.set_term(install.term);
  put(install.meta, *out.mutable_meta());
  out.set_data(*install.data);
}

void put(const raft::TimeoutNow& timeout, wire::Consensus& message) {
  wire::TimeoutNow& out = *message.mutable_timeout_now();
  out.set_term(timeout.term);
  out.set_last_index(timeout.last_index);
  out.set_last_term(timeout.last_term);
}

void put(const raft::ReadProbe& probe, wire::Consensus& message) {
  wire::ReadProbe& out = *message.mutable_read_probe();
  out.set_term(probe.term);
  out.set_round(probe.round);
}

void put(const raft::ReadEcho& echo, wire::Consensus& message) {
  wire::ReadEcho& out = *message.mutable_read_echo();
  out.set_term(echo.term);
  out.set_round(echo.round);
}

raft::RequestVote from_wire(const wire::RequestVote& vote) {
  return {
      .term = vote.term(),
      .candidate = vote.candidate(),
      .last_index = vote.last_index(),
      .last_term = vote.last_term(),
      .disrupt_leader = vote.disrupt_leader(),
      .pre_vote = vote.pre_vote(),
  };
}

raft::RequestVoteResult from_wire(const wire::RequestVoteResult& result, Reader& reader) {
  return {
      .term = result.term(),
      .granted = result.granted(),
      .pre_vote = result.pre_vote(),
      .features = reader.u16("request_vote_result.features", result.features()),
      .capacity = reader.u16("request_vote_result.capacity", result.capacity()),
  };
}

raft::AppendEntries from_wire(const wire::AppendEntries& append, Reader& reader) {
  return {
      .term = append.term(),
      .prev_index = append.prev_index(),
      .prev_term = append.prev_term(),
      .leader_commit = append.leader_commit(),
      .entries = list_from_wire(append.entries(), reader),
  };
}

raft::AppendEntriesResult from_wire(const wire::AppendEntriesResult& result, Reader& reader) {
  return {
      .term = result.term(),
      .rejected = result.rejected(),
      .last_index = result.last_index(),
      .features = reader.u16("append_entries_result.features", result.features()),
      .capacity = reader.u16("append_entries_result.capacity", result.capacity()),
  };
}

raft::InstallSnapshot from_wire(const wire::InstallSnapshot& install, Reader& reader) {
  reader.require(install.has_meta(), "install_snapshot.meta");
  return {
      .term = install.term(),
      .meta = from_wire(install.meta(), reader),
      .data = std::make_shared<const std::string>(install.data()),
  };
}

raft::TimeoutNow from_wire(const wire::TimeoutNow& timeout) {
  return {
      .term = timeout.term(),
      .last_index = timeout.last_index(),
      .last_term = timeout.last_term(),
  };
}

}  // namespace

void to_wire(const raft::Entry& entry, wire::Entry& out) {
  CHECK(entry.data);
  out.set_term(entry.term);
  out.set_type(number_of(kEntryTypes, entry.type));
  out.set_data(*entry.data);
}

raft::Entry from_wire(const wire::Entry& entry, Reader& reader) {
  return {
      .term = entry.term(),
      .type = enumerator_of(kEntryTypes, entry.type(), "entry.type", reader),
      .data = std::make_shared<const std::string>(entry.data()),
  };
}

void to_wire(const raft::Server& server, wire::Server& out) {
  out.set_id(server.id);
  out.set_address(server.address);
  out.set_voter(server.voter);
}

raft::Server from_wire(const wire::Server& server, Reader& reader) {
  return {
      .id = server.id(),
      .address = reader.text("server.address", server.address(), kHostBytesMax + 6),
      .voter = server.voter(),
  };
}

void to_wire(const raft::Message& message, wire::Consensus& out) {
  std::visit([&](const auto& body) { put(body, out); }, message);
}

raft::Message from_wire(const wire::Consensus& message, Reader& reader) {
  switch (message.message_case()) {
    case wire::Consensus::kAppendEntries: return from_wire(message.append_entries(), reader);
    case wire::Consensus::kAppendEntriesResult:
      return from_wire(message.append_entries_result(), reader);
    case wire::Consensus::kRequestVote: return from_wire(message.request_vote());
    case wire::Consensus::kRequestVoteResult:
      return from_wire(message.request_vote_result(), reader);
    case wire::Consensus::kInstallSnapshot: return from_wire(message.install_snapshot(), reader);
    case wire::Consensus::kTimeoutNow: return from_wire(message.timeout_now());
    case wire::Consensus::kReadProbe:
      return raft::ReadProbe{message.read_probe().term(), message.read_probe().round()};
    case wire::Consensus::kReadEcho:
      return raft::ReadEcho{message.read_echo().term(), message.read_echo().round()};
    case wire::Consensus::MESSAGE_NOT_SET: break;
  }
  reader.require(false, "consensus.message");
  return {};
}

}  // namespace muster::protobuf
