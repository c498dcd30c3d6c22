// How is one client of the door for metrics served, request after request?
//
// A driver (Asio), for asio_metrics_door.cpp alone, on the door's thread. Takes requests without a
// body only, so that their end is never in doubt.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>

#include "agent/asio_basic_auth.h"
#include "agent/asio_connection.h"
#include "agent/asio_metrics_door.h"
#include "agent/http_head.h"
#include "base/time.h"

namespace muster::agent {

class DoorClient : public std::enable_shared_from_this<DoorClient> {
 public:
  // Shared by the clients of a door, and outlives them.
  struct House {
    const DoorOptions& options;
    const DoorPorts& ports;
    asio::io_context& io;
    asio::thread_pool& scrapers;
    std::vector<char>& scratch;
    AsioBasicAuth& auth;
    std::shared_ptr<const WebConfig> config;  // that holds now
    std::size_t scrapes = 0;                  // under way and waiting
    std::function<void(DoorClient*)> gone;
  };
  // Pre: the connection's handshake is done.
  DoorClient(House& house, ConnectionPtr connection)
      : house_(house), client_(std::move(connection)) {}

  void start() { next_request(); }
  void end_if_late(Instant now);  // it stopped in the middle of something
  void end();
  void end_after_answer();  // at once when nothing is asked
  // When it began to ask nothing; kNever: it asks something.
  [[nodiscard]] Instant idle_since() const { return busy_ || !in_.empty() ? kNever : idle_since_; }

 private:
  void next_request();
  void read_head();
  bool read_more(void (DoorClient::*then)());  // false: it is waited for, or this has ended
  void begin(const HttpHead& head);
  void judged(AsioBasicAuth::Verdict verdict, Duration wait);
  void serve();
  void scrape();
  void answer(ApiResponse response);
  void refuse(int status, const std::string& why);  // and no other request
  void flush();
  void linger();
  void resume_on(Channel::Outcome wanted, void (DoorClient::*then)());
  void patience(Duration duration);

  House& house_;
  const std::shared_ptr<AsioBasicAuth::Standing> standing_ =
      std::make_shared<AsioBasicAuth::Standing>();
  ConnectionPtr client_;
  Instant late_at_ = kNever;
  Instant idle_since_{};
  std::string in_;    // not taken yet
  std::string down_;  // not gone yet
  std::size_t requests_ = 0;

  // --- of the request that is being answered ---
  bool busy_ = false;
  bool head_only_ = false;
  bool keep_ = true;  // the connection, after this answer
  std::string method_;
  std::string path_;
  ScrapeAsked asked_;

  bool last_ = false;  // nothing comes after `down_`
  bool lingering_ = false;
  std::size_t lingered_ = 0;  // bytes that were thrown away
};

}  // namespace muster::agent
