// How does the load client speak as agents do? Frames on streams, without a whole agent behind.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>

#include "base/rpc.h"
#include "load_stream.h"

namespace muster::load {

// One stream. Lives until its connection ends and its last handler has returned.
class FrameStream : public std::enable_shared_from_this<FrameStream> {
 public:
  struct Handlers {
    std::function<void()> on_reached;  // its host is there: TLS begins; may be empty
    std::function<void()> on_opened;
    std::function<void(const std::string& why)> on_closed;  // not after close()
    std::function<void(rpc::Frame)> on_frame;
  };

  FrameStream(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls, Handlers handlers)
      : io_(io), stream_(io, std::move(tls)), handlers_(std::move(handlers)) {}

  void open(asio::ip::tcp::endpoint to);
  void send(const rpc::Frame& frame);
  void close();

 private:
  asio::awaitable<void> live(asio::ip::tcp::endpoint to);
  asio::awaitable<void> write_queue();
  void take_frames();

  asio::io_context& io_;
  Stream stream_;
  Handlers handlers_;
  std::string inbox_;
  std::string queue_;  // encoded frames that wait for the write under way
  bool open_ = false;
  bool writing_ = false;
  bool closed_ = false;
};

struct AgentOptions {
  std::string cluster;
  std::vector<std::string> masters;  // NAME=ADDRESS:PORT, the RPC addresses
  TlsFiles tls;
  std::string identities;  // directory with NAME.pem and NAME.key of each agent, for TLS
  std::size_t count = 1000;
  std::string gossip = "127.0.0.1";  // address on which all of them answer pings
  std::vector<std::string> seeds;    // ADDRESS:PORT of agents that are told about them
};

// So many agents find the coordinator and stay registered with it, as real ones do, until standard
// input ends. A line of JSON each time that all of them are registered: {"registered", "at"}, at in
// seconds of CLOCK_MONOTONIC. The exit status.
int run_agents(const AgentOptions& options);

struct NativeOptions {
  AgentOptions agent;  // of `count` streams, whose requests are shared out
  std::string target;  // ADDRESS:PORT of the coordinator's RPC
  std::string path;    // of a read; empty: writes
  std::string token;   // for a cluster with certificates; empty: none
  std::size_t in_flight = 64;
  double seconds = 5;
  std::size_t value_bytes = 100;
};

// Writes or reads through the agents' own protocol; prints the report as JSON. The exit status.
int run_native(const NativeOptions& options);

// The Hello of the agent named. Throws std::invalid_argument for masters that are none.
rpc::Hello hello_of(const AgentOptions& options, const std::string& name);
std::vector<std::pair<NodeName, Address>> masters_of(const AgentOptions& options);
// Null without TLS.
std::shared_ptr<asio::ssl::context> tls_of(const AgentOptions& options, const std::string& name);

}  // namespace muster::load
