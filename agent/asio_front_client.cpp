#include "agent/asio_front_client.h"

#include <algorithm>
#include <utility>

#include "agent/api.h"
#include "agent/asio_tls_front.h"
#include "agent/posix_clock.h"

namespace muster::agent {
namespace {

using Outcome = Channel::Outcome;

constexpr Duration kIdlePatience = std::chrono::seconds(60);  // between two requests
constexpr Duration kLingerPatience = std::chrono::seconds(2);
constexpr std::size_t kPieceMax = std::size_t{32} << 10;     // carried at a time
constexpr std::size_t kGatheredMax = std::size_t{64} << 10;  // of a body, before its turn

}  // namespace

FrontClient::FrontClient(House& house, ConnectionPtr connection,
                         std::vector<std::pair<std::string, std::string>> claims)
    : house_(house), client_(std::move(connection)), claims_(std::move(claims)) {}

void FrontClient::end_if_late(Instant now) {
  if (now < late_at_) return;
  if (last_ || !down_.empty()) return end();
  if (waits_for_turn_) return answer(503, "too many requests wait here: try again");
  if (in_.empty() || upstream_ != nullptr) return end();
  answer(408, "the request did not come in time");
}

void FrontClient::end() {
  if (client_->is_shut) return;
  const auto self = shared_from_this();
  client_->shut();
  house_.upstream.forget(this);
  if (upstream_ != nullptr) house_.upstream.discard(std::exchange(upstream_, nullptr));
  house_.gone(this);
}

void FrontClient::patience(Duration duration) {
  late_at_ = std::min(control_now() + duration, sent_by_);
}

void FrontClient::resume_on(Connection& connection, Outcome wanted, void (FrontClient::*then)()) {
  connection.await(wanted, [self = shared_from_this(), then](const asio::error_code& error) {
    if (!error && !self->client_->is_shut) (*self.*then)();
  });
}

// Something more has come; false: it is waited for, or this client is ended.
bool FrontClient::read_more(void (FrontClient::*then)()) {
  const Outcome outcome = client_->read_into(in_, house_.scratch);
  if (outcome == Outcome::Done) return true;
  if (outcome == Outcome::Ended) {
    end();
  } else {
    resume_on(*client_, outcome, then);
  }
  return false;
}

// --- a request, on its way to the server ---
void FrontClient::next_request() {
  sent_by_ = kNever;
  patience(kIdlePatience);
  read_head();
}

void FrontClient::read_head() {
  while (true) {
    if (in_.empty()) {
      if (!read_more(&FrontClient::read_head)) return;
      patience(house_.options.client_patience);
    }
    const ParsedHead head = parse_request_head(in_);
    if (!head) {
      house_.dropped("bad_request", head.error().why, client_->peer());
      return answer(head.error().status, head.error().why);
    }
    if (*head) return begin(**head);
    if (!read_more(&FrontClient::read_head)) return;
  }
}

void FrontClient::begin(const HttpHead& head) {
  std::vector<HttpField> more;
  more.reserve(claims_.size());
  for (const auto& [name, value] : claims_) more.emplace_back(name, value);
  up_ = relayed_head(head, more);
  request_ = HttpBodyReader(head);
  chunked_up_ = head.body == HttpBody::Chunked;
  keep_client_ = head.keep_alive;
  head_only_ = head.method == "HEAD";
  sent_ = in_body_ = false;
  const bool wants_continue = head.wants_continue;
  in_.erase(0, head.bytes);  // `head` is gone with it
  if (wants_continue) {
    down_ = "HTTP/1.1 100 Continue\r\n\r\n";
    flush_down();
    if (client_->is_shut) return;
  }
  sent_by_ = control_now() + house_.options.body_patience;
  gather();
}

// The server gives a thread to a request as soon as it begins: so a small one is passed on when it
// is whole, however slowly it came.
void FrontClient::gather() {
  while (true) {
    if (!take_body(kGatheredMax)) return;
    if (request_.done() || up_.size() >= kGatheredMax) break;
    patience(house_.options.client_patience);
    if (!read_more(&FrontClient::gather)) return;
  }
  patience(house_.options.turn_patience);
  waits_for_turn_ = true;
  house_.upstream.acquire(
      this, request_.done() ? "" : client_->peer().host,
      [self = shared_from_this()](const ConnectionPtr& upstream) { self->on_upstream(upstream); });
}

bool FrontClient::take_body(std::size_t bytes_max) {
  std::size_t used = 0;
  while (!request_.done() && up_.size() < bytes_max) {
    const auto piece = request_.take(std::string_view(in_).substr(used));
    if (!piece) {
      house_.dropped("bad_request", piece.error().why, client_->peer());
      answer(piece.error().status, piece.error().why);
      return false;
    }
    if (piece->used == 0) break;
    used += piece->used;
    if (!piece->payload.empty()) {
      up_ += chunked_up_ ? chunk_of(piece->payload) : std::string(piece->payload);
    }
  }
  in_.erase(0, used);
  return true;
}

void FrontClient::on_upstream(const ConnectionPtr& upstream) {
  if (client_->is_shut) {
    if (upstream != nullptr) house_.upstream.release(upstream);
    return;
  }
  waits_for_turn_ = false;
  if (upstream == nullptr) return answer(503, "this agent is starting or stopping: try again");
  upstream_ = upstream;
  keep_upstream_ = true;
  if (!fill_up()) return;
  pump_up();
  if (upstream_ != nullptr) await_answer();
}

void FrontClient::pump_up() {
  while (upstream_ != nullptr) {
    if (up_.empty()) {
      if (sent_) return;
      if (!fill_up()) return;
      continue;
    }
    const Channel::Step step = upstream_->channel->write(up_);
    // What the server has answered is worth more than that it does not read on.
    if (step.outcome == Outcome::Ended) return;
    if (step.outcome != Outcome::Done) {
      patience(house_.options.client_patience);
      return resume_on(*upstream_, step.outcome, &FrontClient::pump_up);
    }
    up_.erase(0, step.bytes);
  }
}

bool FrontClient::fill_up() {
  if (!take_body(kPieceMax)) return false;
  if (request_.done()) {
    if (chunked_up_) up_ += chunk_of("");
    sent_ = true;
    late_at_ = sent_by_ = kNever;  // the server's own limits hold from here
    return true;
  }
  if (!up_.empty()) return true;
  patience(house_.options.client_patience);
  return read_more(&FrontClient::pump_up);
}

// --- its answer ---
void FrontClient::await_answer() {
  if (std::exchange(awaiting_, true)) return;
  resume_on(*upstream_, Outcome::WantsRead, &FrontClient::pump_down);
}

void FrontClient::pump_down() {
  awaiting_ = false;
  if (upstream_ == nullptr || writing_down_) return;
  const Outcome outcome = upstream_->read_into(answer_, house_.scratch);
  if (outcome == Outcome::Ended) return answer_ended();
  if (outcome != Outcome::Done) return await_answer();
  if (!take_answer()) return;
  if (in_body_ && reply_.done()) give_back();  // whoever reads slowly holds no thread of the server
  flush_down();
}

bool FrontClient::take_answer() {
  while (!in_body_) {
    const ParsedHead head = parse_answer_head(answer_, head_only_);
    if (!head) {
      answer(502, "the HTTP server behind the front: " + head.error().why);
      return false;
    }
    if (!*head) return true;
    const std::size_t bytes = (*head)->bytes;
    if ((*head)->status >= 200) {
      in_body_ = true;
      reply_ = HttpBodyReader(**head);
      chunked_down_ = (*head)->body == HttpBody::Chunked && !(*head)->bodiless;
      keep_upstream_ = (*head)->keep_alive;
      keep_client_ = keep_client_ && sent_ && !reply_.until_close();
      std::vector<HttpField> more;
      if (!keep_client_) more.emplace_back("Connection", "close");
      down_ += relayed_head(**head, more);
    }
    answer_.erase(0, bytes);
  }
  std::size_t used = 0;
  while (!reply_.done()) {
    const auto piece = reply_.take(std::string_view(answer_).substr(used));
    if (!piece) {
      end();  // its head has gone: nothing else can be said
      return false;
    }
    if (piece->used == 0) break;
    used += piece->used;
    if (!piece->payload.empty()) {
      down_ += chunked_down_ ? chunk_of(piece->payload) : std::string(piece->payload);
    }
    if (reply_.done() && chunked_down_) down_ += chunk_of("");
  }
  answer_.erase(0, used);
  return true;
}

void FrontClient::flush_down() {
  writing_down_ = false;
  while (!down_.empty()) {
    const Channel::Step step = client_->channel->write(down_);
    if (step.outcome == Outcome::Ended) return end();
    if (step.outcome != Outcome::Done) {
      writing_down_ = true;
      patience(house_.options.client_patience);
      return resume_on(*client_, step.outcome, &FrontClient::flush_down);
    }
    down_.erase(0, step.bytes);
  }
  if (last_) return linger();
  if (in_body_ && reply_.done()) return finish();
  if (upstream_ == nullptr) return;  // it was a "100 Continue"
  if (sent_) late_at_ = kNever;
  await_answer();
}

// The server has closed the connection.
void FrontClient::answer_ended() {
  if (in_body_ && reply_.until_close()) {
    last_ = true;
    return flush_down();
  }
  if (in_body_) return end();  // cut short: so is what the client gets
  answer(502, "the HTTP server behind the front closed the connection: try again");
}

void FrontClient::give_back() {
  const ConnectionPtr upstream = std::exchange(upstream_, nullptr);
  if (upstream == nullptr) return;
  if (keep_upstream_ && sent_ && up_.empty() && answer_.empty()) {
    house_.upstream.release(upstream);
  } else {
    house_.upstream.discard(upstream);
  }
  up_.clear();
  answer_.clear();
}

void FrontClient::finish() {
  give_back();
  in_body_ = false;
  if (!keep_client_) return end();
  next_request();
}

// A connection that is closed before everything that came was read is reset, and the client may
// lose the answer with it: so what it still sends is read and thrown away, for a moment.
void FrontClient::linger() {
  if (!std::exchange(lingering_, true)) {
    patience(kLingerPatience);
    client_->end_sending();
  }
  in_.clear();
  while (read_more(&FrontClient::linger)) in_.clear();
}

void FrontClient::answer(int status, const std::string& why) {
  house_.upstream.forget(this);
  waits_for_turn_ = false;
  sent_by_ = kNever;
  if (upstream_ != nullptr) house_.upstream.discard(std::exchange(upstream_, nullptr));
  if (in_body_ || last_) return end();
  const ApiResponse response = problem(status, "refused", why);
  down_ += "HTTP/1.1 " + std::to_string(status) + " Refused\r\nContent-Type: ";
  down_ += response.content_type;
  down_ += "\r\nContent-Length: " + std::to_string(response.body.size());
  down_ += "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
  if (!head_only_) down_ += response.body;
  last_ = true;
  patience(house_.options.client_patience);
  if (!writing_down_) flush_down();
}

}  // namespace muster::agent
