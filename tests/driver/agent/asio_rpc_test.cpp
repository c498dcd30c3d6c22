#include "agent/asio_rpc.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/frame_head.h"
#include "agent/openssl_channel.h"
#include "base/protobuf_codec.h"
#include "tests/driver/identity/openssl_tls_fixture.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using identity::kNoon;
using identity::node;
using identity::OpensslTls;
using identity::Town;

std::shared_ptr<const OpensslTls> secured(const identity::Credentials& from, WallTime now = kNoon) {
  return identity::tls(from, now);
}

// One agent's end of all its streams.
struct Side {
  Side(asio::io_context& io, std::shared_ptr<const OpensslTls> with) {
    AsioRpc::Handlers handlers;
    handlers.on_reached = [this](StreamId id) { reached.push_back(id); };
    handlers.on_opened = [this](StreamId id, const AsioRpc::Peer& peer) { note(id, peer); };
    handlers.on_accepted = [this](StreamId id, const AsioRpc::Peer& peer) { note(id, peer); };
    handlers.on_closed = [this](StreamId, const std::string& why) { ends.push_back(why); };
    handlers.on_frame = [this](StreamId id, rpc::Frame frame) {
      frames.push_back(std::move(frame));
      if (answer) answer(id);
    };
    handlers.on_dropped = [this](const AsioRpc::Dropped& what) { dropped.push_back(what); };
    rpc = AsioRpc::open(io, {"127.0.0.1", 0}, std::move(with), std::move(handlers)).value();
  }
  void note(StreamId id, const AsioRpc::Peer& peer) {
    streams.push_back(id);
    peers.push_back(peer);
  }
  void say(StreamId id, const rpc::Frame& frame) const {
    rpc->send(id, frame);
    rpc->flush();
  }
  [[nodiscard]] bool was_dropped_as(const std::string& reason) const {
    return std::any_of(dropped.begin(), dropped.end(),
                       [&](const AsioRpc::Dropped& what) { return what.reason == reason; });
  }
  std::unique_ptr<AsioRpc> rpc;
  std::vector<StreamId> reached;
  std::vector<StreamId> streams;
  std::vector<AsioRpc::Peer> peers;
  std::vector<std::string> ends;
  std::vector<rpc::Frame> frames;
  std::vector<AsioRpc::Dropped> dropped;
  std::function<void(StreamId)> answer;
};

bool run_until(asio::io_context& io, const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    io.restart();
    io.run_one_for(100ms);
  }
  return true;
}

rpc::Hello hello() {
  rpc::Hello hello;
  hello.cluster = "prod";
  hello.from = "a1";
  return hello;
}

rpc::Frame text_of(std::size_t size) {
  std::string body;
  for (std::size_t i = 0; i < size; ++i) body.push_back(static_cast<char>('a' + i % 23));
  return rpc::ReadReply{size, 200, std::move(body)};
}

TEST(AsioRpcTls, BothEndsKnowEachOtherAndFramesOfAnySizeArriveInOrder) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agent(io, secured(town.issue(node("a1"))));
  agent.rpc->connect(1, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() + master.streams.size() == 2; }));
  ASSERT_TRUE(agent.peers[0] && master.peers[0]);
  EXPECT_EQ(agent.peers[0]->name, "m1");
  EXPECT_TRUE(agent.peers[0]->master);
  EXPECT_EQ(master.peers[0]->name, "a1");
  EXPECT_FALSE(master.peers[0]->master);

  agent.say(1, hello());
  std::vector<rpc::Frame> sent{hello()};
  for (const std::size_t size : {10U, 6U << 20, 20U, 16384U, 65536U, 1U}) {
    sent.push_back(text_of(size));
    agent.rpc->send(1, sent.back());
  }
  agent.rpc->close(1);  // what is queued still leaves
  ASSERT_TRUE(run_until(io, [&] { return master.ends.size() == 1; }));
  EXPECT_TRUE(master.frames == sent);
  EXPECT_TRUE(master.dropped.empty() && agent.dropped.empty() && agent.ends.empty());
  EXPECT_EQ(master.rpc->streams(), 0U);
}

TEST(AsioRpcTls, WhatIsSentTogetherLeavesAsOneRecord) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agent(io, secured(town.issue(node("a1"))));
  agent.rpc->connect(1, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() + master.streams.size() == 2; }));
  agent.say(1, hello());
  ASSERT_TRUE(run_until(io, [&] { return master.frames.size() == 1; }));
  const std::uint64_t before = agent.rpc->traffic().bytes_sent;
  agent.say(1, rpc::Heartbeat{1, 2});
  const std::uint64_t one = agent.rpc->traffic().bytes_sent - before;
  for (int i = 0; i < 10; ++i) agent.rpc->send(1, rpc::Heartbeat{1, 2});
  agent.rpc->flush();
  const std::uint64_t ten = agent.rpc->traffic().bytes_sent - before - one;
  constexpr std::uint64_t kRecordOverhead = 5 + 1 + 16;
  EXPECT_EQ(ten, 10 * (one - kRecordOverhead) + kRecordOverhead);
  ASSERT_TRUE(run_until(io, [&] { return master.frames.size() == 12; }));
  EXPECT_EQ(master.rpc->traffic().bytes_received, agent.rpc->traffic().bytes_sent);
}

