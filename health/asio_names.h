// At which address is a host now, without waiting for the answer?
//
// Driver (Asio), on the thread of its io_context. Keeps answers for ten seconds; the number of
// names is bounded, for they come from other members.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "base/time.h"

namespace muster::health {

class AsioNames : public std::enable_shared_from_this<AsioNames> {
 public:
  explicit AsioNames(asio::io_context& context) : resolver_(context) {}

  // The address of a numeric host, or of a name resolved lately; or nothing: then it is being
  // resolved. Pre: owned by a shared_ptr.
  [[nodiscard]] std::optional<asio::ip::address> look_up(const std::string& host);
  void cancel() { resolver_.cancel(); }

 private:
  struct Name {
    asio::ip::address address;
    std::chrono::steady_clock::time_point until;
    bool known = false;
    bool asked = false;
  };
  asio::ip::tcp::resolver resolver_;
  std::map<std::string, Name> names_;
};

}  // namespace muster::health
