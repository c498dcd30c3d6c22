#include "agent/instance.h"

#include <algorithm>
#include <utility>

namespace muster::agent {
namespace {

constexpr Duration kSaveRetry = std::chrono::seconds(1);
constexpr Duration kKillRepeat = std::chrono::seconds(1);
constexpr const char* kUnwatched = "ended while no agent watched";

using health::ProbeRole;

}  // namespace

Instance::Instance(InstanceContext& context, rpc::Assignment assignment, std::uint32_t restarts,
                   Instant now)
    : context_(context), assignment_(std::move(assignment)), policy_(assignment_.spec.restart) {
  status_.instance = assignment_.instance;
  status_.restarts = restarts;
  first_save_pending_ = true;
  enter(Phase::Starting, "", now);
  save();
}

Instance::Instance(InstanceContext& context, const StoredInstance& running, Instant now)
    : context_(context), assignment_(running.assignment), policy_(assignment_.spec.restart) {
  status_.instance = assignment_.instance;
  status_.restarts = running.restarts;
  status_.pid = running.pid;
  start_time_ = running.start_time;
  started_at_ = now;
  context_.effects.emplace_back(WatchProcess{status_.instance, status_.pid, start_time_});
  make_checks(now, true);
  enter(readiness_ ? Phase::Running : Phase::Ready, "adopted", now);
}

Instance::Instance(InstanceContext& context, const StoredInstance& stored, Ended /*ended*/,
                   Instant now)
    : context_(context), assignment_(stored.assignment), policy_(assignment_.spec.restart) {
  status_.instance = assignment_.instance;
  status_.restarts = stored.restarts;
  enter(Phase::Done, kUnwatched, now);
}

std::map<std::string, std::string> Instance::environment() const {
  std::map<std::string, std::string> env = assignment_.spec.env;
  env["MUSTER_CLUSTER"] = context_.cluster;
  env["MUSTER_NODE"] = context_.node;
  env["MUSTER_ADDRESS"] = context_.address;
  env["MUSTER_WORKLOAD"] = assignment_.spec.name;
  env["MUSTER_INSTANCE_ID"] = std::to_string(status_.instance);
  env["MUSTER_TOKEN"] = std::to_string(assignment_.token);
  if (assignment_.spec.port != 0) env["MUSTER_PORT"] = std::to_string(assignment_.spec.port);
  return env;
}

void Instance::enter(Phase phase, std::string why, Instant now) {
  status_.phase = phase;
  status_.why = std::move(why);
  status_.at = context_.wall.wall_at(now);
  if (over()) save_retry_at_ = kNever;  // nothing is left to be found again
  context_.effects.emplace_back(StatusChanged{status_});
}

void Instance::save() {
  save_retry_at_ = kNever;
  context_.effects.emplace_back(
      SaveInstance{StoredInstance{assignment_, status_.pid, start_time_, status_.restarts}});
}

void Instance::on_saved(const Status& saved, Instant now) {
  if (over()) return;
  if (first_save_pending_ && stopping_) return enter(Phase::Stopped, "", now);
  if (!saved) {
    save_retry_at_ = now + kSaveRetry;
    if (first_save_pending_) enter(Phase::Backoff, "not started: " + saved.error().text, now);
    return;
  }
  if (!first_save_pending_) return;
  first_save_pending_ = false;
  launch(now);
}

void Instance::launch(Instant now) {
  launching_ = true;
  restart_at_ = kNever;
  if (status_.phase != Phase::Starting) enter(Phase::Starting, "", now);
  context_.effects.emplace_back(
      StartProcess{status_.instance, ++attempt_, assignment_.spec, environment()});
}

void Instance::on_started(std::uint64_t attempt, std::int64_t pid, std::uint64_t start_time,
                          Instant now) {
  if (attempt != attempt_ || !launching_) return;
  launching_ = false;
  status_.pid = pid;
  start_time_ = start_time;
  started_at_ = now;
  save();
  if (stopping_) {
    stopping_ = false;
    return stop(now);
  }
  make_checks(now, false);
  enter(readiness_ ? Phase::Running : Phase::Ready, "", now);
}

void Instance::on_start_failed(std::uint64_t attempt, const Error& error, Instant now) {
  if (attempt != attempt_ || !launching_) return;
  launching_ = false;
  if (stopping_) return enter(Phase::Stopped, "", now);
  if (error.code == Code::Exhausted || error.code == Code::Internal) {
    // The machine could not do it now; the workload may be in order.
    restart_at_ = now + assignment_.spec.restart.initial;
    return enter(Phase::Backoff, "not started: " + error.text, now);
  }
  // Nobody but an operator can mend this, but what is missing may be mounted or installed later.
  ++status_.restarts;
  restart_at_ = now + assignment_.spec.restart.cap;
  enter(Phase::Refused, error.text, now);
}

void Instance::make_checks(Instant now, bool adopted) {
  const auto make = [&](const std::optional<ProbeSpec>& spec, ProbeRole role,
                        std::optional<Check>& check) {
    check.reset();
    if (!spec) return;
    ProbeSpec resolved = *spec;
    if (resolved.host.empty()) resolved.host = context_.address;
    if (resolved.port == 0) resolved.port = assignment_.spec.port;
    // It ran before, so it may be ready; but it may have begun just before, so it is not killed.
    const bool at_once = adopted && role == ProbeRole::Readiness;
    if (at_once) resolved.initial_delay = Duration::zero();
    check.emplace(Check{health::Probe(resolved, role, now, context_.rng), resolved});
  };
  make(assignment_.spec.liveness, ProbeRole::Liveness, liveness_);
  make(assignment_.spec.readiness, ProbeRole::Readiness, readiness_);
}

void Instance::signal(Signal signal) {
  context_.effects.emplace_back(SignalProcess{status_.instance, status_.pid, start_time_, signal});
}

void Instance::stop(Instant now) {
  if (stopping_ || over()) return;
  stopping_ = true;
  restart_at_ = kNever;
  liveness_.reset();       // its failures no longer count
  if (launching_) return;  // on_started() or on_start_failed() goes on
  if (first_save_pending_) {
    if (!unsaved()) return;  // on_saved() goes on
    return enter(Phase::Stopped, "", now);
  }
  if (status_.pid == 0) return enter(Phase::Stopped, "", now);
  enter(Phase::Stopping, "", now);
  signal(Signal::Terminate);
  kill_at_ = now + assignment_.spec.stop_grace;
}

void Instance::on_exited(std::int64_t pid, bool failed, const std::string& how, Instant now) {
  if (pid == 0 || pid != status_.pid) return;
  const bool doomed = std::exchange(dooming_, false);
  status_.pid = 0;
  start_time_ = 0;
  kill_at_ = kNever;
  liveness_.reset();
  readiness_.reset();
  if (stopping_) return enter(Phase::Stopped, how, now);
  ended(failed || doomed, doomed ? std::exchange(doom_, {}) : how, now);
}

void Instance::ended(bool failed, const std::string& how, Instant now) {
  const std::string why = how.empty() ? std::string(kUnwatched) : how;
  const auto wait = policy_.on_exit(failed || how.empty(), now - started_at_);
  if (!wait) return enter(Phase::Done, why, now);
  restart_at_ = now + *wait;
  enter(Phase::Backoff, why, now);
}

void Instance::on_check(ProbeRole role, std::uint64_t id, bool passed, const std::string& text,
                        Instant now, bool late) {
  std::optional<Check>& check = role == ProbeRole::Liveness ? liveness_ : readiness_;
  if (!check || check->asked != id) return;
  if (late) return check->probe.on_prober_error(check->running, now);
  last_check_text_ = text;
  context_.effects.emplace_back(ProbeCounted{assignment_.spec.name, role, passed});
  check->probe.on_result(check->running, passed, now);
  take_check_effects(check, role, now);
}

void Instance::take_check_effects(std::optional<Check>& check, ProbeRole role, Instant now) {
  for (const health::ProbeEffect& effect : check->probe.take_effects()) {
    if (const auto* start = std::get_if<health::StartCheck>(&effect)) {
      check->running = start->id;
      check->asked = ++last_check_;
      context_.effects.emplace_back(RunCheck{status_.instance, role, check->asked,
                                             start->give_up_at - now, check->resolved,
                                             assignment_.spec, environment()});
    } else {
      on_verdict(role, std::get<health::VerdictChanged>(effect).passing, now);
    }
  }
}

void Instance::on_verdict(ProbeRole role, bool passing, Instant now) {
  if (role == ProbeRole::Readiness) {
    if (status_.phase == Phase::Running && passing && !dooming_) enter(Phase::Ready, "", now);
    if (status_.phase == Phase::Ready && !passing) {
      enter(Phase::Running, "not ready: " + last_check_text_, now);
    }
    return;
  }
  if (passing || stopping_ || status_.pid == 0) return;
  dooming_ = true;
  doom_ = "liveness probe failed: " + last_check_text_;
  enter(Phase::Running, doom_, now);
  signal(Signal::Terminate);
  kill_at_ = now + assignment_.spec.stop_grace;
}

void Instance::tick_check(std::optional<Check>& check, ProbeRole role, Instant now, bool late) {
  if (!check || now < check->probe.deadline()) return;
  if (late) check->probe.on_prober_error(check->running, now);
  last_check_text_ = "no answer in time";
  check->probe.tick(now);
  take_check_effects(check, role, now);
}

void Instance::tick(Instant now, bool late) {
  if (now >= save_retry_at_) save();
  if (now >= restart_at_) {
    if (status_.phase != Phase::Refused) ++status_.restarts;
    launch(now);
  }
  if (now >= kill_at_) {
    kill_at_ = now + kKillRepeat;  // a process in uninterruptible sleep takes its time
    signal(Signal::Kill);
  }
  if (!dooming_) tick_check(liveness_, ProbeRole::Liveness, now, late);
  tick_check(readiness_, ProbeRole::Readiness, now, late);
}

Instant Instance::deadline() const {
  Instant next = std::min({save_retry_at_, restart_at_, kill_at_});
  if (liveness_ && !dooming_) next = std::min(next, liveness_->probe.deadline());
  if (readiness_) next = std::min(next, readiness_->probe.deadline());
  return next;
}

}  // namespace muster::agent
