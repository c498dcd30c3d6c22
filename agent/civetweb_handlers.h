// How is each request to the HTTP API answered?
//
// A part of agent/civetweb_server.h, between the connections (civetweb_exchange.h) and the agent
// (http_ports.h). Called on the server's threads, several at once; decides nothing about the
// cluster. What may hold a thread for long is counted, so that some are always left.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/api.h"
#include "agent/civetweb_desk.h"
#include "agent/civetweb_exchange.h"
#include "agent/civetweb_server.h"
#include "agent/civetweb_watches.h"
#include "agent/http_ports.h"
#include "agent/routes.h"
#include "identity/attempts.h"

namespace muster::agent {

class Handlers {
 public:
  Handlers(HttpPorts ports, const CivetwebServer::Options& options);

  // Answers; `close` ends the connection with it. Returns the status.
  int serve(Exchange& exchange, bool close);
  void published(const std::shared_ptr<const View>& view) { watches_.published(view); }
  // Ends every wait; returns when the requests have their answers, or after `patience`.
  void stop(Duration patience) { desk_->stop(patience); }

 private:
  // One of a bounded number of requests, for as long as it lives.
  class Place {
   public:
    Place(std::atomic<int>& count, int max) : count_(count), taken_(++count <= max) {}
    ~Place() { --count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    [[nodiscard]] bool taken() const { return taken_; }

   private:
    std::atomic<int>& count_;
    bool taken_;
  };
  struct Request {  // one that has a route
    Exchange& exchange;
    const Route& route;
    std::string name;  // RouteMatch::name
    Query query;
    Caller caller;
    std::string id;           // of a change
    std::string subject;      // of a change, for the audit log
    std::uint64_t asked = 0;  // of a change: Command::asked
  };

  struct Trail {  // what is known of a request when it has its answer
    Caller caller;
    std::string id;
    std::string subject;
    bool streamed = false;
    bool recorded = false;  // a failure to prove something, of which there were not too many
  };

  ApiResponse answer(Exchange& exchange, Trail& trail);
  Error no_answer();

  // --- who asks: civetweb_callers.cpp ---
  [[nodiscard]] bool misled(const Exchange& exchange, const Route& route);
  Result<Caller> admit(const Exchange& exchange);
  std::optional<ApiResponse> keep_out(const Exchange& exchange, const Route& route, Trail& trail);
  std::optional<ApiResponse> must_wait(const Exchange& exchange);
  std::optional<ApiResponse> failed(const Exchange& exchange, Trail& trail);
  ApiResponse join(Exchange& exchange, Request& request, Trail& trail);
  void audit(const Exchange& exchange, const Trail& trail, int status);

  // --- reads ---
  ApiResponse read(const Request& request);
  ApiResponse own_read(const Request& request);
  ApiResponse cluster_read(const Request& request);
  ApiResponse stale_read(const Request& request, const std::string& query);
  std::optional<ApiResponse> forwarded_wait(const Request& request, Blocking& held,
                                            const std::string& query);
  ApiResponse ask(ReadRequest read);
  ApiResponse logs(const Request& request);
  ApiResponse metrics(const Request& request);
  ApiResponse self(const Request& request);
  ApiResponse history(const Request& request);

  // --- changes: civetweb_changes.cpp ---
  ApiResponse change(Request& request);
  ApiResponse dispatch(Request& request, std::string body);
  ApiResponse put_workloads(Request& request, const std::string& body);
  ApiResponse put_all(Request& request, std::vector<CommandBody> writes);
  ApiResponse change_key(Request& request, std::string body);
  ApiResponse change_lease(Request& request, const std::string& body);
  ApiResponse make_token(Request& request, const std::string& body);
  ApiResponse make_silence(Request& request, const std::string& body);
  ApiResponse simple_change(Request& request, CommandBody body);
  ApiResponse operate(Request& request, std::string body);
  ApiResponse save_snapshot(const Request& request);
  Result<Outcome> propose(const Request& request, CommandBody body, std::string id);

  // --- server-sent events: civetweb_streams.cpp ---
  ApiResponse stream(const Request& request, bool& streamed);
  ApiResponse batch(const Request& request, const std::string& cursor, Blocking& read, bool wait);

  // So long a forwarded read waits for news before it is asked again; masters hold it longer.
  static constexpr Duration kForwardedWait = std::chrono::seconds(3);

  HttpPorts ports_;
  CivetwebServer::Options options_;
  std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
  Watches watches_;
  std::atomic<int> waiting_{0};   // for the control thread
  std::atomic<int> watching_{0};  // for news
  std::mutex attempts_mutex_;
  identity::Attempts attempts_;
};

}  // namespace muster::agent
