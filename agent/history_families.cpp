#include "agent/history_families.h"

#include <map>
#include <string>

namespace muster::agent {

Families history_families(const View& view) {
  using gossip::MemberState;
  std::map<MemberState, double> counts{
      {MemberState::Alive, 0}, {MemberState::Suspect, 0}, {MemberState::Failed, 0}};
  for (const auto& [name, member] : *view.members) ++counts[member.state];
  Family members{"muster_members", "Members by gossip state.", MetricType::Gauge, {}};
  for (const auto& [state, count] : counts) {
    members.samples.push_back({{{"state", std::string(gossip::to_text(state))}}, count});
  }
  return {members,
          {"muster_instances",
           "Instances that run here.",
           MetricType::Gauge,
           {{{}, static_cast<double>(view.instances.size())}}},
          {"muster_gossip_health_score",
           "How far this agent distrusts its own judgement.",
           MetricType::Gauge,
           {{{}, static_cast<double>(view.health_score)}}}};
}

}  // namespace muster::agent
