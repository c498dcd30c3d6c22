#include "alerting/pipeline.h"

#include <algorithm>

namespace muster::alerting {
namespace {

constexpr WallTime kNotYetByAll{};  // AlertRecord::notified_at while a receiver has not accepted

bool succeeded(int status) { return status >= 200 && status < 300; }
bool worth_a_retry(int status) { return status == 0 || status == 429 || status >= 500; }

}  // namespace

Pipeline::Pipeline(PipelineOptions options)
    : options_(std::move(options)),
      deliveries_(options_.receivers.size(), 0),
      stats_(options_.receivers.size()),
      next_id_(options_.first_delivery) {}

Pipeline::Group& Pipeline::group_of(const Labels& labels) {
  Labels of = group_labels(labels, options_.group_by);
  const auto [at, fresh] = groups_.try_emplace(group_key(of));
  if (fresh) {
    at->second.labels = std::move(of);
    at->second.flows.resize(options_.receivers.size());
  }
  return at->second;
}

void Pipeline::restore(const std::map<std::string, AlertRecord>& told, WallTime wall, Instant now) {
  anchor_ = {now, wall};
  for (const auto& [id, record] : told) {
    Group& group = group_of(record.labels);
    Tracked tracked;
    tracked.alert = {record.labels, record.annotations, record.starts_at};
    tracked.replicated = true;
    tracked.complete = record.notified_at != kNotYetByAll;
    for (Flow& flow : group.flows) {
      flow.perhaps.insert(id);
      if (!tracked.complete) continue;
      flow.accepted.insert(id);
      flow.accepted_at = std::max(flow.accepted_at, record.notified_at);
      const Duration ago =
          std::clamp<Duration>(wall - record.notified_at, Duration{0}, options_.repeat_interval);
      flow.reminder_at = std::min(flow.reminder_at, now + (options_.repeat_interval - ago));
    }
    if (group.alerts.emplace(id, std::move(tracked)).second) ++tracked_;
  }
  for (auto& [key, group] : groups_) refresh(group, now);
  conclude();
}

void Pipeline::reset() {
  groups_.clear();
  under_way_.clear();
  std::fill(deliveries_.begin(), deliveries_.end(), 0);
  tracked_ = 0;
  effects_.clear();
  conclude();
}

void Pipeline::set_active(const std::vector<Alert>& alerts, WallTime wall, Instant now) {
  anchor_ = {now, wall};
  std::set<std::string> active;
  for (const Alert& alert : alerts) {
    const std::string id = fingerprint(alert.labels);
    if (!active.insert(id).second) continue;
    Group& group = group_of(alert.labels);
    const auto known = group.alerts.find(id);
    if (known == group.alerts.end()) {
      if (alert.muted) continue;  // as if it had not begun
      if (tracked_ >= options_.alerts_max) {
        ++dropped_;
        continue;
      }
      group.alerts.emplace(id, Tracked{.alert = alert});
      ++tracked_;
      continue;
    }
    Tracked& tracked = known->second;
    tracked.alert.annotations = alert.annotations;
    tracked.alert.muted = alert.muted;
    if (tracked.firing) continue;
    // It is back before its end was told. It cannot have begun before that end; if it could, its
    // notification would look like a repeat of the earlier one.
    tracked.alert.starts_at = std::max(alert.starts_at, tracked.ends_at);
    tracked.firing = true;
    tracked.complete = false;
  }
  resolve_missing(active, wall, now);
  for (auto& [key, group] : groups_) refresh(group, now);
  conclude();
}

void Pipeline::resolve_missing(const std::set<std::string>& active, WallTime wall, Instant now) {
  for (auto& [key, group] : groups_) {
    for (auto& [id, tracked] : group.alerts) {
      if (!tracked.firing || active.contains(id)) continue;
      tracked.firing = false;
      tracked.ends_at = std::max(wall, tracked.alert.starts_at);
      tracked.resolved_at = now;
    }
  }
}

bool Pipeline::untold(const std::string& fingerprint, const Tracked& tracked, const Flow& flow) {
  if (!tracked.firing) return flow.perhaps.contains(fingerprint);  // muted or not: it is over
  return !tracked.alert.muted && !flow.accepted.contains(fingerprint);
}

bool Pipeline::to_remind(const Group& group, const Flow& flow) {
  return std::any_of(flow.accepted.begin(), flow.accepted.end(), [&](const std::string& id) {
    const auto tracked = group.alerts.find(id);
    return tracked != group.alerts.end() && !tracked->second.alert.muted;
  });
}

// Sets every flow's `due` from what is to be told.
void Pipeline::refresh(Group& group, Instant now) {
  for (Flow& flow : group.flows) {
    const bool news = std::any_of(group.alerts.begin(), group.alerts.end(), [&](const auto& entry) {
      return untold(entry.first, entry.second, flow);
    });
    if (!news) {
      flow.news_at.reset();
    } else if (!flow.news_at) {
      flow.news_at = now;
    }
    if (flow.in_flight) {
      flow.due = flow.in_flight->sent_at + options_.delivery_timeout;
    } else if (flow.news_at) {
      flow.due = std::max(*flow.news_at + options_.group_wait, flow.not_before);
    } else if (to_remind(group, flow)) {
      flow.due = std::max(flow.reminder_at, flow.not_before);
    } else {
      flow.due = kNever;
    }
  }
}

Instant Pipeline::earliest_due() const {
  Instant next = kNever;
  for (const auto& [key, group] : groups_) {
    for (std::size_t i = 0; i < group.flows.size(); ++i) {
      const Flow& flow = group.flows[i];
      const bool must_wait = !flow.in_flight && deliveries_[i] >= options_.deliveries_max;
      if (!must_wait) next = std::min(next, flow.due);
    }
  }
  return next;
}

void Pipeline::tick(Instant now, WallTime wall) {
  anchor_ = {now, wall};
  if (now < deadline_) return;
  for (auto& [key, group] : groups_) {
    for (std::size_t i = 0; i < group.flows.size(); ++i) {
      Flow& flow = group.flows[i];
      if (flow.due > now) continue;
      if (flow.in_flight) {
        settle(key, i, {}, now);  // the driver owes an answer: as good as none
      } else if (deliveries_[i] < options_.deliveries_max) {
        send(key, group, i, now);
      }
    }
    refresh(group, now);
  }
  conclude();
}

void Pipeline::send(const std::string& key, Group& group, std::size_t receiver, Instant now) {
  Flow& flow = group.flows[receiver];
  std::vector<std::string> chosen;  // news first: when there are too many, it must get in
  for (const bool news : {true, false}) {
    for (const auto& [id, tracked] : group.alerts) {
      if (untold(id, tracked, flow) != news) continue;
      if (!news && (!tracked.firing || tracked.alert.muted)) continue;
      chosen.push_back(id);
    }
  }
  if (chosen.empty()) return;
  const std::size_t kept = std::min(chosen.size(), options_.notified_alerts_max);

  const Receiver& to = options_.receivers[receiver];
  InFlight sent;
  sent.id = next_id_++;
  sent.sent_at = now;
  sent.reminder = !flow.news_at;
  Notification notification;
  notification.receiver = to.name;
  notification.group_labels = group.labels;
  notification.group_key = key;
  notification.truncated = chosen.size() - kept;
  notification.external_url = options_.external_url;
  chosen.resize(kept);
  std::sort(chosen.begin(), chosen.end());
  for (const bool firing : {true, false}) {
    for (const std::string& id : chosen) {
      const Tracked& tracked = group.alerts.at(id);
      if (tracked.firing != firing) continue;
      notification.alerts.push_back({tracked.alert, id, firing, tracked.ends_at});
      (firing ? sent.firing : sent.resolved).push_back(id);
      if (firing) flow.perhaps.insert(id);
    }
  }
  notification.idempotency_key =
      idempotency_key(notification, sent.reminder ? flow.accepted_at : WallTime{});
  effects_.emplace_back(Deliver{sent.id, to.name, to.url, to.headers, std::move(notification)});
  under_way_[sent.id] = {key, receiver};
  ++deliveries_[receiver];
  flow.not_before = now + options_.group_interval;
  flow.in_flight = std::move(sent);
}

void Pipeline::on_delivery(std::uint64_t id, const DeliveryOutcome& outcome, Instant now) {
  const auto found = under_way_.find(id);
  if (found == under_way_.end()) return;
  const auto [key, receiver] = found->second;
  settle(key, receiver, outcome, now);
  refresh(groups_.at(key), now);
  conclude();
}

// The caller refreshes afterwards.
void Pipeline::settle(const std::string& key, std::size_t receiver, const DeliveryOutcome& outcome,
                      Instant now) {
  Group& group = groups_.at(key);
  Flow& flow = group.flows[receiver];
  const InFlight told = std::move(*flow.in_flight);
  flow.in_flight.reset();
  under_way_.erase(told.id);
  --deliveries_[receiver];
  if (succeeded(outcome.status)) {
    ++stats_[receiver].accepted;
    on_accepted(group, flow, told, now);
  } else {
    on_failed(group, receiver, told, outcome, now);
  }
}

void Pipeline::on_accepted(Group& group, Flow& flow, const InFlight& told, Instant now) {
  flow.failures = 0;
  flow.accepted_at = anchor_.wall_at(now);
  flow.reminder_at = now + options_.repeat_interval;
  for (const std::string& id : told.resolved) {
    flow.perhaps.erase(id);
    flow.accepted.erase(id);
  }
  flow.accepted.insert(told.firing.begin(), told.firing.end());
  for (const std::string& id : told.firing) replicate(group, id, told.reminder, now);
}

void Pipeline::on_failed(Group& group, std::size_t receiver, const InFlight& told,
                         const DeliveryOutcome& outcome, Instant now) {
  Flow& flow = group.flows[receiver];
  Duration delay = back_off(flow.failures++);
  if (outcome.retry_after) {
    delay = std::max(delay, std::min(*outcome.retry_after, options_.retry_after_max));
  }
  if (worth_a_retry(outcome.status)) {
    ++stats_[receiver].retried;
    flow.not_before = now + delay;
  } else {
    ++stats_[receiver].rejected;
    flow.not_before = std::max(told.sent_at + options_.group_interval, now + delay);
  }
  for (const std::string& id : told.resolved) {
    const Tracked& tracked = group.alerts.at(id);
    if (tracked.firing || now - tracked.resolved_at < options_.resolved_kept_for) continue;
    ++stats_[receiver].given_up;
    flow.perhaps.erase(id);
    flow.accepted.erase(id);
  }
}

void Pipeline::replicate(Group& group, const std::string& fingerprint, bool reminder, Instant now) {
  Tracked& tracked = group.alerts.at(fingerprint);
  const bool by_all = std::all_of(group.flows.begin(), group.flows.end(), [&](const Flow& flow) {
    return flow.accepted.contains(fingerprint);
  });
  const bool completes = by_all && (!tracked.complete || reminder);
  if (tracked.replicated && !completes) return;
  tracked.replicated = true;
  tracked.complete = by_all;
  effects_.emplace_back(
      Firing{fingerprint,
             {tracked.alert.labels, tracked.alert.annotations, tracked.alert.starts_at,
              by_all ? anchor_.wall_at(now) : kNotYetByAll}});
}

// In whole numbers, so that a replay gives the same moments on every machine.
Duration Pipeline::back_off(int failures) const {
  Duration delay = options_.retry_initial;
  for (int i = 0; i < failures && delay < options_.retry_cap; ++i) {
    delay = delay * options_.retry_growth_percent / 100;
  }
  return std::min(delay, options_.retry_cap);
}

// Whatever resolved and need not be told to anyone any more; then groups without alerts.
void Pipeline::forget_what_is_over() {
  for (auto& [key, group] : groups_) {
    for (auto at = group.alerts.begin(); at != group.alerts.end();) {
      const auto& [id, tracked] = *at;
      const bool over = !tracked.firing && std::none_of(group.flows.begin(), group.flows.end(),
                                                        [&fingerprint = id](const Flow& flow) {
                                                          return flow.perhaps.contains(fingerprint);
                                                        });
      if (!over) {
        ++at;
        continue;
      }
      if (tracked.replicated) effects_.emplace_back(Resolved{id});
      at = group.alerts.erase(at);
      --tracked_;
    }
  }
  std::erase_if(groups_, [](const auto& entry) {
    return entry.second.alerts.empty() &&
           std::none_of(entry.second.flows.begin(), entry.second.flows.end(),
                        [](const Flow& flow) { return flow.in_flight.has_value(); });
  });
}

// After every change: what follows from it for all groups is found out once, not whenever asked.
void Pipeline::conclude() {
  forget_what_is_over();
  deadline_ = earliest_due();
}

std::vector<PipelineEffect> Pipeline::take_effects() { return std::exchange(effects_, {}); }

}  // namespace muster::alerting
