// What may be proposed to the masters? The only inputs of failover/commands.h: apply().
//
// Every command is in logs for ever: fields are added, never changed or reused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/cluster_state.h"

namespace muster {

struct CoordinatorElected {  // the first command of every coordinator
  NodeName node;
  std::uint64_t term = 0;
  std::string why;
  bool operator==(const CoordinatorElected&) const = default;
};
struct NodeUp {  // registered, or back
  NodeInfo info;
  bool operator==(const NodeUp&) const = default;
};
struct NodeSuspected {  // an event only: what the timeline needs
  NodeName node;
  std::string evidence;
  bool operator==(const NodeSuspected&) const = default;
};
struct NodeFailed {
  NodeName node;
  std::string evidence;  // who accused, who confirmed
  bool operator==(const NodeFailed&) const = default;
};
struct NodeLeft {
  NodeName node;
  bool operator==(const NodeLeft&) const = default;
};
struct PutWorkload {
  WorkloadSpec spec;
  bool operator==(const PutWorkload&) const = default;
};
struct StopWorkload {
  std::string name;
  bool operator==(const StopWorkload&) const = default;
};
struct PlaceInstance {
  std::string workload;
  std::uint64_t revision = 1;
  NodeName node;
  InstanceId replaces = 0;
  std::string reason;
  bool operator==(const PlaceInstance&) const = default;
};
struct StopInstance {
  InstanceId instance = 0;
  std::string reason;
  bool operator==(const StopInstance&) const = default;
};
struct ForgetInstance {  // it is known to run nowhere
  InstanceId instance = 0;
  std::string reason;
  bool operator==(const ForgetInstance&) const = default;
};
struct KeepInstance {  // its node is back and still runs it
  InstanceId instance = 0;
  bool operator==(const KeepInstance&) const = default;
};
struct ReportInstances {
  std::vector<InstanceStatus> statuses;
  bool operator==(const ReportInstances&) const = default;
};
struct MarkUnplaceable {  // empty: placeable again
  std::string workload;
  std::vector<std::string> reasons;
  bool operator==(const MarkUnplaceable&) const = default;
};
struct AlertFiring {
  std::string fingerprint;
  AlertRecord alert;
  bool operator==(const AlertFiring&) const = default;
};
struct AlertResolved {
  std::string fingerprint;
  bool operator==(const AlertResolved&) const = default;
};

struct ClusterFormed {  // once: a state that has an id keeps it
  std::string id;
  bool operator==(const ClusterFormed&) const = default;
};
struct SetMaster {  // before it becomes a server of the consensus
  NodeName name;
  Address rpc;
  MasterId id = 0;  // 0: that of a founder of this name
  bool operator==(const SetMaster&) const = default;
};
struct ForgetMaster {  // after it was one
  NodeName name;
  bool operator==(const ForgetMaster&) const = default;
};

// `expected`: Conflict unless the key's modified index is this one; 0: unless there is no such key.
struct PutKey {
  std::string key;
  Blob value;  // never null
  std::optional<std::uint64_t> expected{};
  bool operator==(const PutKey& other) const {
    return key == other.key && expected == other.expected &&
           (value == other.value || (value && other.value && *value == *other.value));
  }
};
struct DeleteKey {
  std::string key;
  std::optional<std::uint64_t> expected{};
  bool operator==(const DeleteKey&) const = default;
};
struct DeletePrefix {  // the empty prefix: every key
  std::string prefix;
  bool operator==(const DeletePrefix&) const = default;
};

// Conflict while another holds it. Who holds it already gets a higher token, and the one before is
// of no use any more: its holder was restarted, or there are two of that name.
struct GrantLease {
  std::string name;
  std::string holder;
  std::uint32_t ttl_ms = 0;
  bool operator==(const GrantLease&) const = default;
};
struct RenewLease {
  std::string name;
  std::string holder;
  std::uint64_t token = 0;
  bool operator==(const RenewLease&) const = default;
};
struct ReleaseLease {
  std::string name;
  std::string holder;
  std::uint64_t token = 0;
  bool operator==(const ReleaseLease&) const = default;
};
// By the coordinator, when the time is over for certain (failover/named_leases.h). Conflict when it
// was renewed or granted again meanwhile.
struct ExpireLease {
  std::string name;
  std::uint64_t token = 0;
  std::uint64_t renewed = 0;
  bool operator==(const ExpireLease&) const = default;
};

struct PutToken {  // `created`, and `created_by` unless it is there, are taken from the command
  TokenRecord token;
  bool operator==(const PutToken&) const = default;
};
struct DeleteToken {
  std::string id;
  bool operator==(const DeleteToken&) const = default;
};
// A node joins: takes one use of the token and records the certificate. By Command::at the token
// must not be expired; a name that has a valid certificate is refused unless `key` is the same, so
// that nobody takes the name of another with a token that he happens to have. The proposer hands
// the certificate out only when the state then names its serial: a repeated request may have been
// answered for another.
struct UseJoinToken {
  std::string id;
  NodeName node;
  std::string serial;
  std::string key{};  // as in CertificateRecord
  NodeRole role = NodeRole::Agent;
  WallTime expires{};
  std::string authority{};  // as in CertificateRecord
  bool operator==(const UseJoinToken&) const = default;
};
// A renewal: `replaces` is the serial that the node proved to have, and must be known as its own.
// Empty: its first, without a token; Conflict when it has one.
struct RecordCertificate {
  NodeName node;
  std::string serial;
  std::string key{};
  std::string replaces{};
  NodeRole role = NodeRole::Agent;
  WallTime issued{};
  WallTime expires{};
  std::string authority{};
  bool operator==(const RecordCertificate&) const = default;
};
struct RevokeNode {  // all of its certificates
  NodeName node;
  bool operator==(const RevokeNode&) const = default;
};
struct PutAuthority {  // an active one takes the place of the one that was
  AuthorityRecord authority;
  bool operator==(const PutAuthority&) const = default;
};
struct RetireAuthority {  // never the active one
  std::string id;
  bool operator==(const RetireAuthority&) const = default;
};
struct PutGossipKeys {  // the whole ring
  std::vector<GossipKey> keys;
  std::string primary;
  bool operator==(const PutGossipKeys&) const = default;
};
// A person or a program was given a certificate; expired ones of others are forgotten.
struct RecordUserCertificate {
  std::string serial;
  std::string name;
  Role role = Role::Viewer;
  WallTime expires{};
  std::string authority{};  // as in UserCertificateRecord
  bool operator==(const RecordUserCertificate&) const = default;
};
struct RevokeUserCertificates {  // either all of `name`, or the one with this serial
  std::string name;
  std::string serial;
  bool operator==(const RevokeUserCertificates&) const = default;
};

struct PutSilence {  // new, or in the place of the one that there is
  std::string id;
  SilenceRecord silence;
  bool operator==(const PutSilence&) const = default;
};
struct DeleteSilence {
  std::string id;
  bool operator==(const DeleteSilence&) const = default;
};

using CommandBody =
    std::variant<CoordinatorElected, NodeUp, NodeSuspected, NodeFailed, NodeLeft, PutWorkload,
                 StopWorkload, PlaceInstance, StopInstance, ForgetInstance, KeepInstance,
                 ReportInstances, MarkUnplaceable, AlertFiring, AlertResolved, ClusterFormed,
                 SetMaster, ForgetMaster, PutKey, DeleteKey, DeletePrefix, GrantLease, RenewLease,
                 ReleaseLease, ExpireLease, PutToken, DeleteToken, UseJoinToken, RecordCertificate,
                 RevokeNode, PutAuthority, RetireAuthority, PutGossipKeys, PutSilence,
                 DeleteSilence, RecordUserCertificate, RevokeUserCertificates>;

struct Command {
  CommandBody body;
  WallTime at{};          // by the proposer's clock
  std::string request{};  // id of the client's request; empty: never repeated
  Actor by{};
  // What it means is fixed by its version for ever. 1: only successful requests are remembered,
  // and without their results.
  std::uint32_t version = kCommandVersion;
  // With a `request`: a digest of what the client sent, the same on a retry; 0: not known. Not of
  // the body, which may hold what is drawn or read from a clock for each try.
  std::uint64_t asked = 0;
  bool operator==(const Command&) const = default;
};

// What came of a command.
struct Outcome {
  std::string text;         // what happened, for people
  std::uint64_t index = 0;  // of the command that did it; 0: not remembered
  std::uint64_t token = 0;  // fencing token of a granted lease
  bool repeated = false;    // it was done before: this is the answer of then
  bool operator==(const Outcome&) const = default;
  friend bool operator==(const Outcome& outcome, std::string_view words) {
    return outcome.text == words;
  }
};

}  // namespace muster
