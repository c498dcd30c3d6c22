#include "agent/questions.h"

#include <utility>

namespace muster::agent {
namespace {

bool may_be_repeated(const rpc::Frame& frame) {
  if (const auto* write = std::get_if<rpc::Write>(&frame)) return !write->command.request.empty();
  const auto* change = std::get_if<rpc::ChangeMasters>(&frame);
  // The leadership that was handed over must not be handed over once more.
  return change != nullptr && change->change != rpc::MasterChange::Transfer;
}

// The first one was done, and its answer was lost; or there was nothing to do.
std::optional<Outcome> done_before(const rpc::Frame& frame, const Error& error) {
  const auto* change = std::get_if<rpc::ChangeMasters>(&frame);
  if (change == nullptr) return std::nullopt;
  if (change->change == rpc::MasterChange::Remove && error.code == Code::NotFound) {
    return Outcome{change->master + " is no master"};
  }
  if (change->change == rpc::MasterChange::Add && error.code == Code::Conflict) {
    return Outcome{change->master + " is a master"};
  }
  return std::nullopt;
}

// What a client hears of a refusal of what was asked before. Who may not ask, or finds no room,
// learns nothing of what came of it then; what the state machine refuses it refused then as well.
Result<Outcome> refused_again(const rpc::Frame& frame, const Error& error) {
  if (auto done = done_before(frame, error)) return std::move(*done);
  if (error.code != Code::PermissionDenied && error.code != Code::Exhausted) {
    return tl::unexpected(error);
  }
  return fail(Code::Unknown,
              "the coordinator was lost before it answered, and the next one refuses: it may or "
              "may not have been done; " +
                  error.text);
}

// Nobody knows what came of it: the next coordinator is to be asked.
bool leaves_open(const rpc::WriteReply& reply, bool repeated) {
  if (reply.ok) return false;
  return reply.error.code == Code::Unknown || (repeated && reply.error.code == Code::Unavailable);
}

Effect unknown(std::uint64_t request, const std::string& why) {
  return WriteDone{request,
                   fail(Code::Unknown, why + ": it may or may not have been done; try again")};
}

}  // namespace

void Questions::sent(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame,
                     Instant give_up_at) {
  Question question{};
  question.request = request;
  question.write = !std::holds_alternative<rpc::Read>(frame);
  question.give_up_at = give_up_at;
  if (may_be_repeated(frame)) question.again = frame;
  keep(id, std::move(question));
}

void Questions::taken(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame) {
  if (!may_be_repeated(frame)) return;
  Question question{};
  question.request = request;
  question.write = true;
  question.again = frame;
  taken_.emplace(request, id);
  keep(id, std::move(question));
}

void Questions::keep(std::uint64_t id, Question question) {
  due_.emplace(question.give_up_at, id);
  asked_.emplace(id, std::move(question));
}

void Questions::forget(Asked::iterator found) {
  due_.erase({found->second.give_up_at, found->first});
  asked_.erase(found);
}

std::optional<Effect> Questions::answer(const rpc::WriteReply& reply) {
  const auto found = asked_.find(reply.id);
  if (found == asked_.end() || !found->second.write) return std::nullopt;
  Question& question = found->second;
  if (taken_.contains(question.request)) return std::nullopt;  // nobody else was asked
  if (question.again && leaves_open(reply, question.repeated)) {
    question.open = true;
    return std::nullopt;
  }
  Result<Outcome> result = reply.outcome;
  if (!reply.ok) {
    result = question.repeated ? refused_again(*question.again, reply.error)
                               : Result<Outcome>(tl::unexpected(reply.error));
  }
  WriteDone done{question.request, std::move(result)};
  forget(found);
  return done;
}

std::optional<Effect> Questions::answer(const rpc::ReadReply& reply) {
  const auto found = asked_.find(reply.id);
  if (found == asked_.end() || found->second.write) return std::nullopt;
  ReadDone done{found->second.request, reply.status, reply.body};
  forget(found);
  return done;
}

bool Questions::settle(const WriteDone& done, Instant now) {
  const auto taken = taken_.find(done.request);
  if (taken == taken_.end()) return true;
  const std::uint64_t id = taken->second;
  taken_.erase(taken);
  const auto found = asked_.find(id);
  if (done.result || done.result.error().code != Code::Unknown) {
    forget(found);
    return true;
  }
  Question question = std::move(found->second);
  forget(found);
  question.open = true;
  question.give_up_at = now + kPatience;
  keep(id, std::move(question));
  return false;
}

std::vector<Effect> Questions::coordinator_lost(const std::string& why) {
  std::vector<Effect> out;
  for (auto next = asked_.begin(); next != asked_.end();) {
    const auto found = next++;
    Question& question = found->second;
    if (taken_.contains(question.request)) continue;  // it did not go to that one
    if (question.again) {
      question.open = true;
      continue;
    }
    if (question.write) {
      out.push_back(
          unknown(question.request, "the coordinator was lost before it answered (" + why + ")"));
    } else {
      out.push_back(ReadDone{question.request, 503, ""});
    }
    forget(found);
  }
  return out;
}

std::vector<rpc::Frame> Questions::coordinator_found() {
  std::vector<rpc::Frame> out;
  for (auto& [id, question] : asked_) {
    if (!question.open) continue;
    question.open = false;
    question.repeated = true;
    out.push_back(*question.again);
  }
  return out;
}

std::vector<Effect> Questions::tick(Instant now) {
  std::vector<Effect> out;
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto found = asked_.find(due_.begin()->second);
    const Question& question = found->second;
    if (question.write) {
      out.push_back(unknown(question.request, question.open
                                                  ? "the coordinator was lost before it answered"
                                                  : "the coordinator did not answer in time"));
    } else {
      out.push_back(ReadDone{question.request, 504, ""});
    }
    forget(found);
  }
  return out;
}

Instant Questions::deadline() const { return due_.empty() ? kNever : due_.begin()->first; }

}  // namespace muster::agent
