// The part of Node that has its own certificate renewed, and passes on what concerns identity.
#include <algorithm>
#include <utility>

#include "agent/node.h"
#include "identity/clock.h"

namespace muster::agent {
namespace {

constexpr Duration kIssuePatience = std::chrono::seconds(10);
constexpr Duration kTakeAgain = std::chrono::minutes(1);

}  // namespace

// A stream lives on when its node has renewed the certificate that it was opened with.
void Node::end_expired(Instant now) {
  const WallTime wall = wall_.wall_at(now);
  while (const auto stream = trust_.expired(wall)) {
    const std::optional<PeerIdentity> peer = trust_.peer_of(*stream);
    const CertificateRecord* known = nullptr;
    if (master_ && peer) {
      const auto found = master_->state().certificates.find(peer->name);
      if (found != master_->state().certificates.end()) known = &found->second;
    }
    const bool same = known != nullptr && std::any_of(known->former.begin(), known->former.end(),
                                                      [&](const FormerCertificate& one) {
                                                        return one.serial == peer->serial;
                                                      });
    if (same && known->expires > wall) {
      trust_.renewed(*stream, known->serial, known->expires);
    } else {
      end_stream(*stream, "its certificate has expired", now);
    }
  }
}

void Node::on(const JoinRequested& event, Instant now) {
  if (!master_) {
    emit(WriteDone{event.request,
                   fail(Code::Unavailable, options_.info.name +
                                               " is no master, and a token is shown to masters "
                                               "only: join at the address of one")});
    return;
  }
  if (master_->active()) return master_->join(event.request, {0, event.body, event.from}, now);
  const std::uint64_t id = questions_.next_id();
  ask(id, event.request, rpc::Join{id, event.body, event.from}, kIssuePatience, now);
}

void Node::on(const RotationRequested& event, Instant now) {
  if (master_ && master_->active()) return master_->rotate(event.request, event.rotation, now);
  const std::uint64_t id = questions_.next_id();
  ask(id, event.request, rpc::Rotate{id, event.rotation, event.authorization}, kIssuePatience, now);
}

void Node::on(const CertifyRequested& event, Instant now) {
  if (master_ && master_->active()) return master_->certify(event.request, event.ask, now);
  rpc::CertifyUser ask = event.ask;
  ask.id = questions_.next_id();
  const std::uint64_t id = ask.id;
  this->ask(id, event.request, std::move(ask), kIssuePatience, now);
}

void Node::renew(Instant now) {
  switch (renewing_.next(session_.registered(), wall_.wall_at(now), now)) {
    case Renewing::Step::None: return;
    case Renewing::Step::MakeRequest: return emit(MakeCertificateRequest{});
    case Renewing::Step::Store: return emit(StoreCertificate{renewing_.text()});
    case Renewing::Step::Send: break;
  }
  const std::uint64_t id = questions_.next_id();
  if (session_.send(rpc::Renew{id, renewing_.text(), options_.info.rpc.host, wall_.wall_at(now)})) {
    renewing_.sent(id, now);
  }
}

void Node::on_renewed(const rpc::WriteReply& reply, Instant now) {
  if (reply.ok) return renewing_.on_answer(reply.outcome.text, now);
  emit(Notice{Level::Warning, "the certificate was not renewed: " + reply.error.text});
  renewing_.on_answer(tl::unexpected<Error>(reply.error), now);
  say_installed();
}

void Node::on(const CertificateRequestMade& event, Instant now) {
  renewing_.on_request(event.request, now);
  if (!event.request) {
    emit(Notice{Level::Error,
                "no key can be made for a new certificate: " + event.request.error().text});
  }
}

void Node::on(const CertificateStored& event, Instant now) {
  renewing_.on_stored(event.stored, now);
  if (!event.stored) {
    emit(Notice{Level::Error,
                "the renewed certificate cannot be kept: " + event.stored.error().text});
    return say_installed();
  }
  emit(Notice{Level::Info, "the certificate was renewed, its serial is " + event.stored->serial});
  say_installed();
}

void Node::say_installed() {
  if (installed_.revision == 0) return;
  installed_.serial = renewing_.serial();
  installed_.refused = facts_refused_.empty() ? renewing_.failure() : facts_refused_;
  session_.send(installed_);
}

// One line when it begins and one when it ends, however often it is tried.
void Node::heed_refusal(const std::string& refused, Instant now) {
  take_again_ = refused.empty() ? kNever : now + kTakeAgain;
  const bool before = !facts_refused_.empty();
  facts_refused_ = refused;
  if (before == !refused.empty()) return;
  emit(before ? Notice{Level::Info, "the new authority of this cluster is trusted now"}
              : Notice{Level::Error, refused + "; this is tried again every minute"});
}

void Node::take_again(Instant now) {
  take_again_ = now + kTakeAgain;
  emit(InstallFacts{facts_});
}

// Leases and elections do not go by these clocks, but certificates and tokens do.
void Node::watch_clock() {
  const auto& clocks = session_.clocks();
  if (!clocks) return;
  const bool off = identity::clocks_differ(clocks->there, clocks->here, clock_off_);
  if (off == std::exchange(clock_off_, off)) return;
  const std::string coordinator = "coordinator " + session_.coordinator();
  emit(off ? Notice{Level::Warning,
                    identity::difference_text(coordinator, clocks->there, "this node's",
                                              clocks->here) +
                        ": set the one that is wrong (`timedatectl` shows it); until then this "
                        "node's certificate is not renewed"}
           : Notice{Level::Info, "the clock of " + coordinator + " agrees with this node's again"});
}

void Node::on(const FactsStored& event, Instant now) {
  if (!event.stored) {
    emit(Notice{Level::Error,
                "what the coordinator told cannot be installed: " + event.stored.error().text});
    return;
  }
  if (event.outdated) renewing_.demand();
  heed_refusal(event.refused, now);
  installed_ = {event.revision, event.keys_revision, event.authorities_sha256, {}, {}};
  say_installed();
}

}  // namespace muster::agent
