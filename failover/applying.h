// What does each command do to the state? One member function a command, in commands_*.cpp.
//
// Core; internal to failover/commands*.cpp. What no longer fits changes nothing and returns why:
// every check comes before the first change. What depends on the time takes it from the command.
#pragma once

#include <cstdint>
#include <string>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"

namespace muster::failover {

// One command's visit: the state, and when, by whom and at which index it is changed.
class Applying {
 public:
  Applying(ClusterState& state, std::uint64_t index, WallTime at, const Actor& by)
      : state_(state), index_(index), at_(at), by_(by) {}

  using Said = Result<std::string>;  // what happened, for people

  // commands_nodes.cpp
  Said operator()(const CoordinatorElected& c);
  Said operator()(const NodeUp& c);
  Said operator()(const NodeSuspected& c);
  Said operator()(const NodeFailed& c);
  Said operator()(const NodeLeft& c);
  Said operator()(const ClusterFormed& c);
  Said operator()(const SetMaster& c);
  Said operator()(const ForgetMaster& c);

  // commands_workloads.cpp
  Said operator()(const PutWorkload& c);
  Said operator()(const StopWorkload& c);
  Said operator()(const PlaceInstance& c);
  Said operator()(const StopInstance& c);
  Said operator()(const ForgetInstance& c);
  Said operator()(const KeepInstance& c);
  Said operator()(const ReportInstances& c);
  Said operator()(const MarkUnplaceable& c);

  // commands_alerts.cpp
  Said operator()(const AlertFiring& c);
  Said operator()(const AlertResolved& c);
  Said operator()(const PutSilence& c);
  Said operator()(const DeleteSilence& c);

  // commands_keys.cpp
  Said operator()(const PutKey& c);
  Said operator()(const DeleteKey& c);
  Said operator()(const DeletePrefix& c);
  Said operator()(const GrantLease& c);
  Said operator()(const RenewLease& c);
  Said operator()(const ReleaseLease& c);
  Said operator()(const ExpireLease& c);

  // commands_tokens.cpp
  Said operator()(const PutToken& c);
  Said operator()(const DeleteToken& c);
  Said operator()(const UseJoinToken& c);
  Said operator()(const RecordCertificate& c);
  Said operator()(const RevokeNode& c);
  Said operator()(const RecordUserCertificate& c);
  Said operator()(const RevokeUserCertificates& c);
  Said operator()(const PutAuthority& c);
  Said operator()(const RetireAuthority& c);
  Said operator()(const PutGossipKeys& c);

  // The fencing token of the lease that was granted; 0: none was.
  [[nodiscard]] std::uint64_t token() const { return token_; }

 private:
  Said down(const NodeName& name, NodeState to, const char* kind, const std::string& text);
  void key_changed(std::string key, bool prefix);
  void drop_key(const std::string& key);
  // The lease, when `holder` has it under this token.
  [[nodiscard]] Result<LeaseRecord> held(const std::string& name, const std::string& holder,
                                         std::uint64_t token) const;
  [[nodiscard]] Status join_refused(const TokenRecord& token, const UseJoinToken& c) const;
  void purge_tokens();
  [[nodiscard]] Status make_room_for_revoked(std::size_t more);

  void event(const char* kind, std::string about_what, std::string text);
  void event_at(WallTime at, std::string kind, std::string about_what, std::string text);
  // " by NAME from ADDRESS"; empty for the cluster's own decisions.
  [[nodiscard]] std::string on_behalf() const;

  ClusterState& state_;
  std::uint64_t index_;
  WallTime at_;
  const Actor& by_;
  std::uint64_t token_ = 0;
};

// "instance 4 of web on n1", "instance/4".
[[nodiscard]] std::string about(const Placement& placement);
[[nodiscard]] std::string subject(const Placement& placement);

// --- checks of what a command brings; each Error says what is wrong and what is allowed ---

// Text of one line, 1 to `most` bytes. `what` is what it is called: "the key".
[[nodiscard]] Status check_text(std::string_view what, std::string_view text, std::size_t most);
// The same, but it may be empty.
[[nodiscard]] Status check_comment(std::string_view what, std::string_view text, std::size_t most);

}  // namespace muster::failover
