#include "alerting/silences.h"

#include <algorithm>

namespace muster::alerting {
namespace {

bool matches_one(const Matcher& matcher, const Labels& labels) {
  const auto found = labels.find(matcher.label);
  const std::string_view value = found == labels.end() ? std::string_view() : found->second;
  switch (matcher.kind) {
    case MatchKind::Equal: return value == matcher.value;
    case MatchKind::NotEqual: return value != matcher.value;
    case MatchKind::Like: return like(value, matcher.value);
    case MatchKind::NotLike: return !like(value, matcher.value);
  }
  return false;
}

}  // namespace

// Greedy with one way back, to behind the last star: linear where recursion would be exponential.
bool like(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = pattern.npos;
  std::size_t taken = 0;  // how much of the text the last star had when it was met
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool matches(const SilenceRecord& silence, const Labels& labels) {
  return !silence.matchers.empty() &&
         std::all_of(silence.matchers.begin(), silence.matchers.end(),
                     [&](const Matcher& matcher) { return matches_one(matcher, labels); });
}

std::string silenced_by(const std::map<std::string, SilenceRecord>& silences, const Labels& labels,
                        WallTime now) {
  for (const auto& [id, silence] : silences) {
    if (silence.starts <= now && now < silence.ends && matches(silence, labels)) return id;
  }
  return {};
}

void mute(std::vector<Alert>& alerts, const std::map<std::string, SilenceRecord>& silences,
          WallTime now) {
  for (Alert& alert : alerts) alert.muted = !silenced_by(silences, alert.labels, now).empty();
}

}  // namespace muster::alerting
