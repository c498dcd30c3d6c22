#include "membership_checker.h"

#include <algorithm>

#include "health/awareness.h"
#include "health/suspicion.h"

namespace muster::sim {
namespace {

constexpr Duration kExchange = std::chrono::seconds(5);  // the longest that a full exchange takes
constexpr int kProbesUntilCompared = 10;  // whoever differs has met others that do and asked one

}  // namespace

MembershipBounds membership_bounds(const health::SwimOptions& options, std::size_t members) {
  const Duration suspicion = health::suspicion_max(
      health::suspicion_min(options.suspicion_mult, members, options.probe_interval),
      options.suspicion_max_mult);
  MembershipBounds bounds;
  bounds.down = std::max(options.reconnect_interval * 5 / 4, options.join_retry_max) + kExchange +
                options.probe_interval * kProbesUntilCompared + suspicion;
  const auto probes = static_cast<Duration::rep>(2 * members);
  bounds.up = probes * options.probe_interval * (health::kHealthScoreMax + 1) + suspicion;
  return bounds;
}

MembershipChecker::MembershipChecker(std::size_t members, MembershipBounds bounds, Truth truth,
                                     Violations& found)
    : members_(members), bounds_(bounds), truth_(std::move(truth)), found_(found) {}

void MembershipChecker::changed(HostId observer, HostId member, const std::optional<Belief>& before,
                                const Belief& after, Instant now) {
  if (before && after.incarnation < before->incarnation) {
    std::string text = truth_.name(observer);
    text += " went back from incarnation " + std::to_string(before->incarnation) + " of " +
            truth_.name(member) + " to " + std::to_string(after.incarnation);
    found_.add({now,
                "views never go back to an older incarnation",
                std::move(text),
                {truth_.name(observer), truth_.name(member)}});
  }
  if (observer == member) return;
  if (holds_down(after)) {
    down_.emplace(Pair{observer, member}, now);
  } else {
    down_.erase({observer, member});
  }
}

void MembershipChecker::forget(HostId observer) {
  const auto of_observer = [&](const auto& entry) { return entry.first.first == observer; };
  std::erase_if(down_, of_observer);
  std::erase_if(up_, of_observer);
}

void MembershipChecker::check(Instant now) {
  check_down(now);
  check_up(now);
}

void MembershipChecker::check_down(Instant now) {
  for (auto it = down_.begin(); it != down_.end();) {
    const auto [observer, member] = it->first;
    const Instant fit = truth_.fit_since(observer, member);
    const Instant since = fit == kNever ? now : std::max(fit, it->second);
    if (now - since <= bounds_.down) {
      ++it;
      continue;
    }
    const std::optional<Belief> belief = truth_.belief(observer, member);
    if (belief && holds_down(*belief)) {
      report(it->first, "no live, reachable member is held failed for longer than a bound",
             now - since, now);
    }
    it = down_.erase(it);
  }
}

void MembershipChecker::check_up(Instant now) {
  for (HostId member = 0; member < members_; ++member) {
    const Instant dead = truth_.dead_since(member);
    if (dead == kNever || now - dead <= bounds_.up) {
      if (!up_.empty()) {
        std::erase_if(up_, [&](const auto& entry) { return entry.first.second == member; });
      }
      continue;
    }
    for (HostId observer = 0; observer < members_; ++observer) {
      if (observer == member) continue;
      const Pair pair{observer, member};
      const Instant well = truth_.well_since(observer);
      const std::optional<Belief> belief =
          well == kNever ? std::nullopt : truth_.belief(observer, member);
      if (!belief || holds_down(*belief)) {
        up_.erase(pair);
        continue;
      }
      // It may have heard of the member only now, from somebody who did not know better.
      const Instant first = up_.emplace(pair, std::max(dead, well)).first->second;
      if (now - std::max(first, well) <= bounds_.up) continue;
      report(pair, "a dead member is not held alive for longer than a bound", now - first, now);
      up_[pair] = kNever - bounds_.up;  // once
    }
  }
}

void MembershipChecker::report(const Pair& pair, const std::string& rule, Duration held,
                               Instant now) {
  const auto& [observer, member] = pair;
  const std::optional<Belief> belief = truth_.belief(observer, member);
  std::string text = truth_.name(observer);
  text += " holds " + truth_.name(member) + " " +
          std::string(belief ? gossip::to_text(belief->state) : "unknown");
  if (belief) text += " at incarnation " + std::to_string(belief->incarnation);
  text += ", for " + std::to_string(seconds(held)) + " s wrongly";
  found_.add({now, rule, std::move(text), {truth_.name(observer), truth_.name(member)}});
}

}  // namespace muster::sim
