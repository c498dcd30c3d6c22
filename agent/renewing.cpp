#include "agent/renewing.h"

#include <utility>

#include "identity/renewal.h"

namespace muster::agent {
namespace {

constexpr Duration kAnswerPatience = std::chrono::seconds(15);
// A coordinator is waited for without an alarm clock: the stream that comes up wakes it.
constexpr Duration kConnectLook = std::chrono::seconds(5);

}  // namespace

Renewing::Renewing(NodeName node, std::optional<OwnCertificate> own)
    : node_(std::move(node)), own_(std::move(own)), look_at_(own_ ? Instant{} : kNever) {
  if (own_) serial_ = own_->serial;
}

std::optional<WallTime> Renewing::ends() const {
  return own_ ? std::optional(own_->ends) : std::nullopt;
}

Renewing::Step Renewing::next(bool connected, WallTime wall, Instant now) {
  if (!own_) return Step::None;
  if (state_ == State::Asked && now >= look_at_) {
    failed("the coordinator did not answer in time", now);
  }
  if (state_ == State::Idle) {
    const bool retrying = failures_ > 0 && now < look_at_;
    if (retrying) return Step::None;
    const Duration wait =
        demanded_ ? Duration{0} : identity::renewal_in(node_, own_->begins, own_->ends, wall);
    if (wait > Duration{0}) {
      look_at_ = now + wait;
      return Step::None;
    }
    look_at_ = now + kConnectLook;
    if (!connected) return Step::None;
    pause_ = identity::renewal_pause(failures_, own_->ends, wall);
    state_ = State::Making;
    look_at_ = kNever;
    return Step::MakeRequest;
  }
  if (state_ == State::Made) {
    look_at_ = now + kConnectLook;
    return connected ? Step::Send : Step::None;
  }
  if (state_ == State::Answered) {
    state_ = State::Storing;
    look_at_ = kNever;
    return Step::Store;
  }
  return Step::None;
}

void Renewing::failed(const std::string& why, Instant now) {
  failure_ = why;
  ++failures_;
  state_ = State::Idle;
  look_at_ = now + pause_;
}

void Renewing::on_request(const Result<std::string>& made, Instant now) {
  if (state_ != State::Making) return;
  if (!made) return failed(made.error().text, now);
  text_ = *made;
  state_ = State::Made;
  look_at_ = now;
}

void Renewing::sent(std::uint64_t id, Instant now) {
  CHECK(state_ == State::Made);
  asked_ = id;
  state_ = State::Asked;
  look_at_ = now + kAnswerPatience;
}

void Renewing::on_answer(const Result<std::string>& certificate, Instant now) {
  CHECK(state_ == State::Asked);
  if (!certificate) return failed(certificate.error().text, now);
  text_ = *certificate;
  state_ = State::Answered;
  look_at_ = now;
}

void Renewing::on_stored(const Result<OwnCertificate>& stored, Instant now) {
  if (state_ != State::Storing) return;
  if (!stored) return failed(stored.error().text, now);
  own_ = *stored;
  serial_ = stored->serial;
  state_ = State::Idle;
  demanded_ = false;
  failures_ = 0;
  failure_.clear();
  look_at_ = now;
}

void Renewing::on_disconnected(Instant now) {
  if (state_ == State::Asked) failed("the coordinator was lost before it answered", now);
}

void Renewing::retry(Instant now) {
  if (own_ && state_ == State::Idle) look_at_ = now;
}

}  // namespace muster::agent
