// Who are the masters, and what is the next step towards those that there should be?
//
// A core; owned by Master. Consensus knows numbers and addresses, people know names: this knows
// both. What it wants done is derived anew from what is the case each time that it is asked, so
// that a new coordinator goes on where the last one died. One step at a time: a master is named in
// the replicated state, added without a vote, promoted when it has caught up (Ongaro 2014, 4.2.1).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/ids.h"
#include "base/raft_types.h"
#include "base/rpc.h"

namespace muster::agent {

// More than these make each write slower and survive no likelier accident.
inline constexpr std::size_t kVotersMax = 7;

struct AddServer {
  NodeName name;
  raft::Server server;
};
struct PromoteServer {
  NodeName name;
  raft::Server server;
};
using ElectorateStep = std::variant<CommandBody, AddServer, PromoteServer>;

// A registered agent that is set up to be a master.
struct Candidate {
  Address rpc;
  std::string boot;
};

class Electorate {
 public:
  Electorate(std::map<NodeName, Address> configured, NodeName self);

  // What is replicated, and what consensus goes by. False: nothing changed.
  bool update(const ClusterState& state, const std::vector<raft::Server>& servers);

  [[nodiscard]] NodeName name_of(MasterId id) const;             // empty: nobody's
  [[nodiscard]] Address address_of(const NodeName& name) const;  // empty: is no master
  [[nodiscard]] bool contains(const NodeName& name) const { return masters_.contains(name); }
  // By name, this one too.
  [[nodiscard]] const std::map<NodeName, Address>& masters() const { return masters_; }
  [[nodiscard]] std::vector<rpc::MasterAddress> list() const;
  // The masters are not, or not for long, those of the configured list.
  [[nodiscard]] bool changed() const { return changed_; }

  // The coordinator asks. `caught_up`: masters whose logs reach, or nearly reach, the leader's end;
  // `heard`: those that have acknowledged an entry.
  [[nodiscard]] std::optional<ElectorateStep> next_step(
      const ClusterState& state, const std::set<MasterId>& heard,
      const std::set<MasterId>& caught_up, const std::map<NodeName, Candidate>& candidates) const;

  // An operator took this one away: the process that was it is not added again by itself.
  void retire(const NodeName& name, const std::string& boot) { retired_[name] = boot; }
  void unretire(const NodeName& name) { retired_.erase(name); }
  // Where a master listens that is not known otherwise: by membership.
  void learn(const NodeName& name, const Address& rpc);

 private:
  [[nodiscard]] const raft::Server* server_of(const NodeName& name) const;

  std::map<NodeName, Address> configured_;
  NodeName self_;
  std::map<NodeName, Address> masters_;
  std::vector<raft::Server> servers_;
  bool changed_ = false;
  std::map<NodeName, std::string> retired_;  // with its boot
};

}  // namespace muster::agent
