#include "agent/api_why.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/api_json.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using health::Evidence;
using health::FailedProbe;
using health::MemberEvent;
using health::MemberEventKind;
using nlohmann::json;

// "12:00:01.234", of the same clock as the dates beside it.
std::string time_text(Instant at, const WallAnchor& clock) {
  return rfc3339(clock.wall_at(at)).substr(11, 12);
}
std::string seconds_text(Duration duration) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", seconds(duration));
  return text;
}
std::string listed(const std::vector<NodeName>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " and " : ", ";
    text += names[i];
  }
  return text;
}
std::string address_text(const Address& address) {
  return address.host.empty() ? "nowhere" : address.text();
}
std::string incarnations(const MemberEvent& event) {
  std::string text = "incarnation " + std::to_string(event.now.incarnation);
  if (event.before && event.before->incarnation != event.now.incarnation) {
    text += ", " + std::to_string(event.before->incarnation) + " before";
  }
  return text;
}

// --- what was sent, when, and what came back ---
std::string relays_text(const FailedProbe& probe, const WallAnchor& clock) {
  std::string text = "; " + listed(probe.relays) + " asked to ping it at ";
  text += time_text(probe.relays_asked, clock);
  std::vector<NodeName> silent;
  for (const NodeName& relay : probe.relays) {
    const bool said_no =
        std::find(probe.nacks.begin(), probe.nacks.end(), relay) != probe.nacks.end();
    if (!said_no) silent.push_back(relay);
  }
  if (!probe.nacks.empty()) text += ": no answer to " + listed(probe.nacks);
  if (!silent.empty()) text += (probe.nacks.empty() ? ": " : ", ") + listed(silent) + " silent";
  return text;
}
std::string probe_text(const FailedProbe& probe, const WallAnchor& clock) {
  std::string text = "own ping sent at " + time_text(probe.sent, clock);
  if (probe.hinted) text += " after a sign of trouble";
  text += ": no answer";
  if (!probe.relays.empty()) text += relays_text(probe, clock);
  if (probe.stream_tried) {
    text += probe.stream_refused ? "; ping over TCP: refused" : "; ping over TCP: no answer";
  }
  return text;
}

std::string silence_text(const MemberEvent& event, const WallAnchor& clock) {
  return "last heard from it at " + time_text(event.evidence.last_heard, clock) + ", " +
         seconds_text(event.at - event.evidence.last_heard) + " before";
}

std::string accusation_text(const MemberEvent& event, const WallAnchor& clock) {
  const Evidence& evidence = event.evidence;
  if (evidence.accuser.empty()) return incarnations(event);
  if (event.kind == MemberEventKind::Failed &&
      !(event.before && event.before->state == gossip::MemberState::Suspect)) {
    return "declared failed by " + evidence.accuser + ", not suspected here before; " +
           incarnations(event);
  }
  std::string text = "accused by " + evidence.accuser;
  if (event.kind != MemberEventKind::Suspected) {
    text += " at " + time_text(evidence.suspected_at, clock);
  }
  if (!evidence.confirmers.empty()) text += ", confirmed by " + listed(evidence.confirmers);
  if (event.kind == MemberEventKind::Failed) {
    text += ", not refuted in " + seconds_text(event.at - evidence.suspected_at);
  }
  return text + "; " + incarnations(event);
}

// What differs between two cards, in words.
std::string difference(const gossip::Card& before, const gossip::Card& now) {
  std::string text;
  const auto add = [&](const char* what, const std::string& from, const std::string& to) {
    if (from == to) return;
    text += (text.empty() ? "" : ", ") + std::string(what) + " from " + in_quotes(from) + " to " +
            in_quotes(to);
  };
  const auto role = [](const gossip::Meta& meta) { return meta.master ? "master" : "worker"; };
  const auto protocols = [](const gossip::ProtocolRange& range) {
    return std::to_string(range.min) + " to " + std::to_string(range.max);
  };
  add("gossip address", address_text(before.gossip), address_text(now.gossip));
  add("RPC address", address_text(before.meta.rpc), address_text(now.meta.rpc));
  add("HTTP address", address_text(before.meta.http), address_text(now.meta.http));
  add("role", role(before.meta), role(now.meta));
  add("zone", before.meta.zone, now.meta.zone);
  add("version", before.meta.version, now.meta.version);
  add("protocols", protocols(before.meta.protocol), protocols(now.meta.protocol));
  if (before.meta.labels != now.meta.labels) text += text.empty() ? "its labels" : ", its labels";
  return text;
}

std::vector<std::string> accused(const MemberEvent& event, const WallAnchor& clock) {
  std::vector<std::string> lines{accusation_text(event, clock), silence_text(event, clock)};
  if (event.evidence.probe) {
    lines.push_back(probe_text(*event.evidence.probe, clock));
  } else {
    lines.emplace_back("no unanswered ping of this agent's own");
  }
  return lines;
}

