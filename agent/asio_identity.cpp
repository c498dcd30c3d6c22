// The part of Runtime that keeps what this node proves itself with up to date. Files are written on
// the disk thread; what follows from it happens on the control thread.
#include <utility>

#include <asio/post.hpp>

#include "agent/asio_start.h"
#include "agent/asio_wiring.h"
#include "agent/facts.h"
#include "agent/posix_clock.h"
#include "agent/spdlog_journal.h"

namespace muster::agent {

void Runtime::act(InstallFacts& effect) {
  known_.publish(known_state(effect.facts));
  if (own_ == nullptr) {
    const rpc::Facts& facts = effect.facts;
    asio::post(io_,
               [this, event = FactsStored{facts.revision, facts.keys_revision, {}, {}, false}] {
                 happened(event);
               });
    return;
  }
  asio::post(disk_, [this, facts = std::move(effect.facts)] {
    FactsStored event{facts.revision, facts.keys_revision, {}, {}, false};
    const auto installed = own_->install(facts, wall_now());
    bool keys_changed = false;
    if (installed) {
      event.authorities_sha256 = installed->authorities_sha256;
      event.outdated = installed->outdated;
      event.refused = installed->refused;
      keys_changed = installed->keys_changed;
    } else {
      event.stored = tl::unexpected<Error>(installed.error());
    }
    asio::post(io_, [this, event = std::move(event), keys_changed]() mutable {
      if (keys_changed && sealer_) {
        const Status taken = reload_sealer(config_, *sealer_);
        if (taken) say(Level::Info, "gossip: " + sealer_text(config_, *sealer_));
        if (!taken) event.stored = taken;
      }
      happened(event);
    });
  });
}

void Runtime::act(MakeCertificateRequest&) {
  asio::post(disk_, [this] {
    auto made = own_ != nullptr
                    ? own_->make_request()
                    : Result<std::string>(fail(Code::Unavailable, "this node has no identity"));
    asio::post(io_, [this, event = CertificateRequestMade{std::move(made)}] { happened(event); });
  });
}

void Runtime::act(StoreCertificate& effect) {
  asio::post(disk_, [this, certificate = std::move(effect.certificate)] {
    auto stored =
        own_ != nullptr
            ? own_->store(certificate, wall_now())
            : Result<OwnCertificate>(fail(Code::Unavailable, "this node has no identity"));
    asio::post(io_, [this, event = CertificateStored{std::move(stored)}] { happened(event); });
  });
}

}  // namespace muster::agent
