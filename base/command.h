// What may be proposed to the masters? The only inputs of failover/commands.h: apply().
//
// Every command is in logs for ever: fields are added, never changed or reused.
#pragma once

#include <cstdint>
#include <string>
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

using CommandBody =
    std::variant<CoordinatorElected, NodeUp, NodeSuspected, NodeFailed, NodeLeft, PutWorkload,
                 StopWorkload, PlaceInstance, StopInstance, ForgetInstance, KeepInstance,
                 ReportInstances, MarkUnplaceable, AlertFiring, AlertResolved>;

struct Command {
  CommandBody body;
  WallTime at{};        // by the proposer's clock
  std::string request;  // id of the client's request; empty: never repeated
  bool operator==(const Command&) const = default;
};

}  // namespace muster