// --- JSON ---
json moment_json(Instant at, const WallAnchor& clock) {
  if (at == kNever) return nullptr;
  return rfc3339(clock.wall_at(at));
}
json probe_json(const FailedProbe& probe, const WallAnchor& clock) {
  const char* stream = !probe.stream_tried    ? "not tried"
                       : probe.stream_refused ? "refused"
                                              : "no answer";
  return {{"sent", moment_json(probe.sent, clock)},
          {"hinted", probe.hinted},
          {"relays_asked", moment_json(probe.relays_asked, clock)},
          {"relays", probe.relays},
          {"nacks", probe.nacks},
          {"stream", stream}};
}
json event_json(const MemberEvent& event, const WallAnchor& clock) {
  const WallTime at = clock.wall_at(event.at);
  const Evidence& evidence = event.evidence;
  json out{{"sequence", event.sequence},
           {"at", rfc3339(at)},
           {"at_ms", at.time_since_epoch().count()},
           {"kind", health::to_text(event.kind)},
           {"incarnation", event.now.incarnation},
           {"incarnation_before", nullptr},
           {"accuser", nullptr},
           {"confirmers", evidence.confirmers},
           {"suspected_at", nullptr},
           {"last_heard", nullptr},
           {"probe", nullptr},
           {"text", explain(event, clock)}};
  if (event.before) out["incarnation_before"] = event.before->incarnation;
  if (event.kind != MemberEventKind::Flapping) {
    out["last_heard"] = moment_json(evidence.last_heard, clock);
  }
  if (!evidence.accuser.empty()) {
    out["accuser"] = evidence.accuser;
    out["suspected_at"] = moment_json(evidence.suspected_at, clock);
  }
  if (evidence.probe) out["probe"] = probe_json(*evidence.probe, clock);
  return out;
}

json cluster_events(const ClusterState& state, const std::string& name) {
  const std::string subject = "node/" + name;
  json list = json::array();
  for (const EventRecord& event : state.events) {
    if (event.subject != subject) continue;
    list.push_back({{"sequence", event.sequence},
                    {"at", rfc3339(event.at)},
                    {"at_ms", event.at.time_since_epoch().count()},
                    {"kind", event.kind},
                    {"text", event.text}});
  }
  return list;
}

void add_present(const View& view, const MemberView& member, json& out) {
  const WallTime since = view.clock.wall_at(member.since);
  out["state"] = gossip::to_text(member.state);
  out["since"] = rfc3339(since);
  out["since_ms"] = since.time_since_epoch().count();
  out["incarnation"] = member.incarnation;
  if (!member.accuser.empty()) out["accuser"] = member.accuser;
  out["address"] = address_text(member.gossip);
}

}  // namespace

std::vector<std::string> explain(const MemberEvent& event, const WallAnchor& clock) {
  const gossip::Meta& meta = event.now.meta();
  switch (event.kind) {
    case MemberEventKind::Joined: {
      std::string text = "at " + address_text(event.now.gossip()) + ", ";
      if (!meta.version.empty()) text += "version " + meta.version + ", ";
      return {text + incarnations(event)};
    }
    case MemberEventKind::Learned:
      return {"was " + std::string(gossip::to_text(event.now.state)) +
              " already when this agent joined; " + incarnations(event)};
    case MemberEventKind::Suspected:
    case MemberEventKind::Failed: return accused(event, clock);
    case MemberEventKind::Refuted:
      return {"said that it is alive, " + seconds_text(event.at - event.evidence.suspected_at) +
                  " after the suspicion",
              accusation_text(event, clock)};
    case MemberEventKind::Left: return {"said that it leaves; " + incarnations(event)};
    case MemberEventKind::Returned: {
      std::string text = "is back after it had ";
      text += event.before && event.before->state == gossip::MemberState::Left ? "left" : "failed";
      return {text + "; " + incarnations(event)};
    }
    case MemberEventKind::Changed: {
      const std::string what = event.before ? difference(*event.before->card, *event.now.card) : "";
      return {"changed " + (what.empty() ? std::string("nothing that is shown") : what) + "; " +
              incarnations(event)};
    }
    case MemberEventKind::Flapping:
      return {"failed or had to refute a suspicion " + std::to_string(health::kFlapTimes) +
              " times since " + time_text(event.flaps_since, clock) +
              ": look at its load, its network and its clock"};
  }
  return {};
}

ApiResponse why_node(const View& view, std::string_view node) {
  const std::string name(node);
  const auto member = view.members->find(name);
  const auto history = view.history->find(name);
  if (member == view.members->end() && history == view.history->end()) {
    return problem(404, "not found",
                   "no node " + in_quotes(name) + " is or was a member to " + view.self.name +
                       " since its start: see \"muster members\" for the names, or ask another "
                       "agent with --address");
  }
  json out{{"name", name},
           {"agent", view.self.name},
           {"itself", name == view.self.name},
           {"state", nullptr},
           {"since", nullptr},
           {"since_ms", nullptr},
           {"incarnation", nullptr},
           {"accuser", nullptr},
           {"address", nullptr},
           {"cluster_events", nullptr}};
  if (member != view.members->end()) add_present(view, member->second, out);
  json events = json::array();
  if (history != view.history->end()) {
    for (const auto& event : *history->second) events.push_back(event_json(*event, view.clock));
  }
  out["events"] = std::move(events);
  if (view.master) out["cluster_events"] = cluster_events(*view.master->state, name);
  return ok_json(out);
}

}  // namespace muster::agent
