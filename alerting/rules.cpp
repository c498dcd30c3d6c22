#include "alerting/rules.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace muster::alerting {
namespace {

constexpr std::size_t kListedMax = 10;  // lines in a description; a cluster may have thousands

WallTime after(WallTime time, Duration d) {
  return time + std::chrono::duration_cast<std::chrono::milliseconds>(d);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kListedMax); ++i) {
    text += (i == 0 ? "" : "; ") + lines[i];
  }
  if (lines.size() > kListedMax) {
    text += "; and " + std::to_string(lines.size() - kListedMax) + " more";
  }
  return text;
}

class Evaluation {
 public:
  Evaluation(const ClusterState& state, WallTime now, const RuleOptions& options)
      : state_(state), now_(now), options_(options) {}

  void coordinator_changed();
  void node_failed();
  void workload_failing();
  void workload_unplaceable();
  [[nodiscard]] std::vector<Alert> take() { return std::move(alerts_); }

 private:
  struct Trouble {
    WallTime since;
    std::string text;
  };
  [[nodiscard]] std::optional<Trouble> trouble_of(const Placement& placement) const;
  [[nodiscard]] WallTime unplaceable_since(const std::string& workload) const;
  Alert& add(std::string name, std::string severity, WallTime since, std::string summary,
             std::string description);

  const ClusterState& state_;
  WallTime now_;
  const RuleOptions& options_;
  std::vector<Alert> alerts_;
};

Alert& Evaluation::add(std::string name, std::string severity, WallTime since, std::string summary,
                       std::string description) {
  Alert alert;
  alert.labels = {{"alertname", std::move(name)},
                  {"severity", std::move(severity)},
                  {"cluster", options_.cluster}};
  alert.annotations = {{"summary", std::move(summary)}, {"description", std::move(description)}};
  alert.starts_at = since;
  return alerts_.emplace_back(std::move(alert));
}

// The one before, from "n2 is coordinator in term 7, after n1 (why)"; empty when the event names
// none: the first election of the cluster, or the same node again.
std::string previous_coordinator(const EventRecord& event) {
  constexpr std::string_view kMark = ", after ";
  const std::size_t mark = event.text.find(kMark);
  const std::size_t reason = event.text.find(" (");
  if (mark == std::string::npos || mark > reason) return {};
  const std::size_t begin = mark + kMark.size();
  std::string name = event.text.substr(begin, event.text.find(' ', begin) - begin);
  return valid_name(name) ? name : std::string{};
}

void Evaluation::coordinator_changed() {
  std::map<std::pair<std::string, std::string>, WallTime> changes;  // (old, new): the newest wins
  for (const EventRecord& event : state_.events) {
    if (event.kind != "coordinator-elected") continue;
    if (now_ >= after(event.at, options_.coordinator_changed_for)) continue;
    constexpr std::string_view kNode = "node/";
    std::string before = previous_coordinator(event);
    if (before.empty() || !event.subject.starts_with(kNode)) continue;
    changes[{std::move(before), event.subject.substr(kNode.size())}] = event.at;
  }
  for (const auto& [names, at] : changes) {
    const auto& [before, now] = names;
    Alert& alert = add("CoordinatorChanged", "warning", at,
                       "coordinator changed from " + before + " to " + now,
                       now + " was elected coordinator after " + before +
                           "; this resolves by itself, look at `muster events` for the cause");
    alert.labels["from"] = before;
    alert.labels["to"] = now;
  }
}

void Evaluation::node_failed() {
  for (const auto& [name, node] : state_.nodes) {
    if (node.state != NodeState::Failed) continue;
    std::vector<std::string> lost;
    for (const auto& [id, placement] : state_.placements) {
      if (placement.lost && placement.node == name) lost.push_back(placement.workload);
    }
    Alert& alert =
        add("NodeFailed", "critical", node.since, "node " + name + " failed",
            "no member of the cluster reaches " + name + " since " + "it was declared failed; " +
                (lost.empty() ? std::string("no workload ran there")
                              : "workloads that ran there: " + joined(lost)));
    alert.labels["node"] = name;
    // To Alertmanager a label without a value is no label at all.
    if (!node.info.zone.empty()) alert.labels["zone"] = node.info.zone;
  }
}