TEST(AsioRpcTls, AStreamIsWrittenAndReadAtOnceInBothDirections) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agent(io, secured(town.issue(node("a1"))));
  master.answer = [&](StreamId id) { master.say(id, text_of(300'000)); };
  agent.rpc->connect(1, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() == 1; }));
  agent.say(1, hello());
  for (int i = 0; i < 40; ++i) agent.say(1, text_of(300'000));
  ASSERT_TRUE(run_until(io, [&] { return !agent.ends.empty() || agent.frames.size() == 41; }));
  EXPECT_TRUE(agent.frames.empty());  // the first frame is to be a small one, of both
  EXPECT_TRUE(agent.was_dropped_as("oversized"));

  Side other(io, secured(town.issue(node("a2"))));
  bool first = true;
  master.answer = [&](StreamId id) {
    master.say(id, std::exchange(first, false) ? rpc::Frame(rpc::HelloReply{}) : text_of(300'000));
  };
  other.rpc->connect(3, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return other.streams.size() == 1; }));
  other.say(3, hello());
  for (int i = 0; i < 40; ++i) other.say(3, text_of(300'000));
  ASSERT_TRUE(run_until(io, [&] { return other.frames.size() == 41; }));
  EXPECT_TRUE(other.dropped.empty());
}

// Who is refused is never told of as a stream, is counted by reason and is told why.
struct Refusal {
  std::string here, there;  // reasons, on the master and on the agent
};
void is_refused(const std::shared_ptr<const OpensslTls>& master_tls,
                const std::shared_ptr<const OpensslTls>& agent_tls, const Refusal& expected) {
  asio::io_context io;
  Side master(io, master_tls);
  Side agent(io, agent_tls);
  agent.rpc->connect(1, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() + agent.ends.size() > 0; }));
  agent.say(1, hello());
  ASSERT_TRUE(run_until(io, [&] { return !agent.ends.empty() && !master.dropped.empty(); }));
  EXPECT_TRUE(master.streams.empty() || master_tls == nullptr);
  EXPECT_TRUE(master.frames.empty());
  EXPECT_TRUE(master.was_dropped_as(expected.here)) << master.dropped[0].reason;
  EXPECT_EQ(master.dropped[0].from.host, "127.0.0.1");
  EXPECT_FALSE(master.dropped[0].meaning.empty());
  if (!expected.there.empty()) {
    EXPECT_TRUE(agent.was_dropped_as(expected.there)) << agent.ends[0];
  }
  EXPECT_EQ(master.rpc->streams(), 0U);
  EXPECT_EQ(agent.rpc->streams(), 0U);
}

TEST(AsioRpcTls, APeerThatMayNotSpeakIsRefusedAndCountedByReason) {
  const Town town, others;
  const auto master = secured(town.issue(node("m1", NodeRole::Master)));
  const auto agent = secured(town.issue(node("a1")));
  is_refused(master, nullptr, {"tls_not_tls", ""});
  is_refused(nullptr, agent, {"tls_unexpected", ""});
  is_refused(master, secured(others.issue(node("a1"))),
             {"tls_refused_by_peer", "tls_wrong_authority"});
  identity::Credentials trusting = others.issue(node("a1"));
  trusting.bundle += town.authority.certificate;
  is_refused(master, secured(trusting), {"tls_wrong_authority", "tls_refused_by_peer"});
  const identity::Credentials old = town.issue(node("a1"), kNoon, 24h);
  is_refused(secured(town.issue(node("m1", NodeRole::Master)), kNoon + 48h), secured(old),
             {"tls_expired", "tls_refused_by_peer"});
  const auto strict = identity::tls(town.issue(node("m1", NodeRole::Master)));
  strict->revoke(std::set<std::string>{agent->own().serial});
  is_refused(std::shared_ptr<const OpensslTls>(strict.get(), [](const OpensslTls*) {}), agent,
             {"tls_revoked", "tls_refused_by_peer"});
}

TEST(AsioRpcTls, WhoSaysNothingIsSentAwayAndKeepsNobodyElseOut) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agent(io, secured(town.issue(node("a1"))));
  const Address at = master.rpc->address();
  asio::ip::tcp::socket silent(io), slow(io);
  silent.connect({asio::ip::make_address(at.host), at.port});
  slow.connect({asio::ip::make_address(at.host), at.port});
  asio::write(slow, asio::buffer("\x16\x03\x01", 3));
  agent.rpc->connect(1, at);
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() == 1; }));
  EXPECT_TRUE(master.dropped.empty());
  ASSERT_TRUE(run_until(io, [&] { return master.dropped.size() == 2; }));
  EXPECT_EQ(master.dropped[0].reason, "tls_timeout");
  EXPECT_EQ(master.dropped[1].reason, "tls_timeout");
  EXPECT_EQ(master.rpc->streams(), 1U);
}

