// What do a thousand agents cost a coordinator, and how fast do they find the next one? See
// run_agents() in load_frames.h: each is the product's own Session over a stream.
#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "agent/session.h"
#include "load_frames.h"
#include "load_gossip.h"
#include "load_report.h"

namespace muster::load {
namespace {

Instant now() { return Instant(Clock::now().time_since_epoch()); }

class Agents;

class Agent {
 public:
  Agent(Agents& all, const AgentOptions& options, std::string name);
  void settle();
  void on_leader_heard(const NodeName& leader, std::uint64_t term);

 private:
  void carry_out(agent::SessionEffect effect);
  void open(const agent::OpenStream& order);
  void on_frame(StreamId stream, const rpc::Frame& frame);
  void sleep();
  void be_registered(bool registered);

  Agents& all_;
  std::string name_;
  std::string gossip_;
  std::shared_ptr<asio::ssl::context> tls_;
  agent::Session session_;
  std::map<StreamId, std::shared_ptr<FrameStream>> streams_;
  asio::steady_timer timer_;
  Instant sleeps_until_ = kNever;
  bool registered_ = false;  // the coordinator has answered the Register with assignments
};

class Agents {
 public:
  explicit Agents(const AgentOptions& options) : input_(io, ::dup(STDIN_FILENO)) {
    std::vector<NodeName> names;
    for (std::size_t i = 0; i < options.count; ++i) {
      names.push_back("bench-" + std::to_string(i));
      agents_.push_back(std::make_unique<Agent>(*this, options, names.back()));
    }
    for (std::size_t i = 0; i < names.size(); ++i) by_name_[names[i]] = agents_[i].get();
    members_.emplace(options.cluster, Address{options.gossip, 7946}, names,
                     [this](const NodeName& to, const NodeName& leader, std::uint64_t term) {
                       asio::post(io, [this, to, leader, term] {
                         const auto agent = by_name_.find(to);
                         if (agent != by_name_.end()) agent->second->on_leader_heard(leader, term);
                       });
                     });
    std::vector<Address> seeds;
    for (const std::string& seed : options.seeds) seeds.push_back(*parse_address(seed));
    members_->start(seeds);
  }
  void run() {
    for (const auto& agent : agents_) agent->settle();
    input_.async_read_some(asio::buffer(ignored_),
                           [this](const asio::error_code&, std::size_t) { io.stop(); });
    io.run();
  }
  void count(int change) {
    registered_ += change;
    if (change < 0 || registered_ != static_cast<int>(agents_.size())) return;
    const nlohmann::json line = {{"registered", registered_},
                                 {"at", seconds(Clock::now().time_since_epoch())}};
    std::printf("%s\n", line.dump().c_str());
    std::fflush(stdout);
  }
  void refused(const std::string& name, const std::string& why) {
    std::fprintf(stderr, "muster-load: %s is refused: %s\n", name.c_str(), why.c_str());
    io.stop();
  }

  asio::io_context io;
  agent::StreamIds ids;
  Rng rng{static_cast<std::uint64_t>(::getpid())};

 private:
  std::vector<std::unique_ptr<Agent>> agents_;
  std::map<NodeName, Agent*> by_name_;
  std::optional<Members> members_;
  asio::posix::stream_descriptor input_;
  std::array<char, 1> ignored_{};
  int registered_ = 0;
};

Agent::Agent(Agents& all, const AgentOptions& options, std::string name)
    : all_(all),
      name_(std::move(name)),
      gossip_(options.gossip),
      tls_(tls_of(options, name_)),
      session_({}, masters_of(options), hello_of(options, name_), all.ids, all.rng, now()),
      timer_(all.io) {}

void Agent::settle() {
  if (now() >= session_.deadline()) session_.tick(now());
  for (auto effects = session_.take_effects(); !effects.empty();
       effects = session_.take_effects()) {
    for (agent::SessionEffect& effect : effects) carry_out(std::move(effect));
  }
  if (session_.deadline() != sleeps_until_) sleep();
}

void Agent::sleep() {
  sleeps_until_ = session_.deadline();
  timer_.expires_at(Clock::time_point(sleeps_until_.time_since_epoch()));
  timer_.async_wait([this](const asio::error_code& error) {
    if (error) return;
    sleeps_until_ = kNever;
    settle();
  });
}

void Agent::carry_out(agent::SessionEffect effect) {
  if (const auto* order = std::get_if<agent::OpenStream>(&effect)) return open(*order);
  if (const auto* order = std::get_if<agent::SendFrame>(&effect)) {
    const auto found = streams_.find(order->stream);
    if (found != streams_.end()) found->second->send(order->frame);
  } else if (const auto* close = std::get_if<agent::CloseStream>(&effect)) {
    const auto found = streams_.find(close->stream);
    if (found == streams_.end()) return;
    found->second->close();
    streams_.erase(found);
  } else if (std::holds_alternative<agent::SessionUp>(effect)) {
    rpc::Register hello;
    hello.info.name = name_;
    hello.info.boot = "bench";
    hello.info.version = MUSTER_VERSION;
    hello.info.gossip = {gossip_, 7946};
    session_.send(std::move(hello));
  } else if (std::holds_alternative<agent::SessionDown>(effect)) {
    be_registered(false);
  } else if (const auto* refused = std::get_if<agent::SessionRefused>(&effect)) {
    all_.refused(name_, refused->why);
  }
}

void Agent::open(const agent::OpenStream& order) {
  const StreamId stream = order.stream;
  FrameStream::Handlers handlers;
  handlers.on_reached = [this, stream] {
    session_.on_reached(stream, now());
    settle();
  };
  handlers.on_opened = [this, stream] {
    session_.on_opened(stream, now());
    settle();
  };
  handlers.on_closed = [this, stream](const std::string& why) {
    streams_.erase(stream);
    session_.on_closed(stream, why, now());
    settle();
  };
  handlers.on_frame = [this, stream](const rpc::Frame& frame) { on_frame(stream, frame); };
  auto opened = std::make_shared<FrameStream>(all_.io, tls_, std::move(handlers));
  streams_[stream] = opened;
  opened->open(endpoint_of(order.to.text()));
}

void Agent::on_frame(StreamId stream, const rpc::Frame& frame) {
  const bool assigned = std::holds_alternative<rpc::Assignments>(frame);
  if (assigned && session_.owns(stream)) be_registered(true);
  session_.on_frame(stream, frame, now());
  settle();
}

void Agent::on_leader_heard(const NodeName& leader, std::uint64_t term) {
  session_.on_leader_heard(leader, term, now());
  settle();
}

void Agent::be_registered(bool registered) {
  if (registered == registered_) return;
  registered_ = registered;
  all_.count(registered ? 1 : -1);
}

}  // namespace

int run_agents(const AgentOptions& options) {
  Agents agents(options);
  agents.run();
  std::fflush(stdout);
  std::quick_exit(0);  // open streams hold what they call back
}

}  // namespace muster::load
