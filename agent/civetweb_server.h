// How do people and Prometheus reach an agent? One HTTP server: /metrics, /healthz, /readyz, /v1/*.
//
// A driver (civetweb). It has threads of its own and decides nothing: it reads the published View,
// hands writes to the control thread and waits for the answer with a time limit. No TLS. What web
// pages send (an Origin header) never writes.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "agent/view.h"
#include "base/command.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

// What the server asks of the agent. Each is called on the server's threads, several at once.
struct HttpPorts {
  std::function<std::shared_ptr<const View>()> view;  // never null
  std::function<std::string()> metrics;               // the whole body of /metrics
  // `done` comes on any thread, at most once, possibly never (at shutdown).
  std::function<void(CommandBody, std::string request_id,
                     std::function<void(Result<std::string>)> done)>
      write;
  // A read that only masters can answer; an empty body: nobody could be asked.
  std::function<void(std::string path, std::string query,
                     std::function<void(int status, std::string body)> done)>
      read;
  std::function<Result<std::string>(InstanceId, unsigned lines)> log_tail;
};

class CivetwebServer {
 public:
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;
  static constexpr std::size_t kUriBytesMax = 2048;
  static constexpr unsigned kLogLinesMax = 10'000;
  static constexpr int kThreads = 4;
  // Requests that wait for the control thread; one more is told to come back, so that /metrics and
  // /healthz always find a thread.
  static constexpr int kWaitingMax = kThreads - 1;

  // Listens on `at` at once. Fails with Unavailable, naming the address and the way out.
  // `patience` is how long a write or a forwarded read may take.
  [[nodiscard]] static Result<std::unique_ptr<CivetwebServer>> open(
      const Address& at, HttpPorts ports, Duration patience = std::chrono::seconds(6));
  // Stops listening, ends what waits for an answer with 503, joins its threads. A `done` that comes
  // later is ignored.
  ~CivetwebServer();
  CivetwebServer(const CivetwebServer&) = delete;
  CivetwebServer& operator=(const CivetwebServer&) = delete;

 private:
  class Server;
  explicit CivetwebServer(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace muster::agent
