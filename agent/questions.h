// What has this node asked of the coordinator for its clients, and what do they hear when it is
// lost before it answered?
//
// A core; owned by Node. A change that carries a request id is done once however often it is asked
// for, and a master that is added or removed twice is added or removed: such questions are kept and
// asked of the next coordinator, so that clients do not notice a failover. Of every other one the
// client hears that nobody knows. A read is cheap to ask again: that is left to the client.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/effects.h"
#include "base/rpc.h"
#include "base/time.h"

namespace muster::agent {

class Questions {
 public:
  // From the moment on which it is asked, of this node or another one.
  static constexpr Duration kPatience = std::chrono::seconds(5);

  [[nodiscard]] std::uint64_t next_id() { return ++last_; }

  // The question `frame`, which carries `id`, was sent to the coordinator for `request`.
  void sent(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame, Instant give_up_at);
  // Likewise, but this node coordinates and answers `request` itself; see settle().
  void taken(std::uint64_t id, std::uint64_t request, const rpc::Frame& frame);

  // What the client hears; none: it was not asked, or it is to be asked again.
  [[nodiscard]] std::optional<Effect> answer(const rpc::WriteReply& reply);
  [[nodiscard]] std::optional<Effect> answer(const rpc::ReadReply& reply);
  // This node's own answer to `request`. False: it is kept from the client, and asked again.
  [[nodiscard]] bool settle(const WriteDone& done, Instant now);

  [[nodiscard]] std::vector<Effect> coordinator_lost(const std::string& why);
  // Frames for the new one.
  [[nodiscard]] std::vector<rpc::Frame> coordinator_found();

  [[nodiscard]] std::vector<Effect> tick(Instant now);
  [[nodiscard]] Instant deadline() const;

 private:
  struct Question {
    std::uint64_t request = 0;
    bool write = false;
    Instant give_up_at = kNever;
    std::optional<rpc::Frame> again;  // none: it is not asked twice
    bool open = false;                // nobody is asked just now
    bool repeated = false;
  };
  using Asked = std::map<std::uint64_t, Question>;

  void keep(std::uint64_t id, Question question);
  void forget(Asked::iterator found);

  std::uint64_t last_ = 0;
  Asked asked_;                                      // by id
  std::map<std::uint64_t, std::uint64_t> taken_;     // request -> id, of those that are taken here
  std::set<std::pair<Instant, std::uint64_t>> due_;  // give_up_at, id
};

}  // namespace muster::agent
