#include "agent/history_families.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace muster::agent {

Families history_families(const View& view, WallTime at) {
  using gossip::MemberState;
  std::map<MemberState, double> counts{
      {MemberState::Alive, 0}, {MemberState::Suspect, 0}, {MemberState::Failed, 0}};
  for (const auto& [name, member] : *view.members) ++counts[member.state];
  Family members{"muster_members", "Members by gossip state.", MetricType::Gauge, {}};
  for (const auto& [state, count] : counts) {
    members.samples.push_back({{{"state", std::string(gossip::to_text(state))}}, count});
  }
  Families families{members,
                    {"muster_instances",
                     "Instances that run here.",
                     MetricType::Gauge,
                     {{{}, static_cast<double>(view.instances.size())}}},
                    {"muster_gossip_health_score",
                     "How far this agent distrusts its own judgement.",
                     MetricType::Gauge,
                     {{{}, static_cast<double>(view.health_score)}}}};
  if (!view.master) return families;
  double leaderless = 0;
  if (const auto since = view.master->leaderless_since) {
    // The wall clock may have been set back meanwhile; 0 says that there is a leader.
    leaderless = std::max(0.001, static_cast<double>((at - *since).count()) / 1000);
  }
  families.push_back({"muster_leaderless_seconds",
                      "For how long this master has known no leader.",
                      MetricType::Gauge,
                      {{{}, leaderless}}});
  return families;
}

std::optional<Leaderless> leaderless_before(const std::optional<collector::HistoryPoint>& newest,
                                            WallTime now) {
  using std::chrono::milliseconds;
  constexpr float kSecondsMax = 86'400.0F * 31;  // nothing is kept for longer
  if (!newest || !(newest->value > 0) || newest->value > kSecondsMax) return std::nullopt;
  if (newest->at > now || now - newest->at > kLeaderlessGapMax) return std::nullopt;
  Leaderless before;
  before.watched = milliseconds(std::llround(static_cast<double>(newest->value) * 1000));
  // Seven digits: of what lasts for days they leave out fractions of the second that it began with.
  before.since = std::chrono::round<std::chrono::seconds>(
      newest->at - std::chrono::duration_cast<milliseconds>(before.watched));
  return before;
}

}  // namespace muster::agent
