#include "agent/command_kinds.h"

#include <type_traits>
#include <variant>

namespace muster::agent {
namespace {

template <class Body, class... Kinds>
constexpr bool one_of = (std::is_same_v<Body, Kinds> || ...);

template <class Body>
constexpr bool kForOperators =
    one_of<Body, PutWorkload, StopWorkload, PutKey, DeleteKey, DeletePrefix, GrantLease, RenewLease,
           ReleaseLease, PutSilence, DeleteSilence>;

// Authorities are not among them: their keys never leave the masters.
template <class Body>
constexpr bool kForAdmins = one_of<Body, PutToken, DeleteToken, RevokeNode, RevokeUserCertificates>;

template <class Body>
constexpr bool kFacts =
    one_of<Body, ClusterFormed, SetMaster, ForgetMaster, PutToken, DeleteToken, RevokeNode,
           RevokeUserCertificates, PutAuthority, RetireAuthority, PutGossipKeys>;

template <class Body>
constexpr bool kLeavesPlan =
    one_of<Body, ClusterFormed, SetMaster, ForgetMaster, PutKey, DeleteKey, DeletePrefix,
           GrantLease, RenewLease, ReleaseLease, ExpireLease, PutToken, DeleteToken, UseJoinToken,
           RecordCertificate, RecordUserCertificate, RevokeUserCertificates, PutAuthority,
           RetireAuthority, PutGossipKeys>;

}  // namespace

const std::array<std::string_view, kCommandKinds> kCommandKindNames{"coordinator-elected",
                                                                    "node-up",
                                                                    "node-suspected",
                                                                    "node-failed",
                                                                    "node-left",
                                                                    "put-workload",
                                                                    "stop-workload",
                                                                    "place-instance",
                                                                    "stop-instance",
                                                                    "forget-instance",
                                                                    "keep-instance",
                                                                    "report-instances",
                                                                    "mark-unplaceable",
                                                                    "alert-firing",
                                                                    "alert-resolved",
                                                                    "cluster-formed",
                                                                    "set-master",
                                                                    "forget-master",
                                                                    "put-key",
                                                                    "delete-key",
                                                                    "delete-prefix",
                                                                    "grant-lease",
                                                                    "renew-lease",
                                                                    "release-lease",
                                                                    "expire-lease",
                                                                    "put-token",
                                                                    "delete-token",
                                                                    "use-join-token",
                                                                    "record-certificate",
                                                                    "revoke-node",
                                                                    "put-authority",
                                                                    "retire-authority",
                                                                    "put-gossip-keys",
                                                                    "put-silence",
                                                                    "delete-silence",
                                                                    "record-user-certificate",
                                                                    "revoke-user-certificates"};

std::optional<Role> required_role(const CommandBody& body) {
  return std::visit(
      [](const auto& one) -> std::optional<Role> {
        using Body = std::decay_t<decltype(one)>;
        if (kForOperators<Body>) return Role::Operator;
        if (kForAdmins<Body>) return Role::Admin;
        return std::nullopt;
      },
      body);
}

void attribute(Command& command, const Actor& actor) {
  command.by = actor;
  if (auto* token = std::get_if<PutToken>(&command.body)) token->token.created_by = actor.name;
  if (auto* silence = std::get_if<PutSilence>(&command.body)) {
    silence->silence.created_by = actor.name;
  }
}

bool changes_facts(const CommandBody& body) {
  return std::visit([](const auto& one) { return kFacts<std::decay_t<decltype(one)>>; }, body);
}

std::uint32_t version_of(const CommandBody& body) {
  const bool newest = std::holds_alternative<RecordUserCertificate>(body) ||
                      std::holds_alternative<RevokeUserCertificates>(body);
  return newest ? kStateVersion : kCommandVersion;
}

bool leaves_plan(const CommandBody& body) {
  return std::visit([](const auto& one) { return kLeavesPlan<std::decay_t<decltype(one)>>; }, body);
}

}  // namespace muster::agent
