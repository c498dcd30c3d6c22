// How do agents without a body count as alive? One socket answers every ping for all of them.
//
// A coordinator registers whom membership has seen alive; so the load client's agents have to be
// members. They share one address: each ping says whom it means. On a thread of its own: a thousand
// handshakes at once are the load client's work, where each real agent has but one of them and
// answers pings meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"

namespace muster::load {

class Members {
 public:
  // Throws std::runtime_error when the address cannot be listened on.
  // `on_leader`, on that thread: `leader` told the member `to` that it leads this term.
  using OnLeader =
      std::function<void(const NodeName& to, const NodeName& leader, std::uint64_t term)>;
  Members(const std::string& cluster, const Address& listen, std::vector<NodeName> names,
          OnLeader on_leader);
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  // Tells the agents that listen there about all of them, and answers from now on. Once.
  void start(const std::vector<Address>& seeds);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::load