std::optional<Evaluation::Trouble> Evaluation::trouble_of(const Placement& placement) const {
  if (placement.wanted != Wanted::Run || placement.lost) return std::nullopt;
  const InstanceStatus& status = placement.status;
  const Phase phase = status.phase;
  // `at` is by the agent's clock: one that is far ahead must not keep an alert for ever.
  const WallTime since = std::max(placement.placed_at, status.at);
  const std::string where =
      "instance " + std::to_string(placement.instance) + " on " + placement.node + " ";
  const std::string why = status.why.empty() ? "" : ": " + status.why;
  if (phase == Phase::Refused) return Trouble{since, where + "was refused" + why};
  const bool settled = phase == Phase::Done || phase == Phase::Stopping ||
                       phase == Phase::Stopped ||
                       (phase == Phase::Ready && (now_ >= after(since, options_.settled_after) ||
                                                  since > after(now_, options_.settled_after)));
  if (status.restarts >= options_.restarts_min && !settled) {
    return Trouble{since, where + "was restarted " + std::to_string(status.restarts) +
                              " times, now " + std::string(to_text(phase)) + why};
  }
  const bool unready = phase == Phase::Pending || phase == Phase::Starting ||
                       phase == Phase::Running || phase == Phase::Backoff;
  const WallTime unready_since = after(since, options_.unready_for);
  if (!unready || now_ < unready_since) return std::nullopt;
  return Trouble{unready_since,
                 where + "is " + std::string(to_text(phase)) + " and does not get ready" + why};
}

void Evaluation::workload_failing() {
  std::map<std::string, std::vector<Trouble>> failing;
  for (const auto& [id, placement] : state_.placements) {
    if (auto trouble = trouble_of(placement)) {
      failing[placement.workload].push_back(std::move(*trouble));
    }
  }
  for (const auto& [workload, troubles] : failing) {
    WallTime since = troubles.front().since;
    std::vector<std::string> texts;
    for (const Trouble& trouble : troubles) {
      since = std::min(since, trouble.since);
      texts.push_back(trouble.text);
    }
    Alert& alert = add("WorkloadFailing", "warning", since, "workload " + workload + " is failing",
                       joined(texts));
    alert.labels["workload"] = workload;
  }
}

WallTime Evaluation::unplaceable_since(const std::string& workload) const {
  const std::string subject = "workload/" + workload;
  const auto event = std::find_if(
      state_.events.rbegin(), state_.events.rend(),
      [&](const EventRecord& e) { return e.kind == "unplaceable" && e.subject == subject; });
  if (event != state_.events.rend()) return event->at;
  const auto record = state_.workloads.find(workload);
  return record == state_.workloads.end() ? WallTime{} : record->second.applied_at;
}

void Evaluation::workload_unplaceable() {
  for (const auto& [workload, reasons] : state_.unplaceable) {
    Alert& alert = add("WorkloadUnplaceable", "critical", unplaceable_since(workload),
                       "no node can take workload " + workload, joined(reasons));
    alert.labels["workload"] = workload;
  }
}

}  // namespace

std::vector<Alert> evaluate(const ClusterState& state, WallTime now, const RuleOptions& options) {
  Evaluation evaluation(state, now, options);
  evaluation.coordinator_changed();
  evaluation.node_failed();
  evaluation.workload_failing();
  evaluation.workload_unplaceable();
  return evaluation.take();
}

Alert quorum_lost(const std::string& cluster, const NodeName& master, WallTime since) {
  Alert alert;
  alert.labels = {{"alertname", "QuorumLost"},
                  {"severity", "critical"},
                  {"cluster", cluster},
                  {"node", master}};
  alert.annotations = {
      {"summary", "master " + master + " reaches no quorum"},
      {"description",
       "no coordinator can act: workloads run on as they are, nothing is moved or changed until a "
       "majority of the masters reach each other again"}};
  alert.starts_at = since;
  return alert;
}

}  // namespace muster::alerting
