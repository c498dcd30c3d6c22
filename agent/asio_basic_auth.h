// Does a request to the door for metrics prove that one of its users sent it?
//
// A driver (Asio, libcrypt), on the door's loop, with a thread of its own: passwords are checked
// there one after the other, and few wait for that. What was proved is remembered, whoever is
// unknown costs what a wrong password costs, and an address that failed too often is not looked at.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>

#include "agent/basic_auth.h"
#include "agent/yaml_web_config.h"
#include "base/ids.h"
#include "base/time.h"
#include "identity/attempts.h"

namespace muster::agent {

class AsioBasicAuth {
 public:
  static constexpr std::size_t kChecksMax = 16;          // under way and waiting
  static constexpr std::size_t kChecksOfAddressMax = 4;  // of those

  enum class Verdict {
    Proved,
    NotShown,  // no name and password came: nothing was tried
    Wrong,
    MustWait,  // it failed too often: not before so long
    Busy,      // too many passwords wait to be checked
  };
  using Done = std::function<void(Verdict, Duration wait)>;

  // What a connection has proved; its owner keeps it as long as the connection lasts.
  struct Standing {
    std::string digest;
  };

  // `on_failed` is called when a name and a password, or what was sent for them, are wrong, or are
  // not looked at after too many that were.
  AsioBasicAuth(asio::io_context& io, std::function<void(const Address& from)> on_failed);
  ~AsioBasicAuth();  // NOLINT(bugprone-exception-escape): see the definition
  AsioBasicAuth(const AsioBasicAuth&) = delete;
  AsioBasicAuth& operator=(const AsioBasicAuth&) = delete;

  // `authorization`: the header, empty: there is none. `done` comes at once or from the loop, once,
  // or never when this ends before. Pre: `config` has users.
  void ask(const std::shared_ptr<const WebConfig>& config, const std::string& authorization,
           const Address& from, const std::shared_ptr<Standing>& standing, Done done);

  // Passwords, since the start. Any thread.
  [[nodiscard]] std::size_t checked() const { return checked_; }

 private:
  void checked(const Address& from, const std::string& digest, bool fits, const Done& done);
  Verdict failed(const Address& from, Duration& wait);
  bool must_wait(const Address& from, Duration& wait);

  asio::io_context& io_;
  std::function<void(const Address&)> on_failed_;
  const std::string key_;  // of the digests
  Proved proved_;
  identity::Attempts attempts_;
  std::map<std::string, std::size_t> under_way_;  // checks, by address
  std::size_t waiting_ = 0;                       // all of them
  std::atomic<std::size_t> checked_{0};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of this object, for late calls
  asio::thread_pool worker_{1};
};

}  // namespace muster::agent
