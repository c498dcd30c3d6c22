// How do people and programs reach an agent? One HTTP server: /metrics, /healthz, /readyz, /v1/*.
//
// A driver (civetweb). It has threads of its own and decides nothing: it reads the published View,
// hands changes to the control thread and waits for the answer with a time limit. No TLS: that ends
// in front of it. agent/routes.h has the requests that it takes; what web pages send (an Origin
// header) never changes anything.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "agent/http_ports.h"
#include "agent/view.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

class CivetwebServer {
 public:
  static constexpr std::size_t kUriBytesMax = 4096;
  static constexpr unsigned kLogLinesMax = 10'000;
  // A thread serves a connection for as long as that is open: an idle one costs 22 KiB of memory.
  static constexpr int kThreads = 160;
  // Requests that wait for the control thread, and those that wait for news (blocking reads and
  // event streams). One more of either is told to come back, so that /metrics and /healthz always
  // find a thread.
  static constexpr int kWaitingMax = 80;
  static constexpr int kWatchingMax = 64;
  // With so few threads left, connections end with the answer that they wait for.
  static constexpr int kThreadsSpare = 12;
  // Of what is more than a command: a change of masters, a snapshot.
  static constexpr Duration kOperationPatience = std::chrono::seconds(60);

  struct Options {
    Duration patience = std::chrono::seconds(6);  // of a change or of a forwarded read
    // Of the TLS front of this process: only requests that carry it are answered. Empty: none.
    std::string front;
  };

  // Listens on `at` at once. Fails with Unavailable, naming the address and the way out.
  [[nodiscard]] static Result<std::unique_ptr<CivetwebServer>> open(const Address& at,
                                                                    HttpPorts ports,
                                                                    Options options);
  // Stops listening, ends what waits for an answer with 503, joins its threads. A `done` that comes
  // later is ignored.
  ~CivetwebServer();
  CivetwebServer(const CivetwebServer&) = delete;
  CivetwebServer& operator=(const CivetwebServer&) = delete;

  [[nodiscard]] Address address() const;  // where it listens; with its port if that was 0

  // The control thread: HttpPorts::view now gives this view.
  void published(const std::shared_ptr<const View>& view);

 private:
  class Server;
  explicit CivetwebServer(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace muster::agent
