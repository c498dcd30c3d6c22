// When does this node have its certificate renewed, and how far is that?
//
// A core; owned by Node, idle in a plain cluster. The runtime makes keys and keeps files; the
// coordinator signs. One renewal at a time: a key and a request are made, sent, answered, stored.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

struct OwnCertificate {
  std::string serial;
  WallTime begins{};
  WallTime ends{};
};

class Renewing {
 public:
  // What is to be done next, by whom.
  enum class Step { None, MakeRequest, Send, Store };

  // `own`: none in a plain cluster.
  Renewing(NodeName node, std::optional<OwnCertificate> own);

  // Its authority is not the one that signs any more: it is due now.
  void demand() { demanded_ = own_.has_value(); }

  // `connected`: to a coordinator. A Send is asked for until sent() is said.
  [[nodiscard]] Step next(bool connected, WallTime wall, Instant now);
  [[nodiscard]] const std::string& text() const { return text_; }  // of the request, or the PEM

  void on_request(const Result<std::string>& made, Instant now);
  void sent(std::uint64_t id, Instant now);
  // Pre: waits_for(id).
  void on_answer(const Result<std::string>& certificate, Instant now);
  void on_stored(const Result<OwnCertificate>& stored, Instant now);
  void on_disconnected(Instant now);
  // The clock was set: what failed is not waited for any longer.
  void retry(Instant now);

  [[nodiscard]] bool waits_for(std::uint64_t id) const {
    return state_ == State::Asked && id == asked_;
  }
  [[nodiscard]] const std::string& serial() const { return serial_; }
  [[nodiscard]] std::optional<WallTime> ends() const;
  // Why the last one failed; empty: it did not.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] Instant deadline() const { return look_at_; }

 private:
  enum class State { Idle, Making, Made, Asked, Answered, Storing };
  void failed(const std::string& why, Instant now);

  NodeName node_;
  std::optional<OwnCertificate> own_;
  std::string serial_;
  State state_ = State::Idle;
  std::string text_;
  std::uint64_t asked_ = 0;
  bool demanded_ = false;
  unsigned failures_ = 0;
  std::string failure_;
  Duration pause_{};
  Instant look_at_{};
};

}  // namespace muster::agent
