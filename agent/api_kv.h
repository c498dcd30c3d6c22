// How does the JSON API show keys, and what happened to them?
//
// Pure functions; a part of agent/api.h, which everybody else uses. A value is bytes: raw, or in
// base64 where JSON is asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/api.h"
#include "agent/query.h"
#include "base/command.h"

namespace muster::agent {

inline constexpr std::uint64_t kKeysShownMax = 10'000;
// A listing or a batch of events ends after so many bytes; the next one goes on.
inline constexpr std::size_t kListedBytesMax = std::size_t{8} << 20;

// "17" with its quotes: the ETag of a key that was modified at that index.
[[nodiscard]] std::string etag(std::uint64_t modified);

// /v1/kv/KEY: {key, value_base64, created_index, modified_index, version}; the bytes with `raw`.
[[nodiscard]] ApiResponse one_key(const ClusterState& state, const std::string& key,
                                  const Query& query);
// /v1/kv?prefix=&keys_only=&limit=&from=: in order of the keys. `next` is the `from` of the rest.
[[nodiscard]] ApiResponse key_list(const ClusterState& state, const Query& query);
// What a change of a key answers: {"index": N}, with the new ETag of what is `there` now.
[[nodiscard]] ApiResponse key_changed_response(const Outcome& outcome, bool there);

// /v1/watch: server-sent events of what happened below `prefix` after `index`, as far as that fits;
// several changes of one key are one event. Its header Muster-Cursor is the index to go on from.
// The event `reset` says that it is not known any more what happened: list again, go on from there.
[[nodiscard]] ApiResponse key_events(const ClusterState& state, const Query& query);
// /v1/events/stream: the same for the cluster's events after sequence number `since`.
[[nodiscard]] ApiResponse cluster_events_since(const ClusterState& state, const Query& query);
inline constexpr std::string_view kCursorHeader = "Muster-Cursor";
inline constexpr std::string_view kEventStreamType = "text/event-stream";

}  // namespace muster::agent
