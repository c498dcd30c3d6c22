// The part of Master that lets nodes in, renews what proves them, and changes the cluster's keys.
#include <utility>

#include "agent/master.h"
#include "identity/clock.h"

namespace muster::agent {
namespace {

// Of thousands of agents.
constexpr Duration kClocksEvery = std::chrono::seconds(5);

}  // namespace

void Master::tell(const Asker& asker, const Result<Outcome>& result) {
  std::visit([&](const auto& origin) { finish(Origin(origin), result); }, asker);
}

// Only the coordinator signs, so that one state decides who gets what of whom.
void Master::issue(const Asker& asker, Result<Issuing::Signed> made, const Actor& by, Instant now) {
  if (!made) return tell(asker, tl::unexpected<Error>(made.error()));
  Command command{std::move(made->command), wall_.wall_at(now)};
  command.by = by;
  submit(Issued{made->number, asker}, command, now);
}

void Master::join(const Asker& asker, const rpc::Join& join, Instant now) {
  if (!active()) return tell(asker, not_coordinator());
  issue(asker, issuing_.join(*state_, join, wall_.wall_at(now)), {}, now);
}

void Master::join(std::uint64_t request, const rpc::Join& join, Instant now) {
  this->join(Asker(LocalWrite{request}), join, now);
  settle(now);
}

// A token is shown to masters; an agent that has one took it from somebody.
void Master::join_from(StreamId stream, const rpc::Join& join, bool vouched, Instant now) {
  const Asker asker = RemoteWrite{stream, join.id};
  if (!vouched) {
    return tell(asker, fail(Code::PermissionDenied, "only masters pass on who wants to join"));
  }
  this->join(asker, join, now);
}

void Master::on_renew(StreamId stream, const std::optional<PeerIdentity>& peer,
                      const rpc::Renew& renew, Instant now) {
  const Asker asker = RemoteWrite{stream, renew.id};
  if (!active()) {
    tell(asker, not_coordinator());
  } else if (!peer) {
    tell(asker, fail(Code::PermissionDenied, "a plain cluster has no certificates to renew"));
  } else {
    issue(asker, issuing_.renew(*state_, *peer, renew, wall_.wall_at(now)), {}, now);
  }
  settle(now);
}

void Master::certify(std::uint64_t request, const rpc::CertifyUser& ask, Instant now) {
  issue(LocalWrite{request}, issuing_.certify(*state_, ask, wall_.wall_at(now)), ask.by, now);
  settle(now);
}

void Master::certify_from(StreamId stream, const rpc::CertifyUser& ask, bool vouched, Instant now) {
  const Asker asker = RemoteWrite{stream, ask.id};
  if (!active()) return tell(asker, not_coordinator());
  Actor by = ask.by;
  if (!vouched || !ask.authorization.empty()) {
    auto actor =
        actor_of(*state_, options_.sha256, ask.authorization, Role::Admin, wall_.wall_at(now));
    if (!actor) return tell(asker, tl::unexpected<Error>(actor.error()));
    by = std::move(*actor);
  }
  issue(asker, issuing_.certify(*state_, ask, wall_.wall_at(now)), by, now);
}

void Master::begin_rotation(const Asker& asker, rpc::Rotation rotation, Instant now) {
  if (!active()) return tell(asker, not_coordinator());
  if (rotation == rpc::Rotation::Authority) {
    look_at_clocks(now);
    if (clocks_.own_is_wrong()) {
      return tell(asker, fail(Code::Unavailable,
                              "a new authority would not be valid: the clock of coordinator " +
                                  self_ + " says " + identity::utc_text(wall_.wall_at(now)) +
                                  ", and most masters differ from it: set it (`timedatectl` shows "
                                  "it), or let another lead with `muster masters transfer`"));
    }
  }
  auto command = issuing_.begin(*state_, rotation, wall_.wall_at(now));
  if (!command) return tell(asker, tl::unexpected<Error>(command.error()));
  std::visit(
      [&](const auto& origin) {
        submit(Origin(origin), Command{std::move(*command), wall_.wall_at(now)}, now);
      },
      asker);
  rotation_due_ = true;
}

void Master::rotate(std::uint64_t request, rpc::Rotation rotation, Instant now) {
  begin_rotation(LocalWrite{request}, rotation, now);
  settle(now);
}

void Master::rotate_from(StreamId stream, const rpc::Rotate& rotate, bool vouched, Instant now) {
  const Asker asker = RemoteWrite{stream, rotate.id};
  if (!vouched || !rotate.authorization.empty()) {
    const auto actor =
        actor_of(*state_, options_.sha256, rotate.authorization, Role::Admin, wall_.wall_at(now));
    if (!actor) return tell(asker, tl::unexpected<Error>(actor.error()));
  }
  begin_rotation(asker, rotate.rotation, now);
}

void Master::step_rotation(Instant now) {
  if (!std::exchange(rotation_due_, false) || rotating_ || !coordinator_.active()) return;
  // Looked at each second: what thousands of agents have is collected only while something changes.
  rotations_ = {};
  if (!Issuing::rotating(*state_)) return;
  rotations_ = issuing_.rotations(*state_, coordinator_.installed(), wall_.wall_at(now));
  // Whose certificate has ended is not waited for: not by a clock that is wrong.
  if (clocks_.own_is_wrong()) rotations_.authority.command.reset();
  auto command =
      rotations_.gossip_key.command ? rotations_.gossip_key.command : rotations_.authority.command;
  if (!command) return;
  rotating_ = true;
  submit(OwnRotation{}, Command{std::move(*command), wall_.wall_at(now)}, now);
}

void Master::look_at_clocks(Instant now) {
  clocks_due_ = now + kClocksEvery;
  for (Notice& notice : clocks_.look(coordinator_.clocks(wall_))) emit(std::move(notice));
}

void Master::bring_founding() {
  for (CommandBody& body : issuing_.founding(*state_)) coordinator_.note(std::move(body));
}

}  // namespace muster::agent
