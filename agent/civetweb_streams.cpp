// The part of Handlers that goes on answering: server-sent events.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/api_kv.h"
#include "agent/civetweb_handlers.h"
#include "base/quantity.h"

namespace muster::agent {
namespace {

// A comment line so often tells both ends, and whatever is between them, that the other is there.
constexpr Duration kStillHere = std::chrono::seconds(15);

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

// What there is to say after `cursor`; with `wait` not before there is something, or kStillHere has
// passed. On masters from their own state: what they have is committed.
ApiResponse Handlers::batch(const Request& request, const std::string& cursor, Blocking& read,
                            bool wait) {
  const bool keys = request.route.page == Page::Watch;
  std::string query = keys ? "prefix=" + percent_encoded(read.prefix) : "";
  if (!cursor.empty()) query += (keys ? "&index=" : "since=") + percent_encoded(cursor);
  const std::string path(request.exchange.path());
  const auto view = ports_.view();
  if (view->master) {
    if (wait) watches_.wait(read, kStillHere, *desk_);
    auto answer = answer_read(*ports_.view(), path, query);
    return answer ? std::move(*answer) : no_coordinator(*view);
  }
  if (wait && !keys) query += "&index=" + std::to_string(read.index);
  if (wait) query += "&wait=" + duration_text(kForwardedWait);
  return ask({path, std::move(query), request.caller});
}

ApiResponse Handlers::stream(const Request& request, bool& streamed) {
  const Place place(watching_, CivetwebServer::kWatchingMax);
  if (!place.taken()) {
    return problem(503, "busy", "too many requests wait for news here",
                   "try again in a second, or ask another agent")
        .with("Retry-After", "1");
  }
  const bool keys = request.route.page == Page::Watch;
  // After a break a client says how far it had come: that is later than where it began.
  std::string cursor(request.exchange.header("Last-Event-ID"));
  if (cursor.empty()) cursor = request.query.text(keys ? "index" : "since");
  Blocking read{keys ? Topic::Keys : Topic::Events, request.query.text("prefix"), false, 0, {}};
  ApiResponse part = batch(request, cursor, read, false);
  if (part.status != 200) return part;
  streamed = true;
  bool alive = request.exchange.begin_stream(
      {200, std::string(kEventStreamType), ": muster\n\n" + part.body});
  while (alive && !desk_->stopping()) {
    const std::string_view after = part.header(kCursorHeader);
    if (!after.empty()) cursor = after;
    const auto index = number(part.header(kIndexHeader));
    if (keys && after.empty() && index > number(cursor)) cursor = std::to_string(index);
    read.index = keys ? number(cursor) : std::max(read.index, index);
    part = batch(request, cursor, read, true);
    // What it showed at the beginning may have been taken back since.
    const auto still = admit(request.exchange);
    if (!still || still->role < request.route.role.value_or(Role::Viewer)) break;
    // On any trouble the client comes back and goes on where it was.
    if (part.status != 200 && part.status != 304) break;
    alive = request.exchange.stream(part.body.empty() ? ":\n\n" : part.body);
  }
  return {};
}

}  // namespace muster::agent
