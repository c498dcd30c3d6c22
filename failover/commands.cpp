#include "failover/commands.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/problem.h"
#include "failover/applying.h"

namespace muster::failover {
namespace {

constexpr std::size_t kAnswerBytesKept = 1024;  // of the text of a remembered answer

// 0: nobody can say.
std::uint64_t asked_of(const Command& command) {
  return command.asked == 0 ? 0 : fnv1a64(command.by.name, command.asked);
}

Result<Outcome> answer_of(const RequestRecord& done, const Command& command) {
  const std::uint64_t asked = asked_of(command);
  if (done.asked != 0 && asked != 0 && done.asked != asked) {
    return fail(Code::InvalidArgument,
                "request id " + in_quotes(done.id) +
                    " was used for another change: nothing was changed, take a "
                    "new id for each change");
  }
  if (done.error) return tl::unexpected(*done.error);
  return Outcome{.text = done.index == 0 ? "done before" : done.text,
                 .index = done.index,
                 .token = done.token,
                 .repeated = true};
}

void remember(ClusterState& state, const Command& command, const Result<Outcome>& result) {
  RequestRecord record{.id = command.request};
  if (command.version == 1) {  // one that failed may be tried again
    if (result) state.requests.remember(std::move(record), kRequestsOfVersion1);
    return;
  }
  record.index = state.index;
  record.asked = asked_of(command);
  if (result) {
    record.text = result->text.substr(0, kAnswerBytesKept);
    record.token = result->token;
  } else {
    record.error = Error{result.error().code, result.error().text.substr(0, kAnswerBytesKept)};
  }
  state.requests.remember(std::move(record), kRequestsMax);
}

}  // namespace

void Applying::event(const char* kind, std::string about_what, std::string text) {
  event_at(at_, kind, std::move(about_what), std::move(text));
}

void Applying::event_at(WallTime at, std::string kind, std::string about_what, std::string text) {
  if (text.size() > kEventTextBytesMax) text.resize(kEventTextBytesMax);  // or nobody could read it
  state_.events.push_back(
      {state_.next_event++, at, std::move(kind), std::move(about_what), std::move(text)});
  while (state_.events.size() > kEventsMax) state_.events.pop_front();
}

std::string Applying::on_behalf() const {
  if (!by_.somebody()) return {};
  std::string text = " by " + (by_.name.empty() ? std::string("somebody") : by_.name);
  if (!by_.address.empty()) text += " from " + by_.address;
  return text;
}

Status check_text(std::string_view what, std::string_view text, std::size_t most) {
  if (text.empty()) return fail(Code::InvalidArgument, std::string(what) + " is empty");
  return check_comment(what, text, most);
}

Status check_comment(std::string_view what, std::string_view text, std::size_t most) {
  if (text.size() > most) {
    return fail(Code::InvalidArgument, std::string(what) + " has " + std::to_string(text.size()) +
                                           " bytes, at most " + std::to_string(most) +
                                           " are allowed");
  }
  if (!one_line_text(text)) {
    return fail(Code::InvalidArgument,
                std::string(what) + " " + in_quotes(text) + " is not printable text of one line");
  }
  return {};
}

Result<Outcome> apply(ClusterState& state, std::uint64_t index, const Command& command) {
  state.index = std::max(state.index, index);
  state.version = std::max(state.version, command.version);
  if (!command.request.empty()) {
    const RequestRecord* done = state.requests.find(command.request);
    if (done != nullptr) return answer_of(*done, command);
  }
  Applying applying(state, state.index, command.at, command.by);
  Result<std::string> said = std::visit(applying, command.body);
  Result<Outcome> result =
      said ? Result<Outcome>(
                 Outcome{.text = std::move(*said), .index = state.index, .token = applying.token()})
           : Result<Outcome>(tl::unexpected(std::move(said.error())));
  if (!command.request.empty()) remember(state, command, result);
  return result;
}

std::uint32_t live_copies(const ClusterState& state, const std::string& workload) {
  return static_cast<std::uint32_t>(
      std::count_if(state.placements.begin(), state.placements.end(), [&](const auto& entry) {
        return entry.second.workload == workload && !entry.second.lost &&
               entry.second.wanted == Wanted::Run;
      }));
}

}  // namespace muster::failover
