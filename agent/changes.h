// Since when is each part of what an agent shows as it is?
//
// Pure. What blocking reads and watches wait for: a reader names the index that it has seen, and is
// answered when the part that it reads has changed after it. The masters' state counts the log's
// index; the list of members, which every agent has for itself, counts its own changes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/query.h"
#include "agent/routes.h"
#include "agent/view.h"
#include "base/error.h"
#include "base/time.h"

namespace muster::agent {

enum class Topic {
  Members,
  Nodes,
  Workloads,
  Events,
  Keys,
  Leases,
  Tokens,
  UserCertificates,
  Silences,
  Masters,
  GossipKeys
};
inline constexpr std::size_t kTopics = 11;

inline constexpr Duration kWaitUsual = std::chrono::minutes(5);
inline constexpr Duration kWaitMax = std::chrono::minutes(10);

// A read that waits for news.
struct Blocking {
  Topic topic = Topic::Members;
  std::string prefix;  // Keys: only what is below it
  bool exact = false;  // Keys: only the key `prefix` itself
  std::uint64_t index = 0;
  Duration wait{};
};
// Of a read of this page; nothing when its query names no index. Fails with InvalidArgument for an
// index or a wait that is none. Pre: blocks(route).
[[nodiscard]] Result<std::optional<Blocking>> blocking(Page page, const std::string& name,
                                                       const Query& query);

class Changes {
 public:
  // A later view of the same agent. What differs from the one before changed at its index.
  void observe(const std::shared_ptr<const View>& view);
  // The part that `read` is about is not as it was at read.index, or that cannot be told any more.
  [[nodiscard]] bool news(const Blocking& read) const;
  // Of the last view: for Members its count, for all others the state's.
  [[nodiscard]] std::uint64_t index(Topic topic) const;

 private:
  void note(Topic topic, bool changed);

  std::shared_ptr<const View> view_;
  std::array<std::uint64_t, kTopics> changed_{};
};

// Whether a key in `changes`, after `index`, is the one read or below the prefix.
[[nodiscard]] bool keys_changed(const ClusterState& state, const Blocking& read);

}  // namespace muster::agent