TEST(AsioRpcTls, AHostThatTakesConnectionsIsTellingBeforeItSaysAnything) {
  const Town town;
  asio::io_context io;
  asio::ip::tcp::acceptor mute(io, {asio::ip::make_address("127.0.0.1"), 0});
  Side agent(io, secured(town.issue(node("a1"))));
  agent.rpc->connect(1, {"127.0.0.1", mute.local_endpoint().port()});
  ASSERT_TRUE(run_until(io, [&] { return !agent.reached.empty(); }));
  EXPECT_EQ(agent.reached, std::vector<StreamId>{1});
  EXPECT_TRUE(agent.streams.empty());
}

TEST(OpensslChannel, NothingIsComputedForAClientThatHasGoneSinceItsHello) {
  const Town town;
  const auto server_tls = secured(town.issue(node("m1", NodeRole::Master)));
  const auto client_tls = secured(town.issue(node("a1")));
  for (const bool stays : {true, false}) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    Channel server(ends[0], server_tls->begin(identity::TlsEnd::NodeServer));
    Channel client(ends[1], client_tls->begin(identity::TlsEnd::NodeClient));
    EXPECT_EQ(client.shake().outcome, Channel::Outcome::WantsRead);
    if (!stays) {
      ASSERT_EQ(::shutdown(ends[1], SHUT_RDWR), 0);
    }
    EXPECT_EQ(server.shake().outcome,
              stays ? Channel::Outcome::WantsRead : Channel::Outcome::Ended);
    EXPECT_EQ(server.bytes_sent() > 0, stays);
    EXPECT_EQ(server.why(), stays ? "" : "the peer closed the connection");
    for (const int end : ends) ::close(end);
  }
}

TEST(AsioRpc, PartsOfFramesHaveSoMuchMemoryInAllAndNoMore) {
  asio::io_context io;
  Side master(io, nullptr);
  const std::string half(60U << 20, 'x');
  constexpr std::size_t kBearable = AsioRpc::kWaitingBytesMax / (60U << 20);
  std::vector<asio::ip::tcp::socket> peers;
  peers.reserve(kBearable + 1);  // a socket that writes must not move
  for (std::size_t i = 0; i <= kBearable; ++i) {
    peers.emplace_back(io);
    const Address at = master.rpc->address();
    peers.back().connect({asio::ip::make_address(at.host), at.port});
    asio::write(peers.back(), asio::buffer(with_length(encode(rpc::Frame(hello())))));
    asio::async_write(
        peers.back(),
        std::vector<asio::const_buffer>{asio::buffer("\x04\x00\x00", 4), asio::buffer(half)},
        [](const asio::error_code&, std::size_t) {});
  }
  ASSERT_TRUE(run_until(io, [&] { return master.dropped.size() == 1; }));
  EXPECT_EQ(master.dropped[0].reason, "crowded");
  EXPECT_EQ(master.rpc->streams(), kBearable);
  // What was given back can be used again.
  peers.clear();
  ASSERT_TRUE(run_until(io, [&] { return master.rpc->streams() == 0; }));
  Side agent(io, nullptr);
  agent.rpc->connect(1, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() == 1; }));
  agent.say(1, hello());
  agent.say(1, text_of(50U << 20));
  ASSERT_TRUE(run_until(io, [&] {
    return !master.frames.empty() && std::holds_alternative<rpc::ReadReply>(master.frames.back());
  }));
}

TEST(AsioRpcTls, AStreamCanBeClosedInEveryStateOfItsHandshake) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agent(io, secured(town.issue(node("a1"))));
  StreamId id = 1;
  for (int rounds = 0; rounds < 40; ++rounds, id += 2) {
    agent.rpc->connect(id, master.rpc->address());
    for (int i = 0; i < rounds; ++i) io.run_one_for(2ms);
    agent.rpc->close(id);
  }
  ASSERT_TRUE(run_until(io, [&] { return master.rpc->streams() == 0; }));
  agent.rpc->connect(id, master.rpc->address());
  const std::size_t before = agent.streams.size();
  ASSERT_TRUE(run_until(io, [&] { return agent.streams.size() == before + 1; }));
  agent.rpc.reset();  // handshakes may be under way: nothing of them comes any more
  agent.streams.clear();
  for (int i = 0; i < 20; ++i) io.run_one_for(1ms);
  EXPECT_TRUE(agent.streams.empty());
}

TEST(AsioRpcTls, AStormOfPeersIsLetInWhole) {
  const Town town;
  asio::io_context io;
  Side master(io, secured(town.issue(node("m1", NodeRole::Master))));
  Side agents(io, secured(town.issue(node("a1"))));
  for (StreamId id = 1; id < 400; id += 2) agents.rpc->connect(id, master.rpc->address());
  ASSERT_TRUE(run_until(io, [&] { return master.streams.size() == 200; }));
  EXPECT_TRUE(master.dropped.empty());
}

}  // namespace
}  // namespace muster::agent
