// How is one client of the HTTPS front served, request after request?
//
// A driver (Asio), for asio_tls_front.cpp alone, on the front's thread. Whatever waits, waits with
// bounded memory: nothing is read from one side before it has gone to the other.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/asio_connection.h"
#include "agent/asio_upstream.h"
#include "agent/http_head.h"
#include "base/time.h"

namespace muster::agent {

struct FrontOptions;

class FrontClient : public std::enable_shared_from_this<FrontClient> {
 public:
  // Shared by the clients of a front, and outlives them.
  struct House {
    const FrontOptions& options;
    AsioUpstream& upstream;
    std::vector<char>& scratch;
    std::function<void(const std::string& reason, const std::string& why, const Address&)> dropped;
    std::function<void(FrontClient*)> gone;
  };
  // Pre: the connection's handshake is done. `claims`: what is said to the server of who it is.
  FrontClient(House& house, ConnectionPtr connection,
              std::vector<std::pair<std::string, std::string>> claims);

  void start() { next_request(); }
  void end_if_late(Instant now);  // it stopped in the middle of something
  void end();

 private:
  // --- a request, on its way to the server ---
  void next_request();
  void read_head();
  void begin(const HttpHead& head);
  void gather();
  bool take_body(std::size_t bytes_max);  // false: it is no good, and this client is answered
  void on_upstream(const ConnectionPtr& upstream);
  void pump_up();
  bool fill_up();  // false: more of the body must come first
  bool read_more(void (FrontClient::*then)());
  // --- its answer ---
  void await_answer();
  void pump_down();
  bool take_answer();  // false: it is no good, and this client is ended
  void flush_down();
  void give_back();
  void answer_ended();
  void finish();
  void linger();
  void answer(int status, const std::string& why);  // an own one, and the last

  void resume_on(Connection& connection, Channel::Outcome wanted, void (FrontClient::*then)());
  void patience(Duration duration);

  House& house_;
  ConnectionPtr client_;
  std::vector<std::pair<std::string, std::string>> claims_;
  ConnectionPtr upstream_;
  Instant late_at_ = kNever;
  Instant sent_by_ = kNever;  // the request that is on its way must be whole

  std::string in_;          // from the client, not taken yet
  std::string up_;          // to the server, not gone yet
  HttpBodyReader request_;  // its body
  bool chunked_up_ = false;
  bool sent_ = false;        // the request, whole
  bool keep_client_ = true;  // after this request
  bool head_only_ = false;

  std::string answer_;    // from the server, not taken yet
  std::string down_;      // to the client, not gone yet
  bool in_body_ = false;  // of the answer
  HttpBodyReader reply_;  // the answer's body
  bool chunked_down_ = false;
  bool keep_upstream_ = true;
  bool writing_down_ = false;  // it is waited until the client takes more
  bool awaiting_ = false;      // likewise until the server says more
  bool waits_for_turn_ = false;
  bool last_ = false;  // nothing comes after `down_`
  bool lingering_ = false;
};

}  // namespace muster::agent
