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

// Of consensus. Removed is only one without a vote whose log is gone: whoever has its name now has
// another id.
struct ServerStep {
  NodeName name;
  raft::Change change;
};
using ElectorateStep = std::variant<CommandBody, ServerStep>;

// A registered agent that is set up to be a master.
struct Candidate {
  Address rpc;
  std::string boot;
  MasterId id = 0;  // of its log
  // It has heard who the masters are since it registered: one that was taken away while nobody
  // could tell it would not be a candidate any more.
  bool heeded = true;
};

// After a restart the configuration of consensus is known at once, but the names in the state only
// when somebody leads. Until then a master goes by its address, which is no valid name.
[[nodiscard]] inline bool is_unnamed(const NodeName& master) {
  return master.find(':') != NodeName::npos;
}

class Electorate {
 public:
  Electorate(std::map<NodeName, Address> configured, NodeName self);

  // What is replicated, and what consensus goes by. False: nothing changed.
  bool update(const ClusterState& state, const std::vector<raft::Server>& servers);

  [[nodiscard]] NodeName name_of(MasterId id) const;         // empty: nobody's; may be is_unnamed()
  [[nodiscard]] MasterId id_of(const NodeName& name) const;  // 0: is no master
  [[nodiscard]] Address address_of(const NodeName& name) const;  // empty: is no master
  [[nodiscard]] bool contains(const NodeName& name) const { return masters_.contains(name); }
  // By name, this one too; some may be is_unnamed().
  [[nodiscard]] const std::map<NodeName, Address>& masters() const { return masters_; }
  [[nodiscard]] std::vector<rpc::MasterAddress> list() const;  // those that have names
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
  // A master speaks that need not be known here: the log from which we know names may be behind, or
  // we know nobody yet. `rpc`: where it listens, by membership; may be empty. False: it is not to
  // be heard, somebody else has that id.
  [[nodiscard]] bool meet(const NodeName& name, MasterId id, const Address& rpc);
  // Where to reach everybody that may have something to say, but for this one.
  [[nodiscard]] std::map<NodeName, Address> others() const;

 private:
  [[nodiscard]] const raft::Server* server_of(const NodeName& name) const;  // null: none is its
  [[nodiscard]] std::optional<ElectorateStep> towards(const NodeName& name,
                                                      const Candidate& candidate,
                                                      const ClusterState& state) const;

  std::map<NodeName, Address> configured_;
  NodeName self_;
  std::map<NodeName, Address> masters_;
  std::map<MasterId, NodeName> names_;  // of masters_, and of those that were met
  std::map<NodeName, Address> met_;     // that are not in masters_
  std::vector<raft::Server> servers_;
  bool changed_ = false;
  std::map<NodeName, std::string> retired_;  // with its boot
};

}  // namespace muster::agent
