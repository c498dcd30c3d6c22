#include "agent/asio_door_client.h"

#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "agent/posix_clock.h"

namespace muster::agent {
namespace {

using Outcome = Channel::Outcome;

constexpr Duration kLingerPatience = std::chrono::seconds(2);
constexpr std::size_t kLingerBytesMax = std::size_t{1} << 20;
// Keys of TLS 1.2 are never changed: a connection ends long before one is worn out.
constexpr std::size_t kRequestsMax = 100'000;
constexpr std::string_view kHtmlType = "text/html; charset=utf-8";
constexpr std::string_view kPage =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><title>muster</title></head>\n"
    "<body><h1>muster</h1><p><a href=\"/metrics\">Metrics</a></p></body></html>\n";

bool same(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) {
                      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
                    });
}

// The values of all fields of this name, as one list; `times`: how many there were.
std::string field(const HttpHead& head, std::string_view lower_name, int& times) {
  std::string out;
  times = 0;
  for (const auto& [name, value] : head.fields) {
    if (!same(name, lower_name)) continue;
    if (++times > 1) out += ", ";
    out += value;
  }
  return out;
}
std::string field(const HttpHead& head, std::string_view lower_name) {
  int times = 0;
  return field(head, lower_name, times);
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 429: return "Too Many Requests";
    case 503: return "Service Unavailable";
    default: return "Answer";
  }
}

std::string seconds_text(Duration wait) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

}  // namespace

void DoorClient::patience(Duration duration) { late_at_ = control_now() + duration; }

void DoorClient::end_if_late(Instant now) {
  if (now < late_at_) return;
  if (busy_ || last_ || in_.empty()) return end();
  refuse(408, "the request did not come in time");
}

void DoorClient::end() {
  if (client_->is_shut) return;
  const auto self = shared_from_this();
  client_->shut();
  house_.gone(this);
}

void DoorClient::end_after_answer() {
  keep_ = false;
  if (!busy_ && in_.empty()) end();
}

void DoorClient::resume_on(Outcome wanted, void (DoorClient::*then)()) {
  client_->await(wanted, [self = shared_from_this(), then](const asio::error_code& error) {
    if (!error && !self->client_->is_shut) (*self.*then)();
  });
}

bool DoorClient::read_more(void (DoorClient::*then)()) {
  const Outcome outcome = client_->read_into(in_, house_.scratch);
  if (outcome == Outcome::Done) return true;
  if (outcome == Outcome::Ended) {
    end();
  } else {
    resume_on(outcome, then);
  }
  return false;
}

// --- a request ---
void DoorClient::next_request() {
  if (!keep_) return linger();  // that was decided while it was being answered
  busy_ = false;
  idle_since_ = control_now();
  // Who has been answered may stay; who has said nothing yet, or the half of it, may not for long.
  const bool rests = requests_ > 0 && in_.empty();
  patience(rests ? house_.options.idle_patience : house_.options.client_patience);
  read_head();
}

void DoorClient::read_head() {
  while (true) {
    if (in_.empty()) {
      if (!read_more(&DoorClient::read_head)) return;
      patience(house_.options.client_patience);
    }
    const ParsedHead head = parse_request_head(in_);
    if (!head) {
      house_.ports.dropped("bad_request", head.error().why, client_->peer());
      return refuse(head.error().status, head.error().why);
    }
    if (*head) return begin(**head);
    if (!read_more(&DoorClient::read_head)) return;
  }
}

void DoorClient::begin(const HttpHead& head) {
  busy_ = true;
  late_at_ = kNever;  // from here it waits for us
  head_only_ = head.method == "HEAD";
  keep_ = keep_ && head.keep_alive && ++requests_ < kRequestsMax;
  if (head.body == HttpBody::Chunked || head.length > 0) {
    return refuse(413, "requests with a body are not taken here");
  }
  int times = 0;
  const std::string authorization = field(head, "authorization", times);
  if (times > 1) return refuse(400, "more than one Authorization field");
  method_ = head.method;
  const std::size_t mark = head.target.find('?');
  path_ = head.target.substr(0, mark);
  asked_.query = mark == std::string_view::npos ? "" : head.target.substr(mark + 1);
  asked_.accept = field(head, "accept");
  asked_.accept_encoding = field(head, "accept-encoding");
  asked_.timeout = field(head, "x-prometheus-scrape-timeout-seconds");
  in_.erase(0, head.bytes);  // `head` is gone with it
  if (house_.config->users.empty()) return serve();
  house_.auth.ask(house_.config, authorization, client_->peer(), standing_,
                  [self = shared_from_this()](AsioBasicAuth::Verdict verdict, Duration wait) {
                    if (!self->client_->is_shut) self->judged(verdict, wait);
                  });
}

