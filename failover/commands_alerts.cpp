#include <utility>

#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {
namespace {

Status check_silence(const PutSilence& c, WallTime at) {
  if (Status ok = check_text("the silence's id", c.id, kIdBytesMax); !ok) return ok;
  const SilenceRecord& silence = c.silence;
  if (silence.matchers.empty() || silence.matchers.size() > kMatchersMax) {
    return fail(Code::InvalidArgument, "a silence has 1 to " + std::to_string(kMatchersMax) +
                                           " matchers, this one has " +
                                           std::to_string(silence.matchers.size()));
  }
  for (const Matcher& matcher : silence.matchers) {
    if (Status ok = check_text("a matcher's label", matcher.label, kIdBytesMax); !ok) return ok;
    if (Status ok = check_comment("a matcher's value", matcher.value, kCommentBytesMax); !ok) {
      return ok;
    }
  }
  if (silence.ends <= silence.starts || silence.ends <= at) {
    return fail(Code::InvalidArgument, "the silence would be over before it begins");
  }
  return check_comment("the comment", silence.comment, kCommentBytesMax);
}

}  // namespace

Applying::Said Applying::operator()(const AlertFiring& c) {
  state_.alerts[c.fingerprint] = c.alert;
  return "alert noted";
}

Applying::Said Applying::operator()(const AlertResolved& c) {
  state_.alerts.erase(c.fingerprint);
  return "alert resolved";
}

Applying::Said Applying::operator()(const PutSilence& c) {
  if (Status ok = check_silence(c, at_); !ok) return tl::unexpected(ok.error());
  const bool fresh = !state_.silences.contains(c.id);
  if (fresh && state_.silences.size() >= kSilencesMax) {  // what is over makes room
    state_.silences.erase_if([&](const auto& entry) { return entry.second.ends <= at_; });
  }
  if (fresh && state_.silences.size() >= kSilencesMax) {
    return fail(Code::Exhausted, "there are " + std::to_string(kSilencesMax) +
                                     " silences, more are not allowed: delete one first");
  }
  SilenceRecord& silence = state_.silences[c.id];
  silence = c.silence;
  if (silence.created_by.empty()) silence.created_by = by_.name;
  std::string text = "silence " + c.id + (fresh ? " was made" : " was changed");
  event("silence-put", "silence/" + c.id, text + on_behalf());
  return text;
}

Applying::Said Applying::operator()(const DeleteSilence& c) {
  if (state_.silences.erase(c.id) == 0) {
    return fail(Code::NotFound,
                "no silence has the id " + in_quotes(c.id) + ": `muster silence list` lists them");
  }
  event("silence-deleted", "silence/" + c.id, "silence " + c.id + " was deleted" + on_behalf());
  return "silence " + c.id + " is deleted";
}

}  // namespace muster::failover
