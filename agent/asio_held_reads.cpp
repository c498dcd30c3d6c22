#include "agent/asio_held_reads.h"

#include <algorithm>
#include <string>
#include <utility>

#include "agent/api.h"
#include "agent/query.h"
#include "agent/routes.h"

namespace muster::agent {
namespace {

constexpr std::size_t kHeldReadsMax = 4096;
constexpr auto kLookEvery = std::chrono::milliseconds(250);

// Of a read that blocks; nothing for one that is answered, or refused, at once.
std::optional<Blocking> blocking_of(const rpc::Read& read) {
  const RouteMatch match = find_route("GET", read.path);
  if (match.route == nullptr) return std::nullopt;
  const auto query = Query::parse(read.query);
  if (!query || !query->has("wait")) return std::nullopt;
  const auto held = blocking(match.route->page, match.name, *query);
  return held ? *held : std::nullopt;
}

}  // namespace

void AsioHeldReads::reply(StreamId stream, const rpc::Read& read, const View& view) {
  const auto answer = answer_read(view, read.path, read.query);
  if (!answer) return send_(stream, {read.id, 503, {}});
  send_(stream, {read.id, answer->status, packed(*answer)});
}

void AsioHeldReads::answer(StreamId stream, const rpc::Read& read,
                           const std::shared_ptr<const View>& view) {
  auto blocking = blocking_of(read);
  if (!blocking) return reply(stream, read, *view);
  changes_.observe(view);
  if (changes_.news(*blocking) || held_.size() >= kHeldReadsMax) return reply(stream, read, *view);
  const auto wait = std::min(blocking->wait, kHeldMax);
  held_.push_back({stream, read, std::move(*blocking), std::chrono::steady_clock::now() + wait});
  if (!std::exchange(armed_, true)) give_up();
}

void AsioHeldReads::published(const std::shared_ptr<const View>& view) {
  changes_.observe(view);
  for (auto held = held_.begin(); held != held_.end();) {
    if (changes_.news(held->blocking)) {
      reply(held->stream, held->read, *view);
      held = held_.erase(held);
      continue;
    }
    Blocking& blocking = held->blocking;
    blocking.index = std::max(blocking.index, changes_.index(blocking.topic));
    ++held;
  }
}

// Looks from time to time, as long as there is one: being a little late harms nobody.
void AsioHeldReads::give_up() {
  const auto now = std::chrono::steady_clock::now();
  for (auto held = held_.begin(); held != held_.end();) {
    if (now < held->until) {
      ++held;
      continue;
    }
    ApiResponse nothing;
    nothing.status = 304;
    nothing.with(kIndexHeader, std::to_string(held->blocking.index));
    send_(held->stream, {held->read.id, 304, packed(nothing)});
    held = held_.erase(held);
  }
  if (held_.empty()) {
    armed_ = false;
    return;
  }
  timer_.expires_after(kLookEvery);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) give_up();
  });
}

}  // namespace muster::agent