void DoorClient::judged(AsioBasicAuth::Verdict verdict, Duration wait) {
  using Verdict = AsioBasicAuth::Verdict;
  if (verdict == Verdict::Proved) return serve();
  ApiResponse response;
  if (verdict == Verdict::Busy) {
    response = problem(503, "busy", "too many passwords wait to be checked", "try again")
                   .with("Retry-After", seconds_text(wait));
  } else if (verdict == Verdict::MustWait) {
    response = problem(429, "too many failures", "too many requests from here proved nobody",
                       "come again later, or ask from another address")
                   .with("Retry-After", seconds_text(wait));
  } else {
    response = problem(401, "not authenticated",
                       verdict == Verdict::Wrong ? "no such user, or another password"
                                                 : "a name and a password are asked for",
                       "send those of one of the basic_auth_users")
                   .with("WWW-Authenticate", "Basic realm=\"muster metrics\", charset=\"UTF-8\"");
  }
  answer(std::move(response));
}

void DoorClient::serve() {
  if (path_ != "/metrics" && path_ != "/") {
    return answer(problem(404, "not found", "there is /metrics here, and at / a page that says so",
                          "ask the agent's own port for anything else"));
  }
  if (method_ != "GET" && !head_only_) {
    return answer(
        problem(405, "wrong method", "this takes GET and HEAD").with("Allow", "GET, HEAD"));
  }
  if (path_ == "/") return answer({200, std::string(kHtmlType), std::string(kPage)});
  scrape();
}

void DoorClient::scrape() {
  if (house_.scrapes == AsioMetricsDoor::kScrapesMax) {
    return answer(problem(503, "busy", "too many scrapes are under way", "try again in a second")
                      .with("Retry-After", "1"));
  }
  ++house_.scrapes;
  asio::post(house_.scrapers, [self = shared_from_this(), &house = house_]() mutable {
    auto response = std::make_shared<ApiResponse>();
    try {
      *response = house.ports.scrape(self->asked_);
    } catch (const std::exception& error) {  // out of memory
      *response = problem(500, "internal error", error.what());
    }
    // The last to hold the client must be the loop, whose connection it has.
    asio::post(house.io, [self = std::move(self), response = std::move(response), &house] {
      --house.scrapes;
      if (!self->client_->is_shut) self->answer(std::move(*response));
    });
  });
}

// --- its answer ---
void DoorClient::answer(ApiResponse response) {
  const auto& headers = house_.config->headers;
  down_ = "HTTP/1.1 " + std::to_string(response.status) + " ";
  const auto line = [this](std::string_view name, std::string_view value) {
    down_ += name;
    down_ += ": ";
    down_ += value;
    down_ += "\r\n";
  };
  down_ += reason_of(response.status);
  down_ += "\r\n";
  line("Content-Type", response.content_type);
  line("Content-Length", std::to_string(response.body.size()));
  line("Cache-Control", "no-store");
  const bool said = std::any_of(headers.begin(), headers.end(), [](const auto& one) {
    return one.first == "X-Content-Type-Options";
  });
  if (!said) line("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : headers) line(name, value);
  for (const auto& [name, value] : response.headers) line(name, value);
  if (!keep_) line("Connection", "close");
  down_ += "\r\n";
  if (!head_only_) down_ += response.body;
  last_ = !keep_;
  patience(house_.options.client_patience);
  flush();
}

void DoorClient::refuse(int status, const std::string& why) {
  busy_ = true;
  keep_ = false;
  answer(problem(status, "refused", why));
}

void DoorClient::flush() {
  std::string_view rest = down_;
  while (!rest.empty()) {
    const Channel::Step step = client_->channel->write(rest);
    if (step.outcome == Outcome::Ended) return end();
    if (step.outcome != Outcome::Done) {
      down_.erase(0, down_.size() - rest.size());
      return resume_on(step.outcome, &DoorClient::flush);
    }
    rest.remove_prefix(step.bytes);
    patience(house_.options.client_patience);
  }
  down_.clear();
  down_.shrink_to_fit();
  if (last_) return linger();
  // Not from here: who sends many requests at once would make the stack as deep as they are many.
  asio::post(house_.io, [self = shared_from_this()] {
    if (!self->client_->is_shut) self->next_request();
  });
}

// A connection that is closed before everything that came was read is reset, and the client may
// lose the answer with it: so what it still sends is read and thrown away, for a moment.
void DoorClient::linger() {
  if (!std::exchange(lingering_, true)) {
    patience(kLingerPatience);
    client_->end_sending();
  }
  while (lingered_ < kLingerBytesMax) {
    in_.clear();
    if (!read_more(&DoorClient::linger)) return;
    lingered_ += in_.size();
  }
  end();
}

}  // namespace muster::agent
