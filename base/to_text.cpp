#include "base/cluster_state.h"
#include "base/raft_types.h"
#include "base/workload.h"

namespace muster {

std::string_view to_text(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::Http: return "http";
    case ProbeKind::Tcp: return "tcp";
    case ProbeKind::Exec: return "exec";
  }
  return "tcp";
}

std::string_view to_text(RestartWhen when) {
  switch (when) {
    case RestartWhen::Always: return "always";
    case RestartWhen::OnFailure: return "on-failure";
    case RestartWhen::Never: return "never";
  }
  return "always";
}

std::string to_text(const Constraint& constraint) {
  return constraint.label + (constraint.equal ? " == " : " != ") + constraint.value;
}

std::string_view to_text(NodeState state) {
  switch (state) {
    case NodeState::Alive: return "alive";
    case NodeState::Failed: return "failed";
    case NodeState::Left: return "left";
  }
  return "failed";
}

std::string_view to_text(Phase phase) {
  switch (phase) {
    case Phase::Pending: return "pending";
    case Phase::Starting: return "starting";
    case Phase::Running: return "running";
    case Phase::Ready: return "ready";
    case Phase::Backoff: return "backoff";
    case Phase::Done: return "done";
    case Phase::Stopping: return "stopping";
    case Phase::Stopped: return "stopped";
    case Phase::Refused: return "refused";
  }
  return "pending";
}

std::string_view to_text(MatchKind kind) {
  switch (kind) {
    case MatchKind::Equal: return "==";
    case MatchKind::NotEqual: return "!=";
    case MatchKind::Like: return "~";
    case MatchKind::NotLike: return "!~";
  }
  return "==";
}

std::string_view raft::to_text(raft::ChangeKind kind) {
  switch (kind) {
    case raft::ChangeKind::Add: return "add";
    case raft::ChangeKind::Promote: return "promote";
    case raft::ChangeKind::Remove: return "remove";
  }
  return "remove";
}

std::string_view raft::to_text(raft::Role role) {
  switch (role) {
    case raft::Role::Follower: return "follower";
    case raft::Role::Candidate: return "candidate";
    case raft::Role::Leader: return "leader";
  }
  return "follower";
}

}  // namespace muster
