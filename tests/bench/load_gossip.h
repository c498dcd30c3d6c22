// How do agents without a body count as alive? One socket answers every ping for all of them.
//
// A coordinator registers whom membership has seen alive; so the load client's agents have to be
// members. They share one address: each ping says whom it means.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>

#include "base/ids.h"

namespace muster::health {
class AsioGossip;
class OpensslSealer;
}  // namespace muster::health

namespace muster::load {

class Members {
 public:
  // `keyring`: a file, or empty. Throws std::runtime_error.
  Members(asio::io_context& io, const std::string& cluster, const Address& listen,
          std::vector<NodeName> names, const std::string& keyring);
  ~Members();

  // Tells the agent that listens there about all of them.
  void introduce(const Address& to);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::load
