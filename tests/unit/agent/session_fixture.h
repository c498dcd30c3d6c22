// How is a Session tested? Against masters that do only what the test says.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "agent/session.h"

namespace muster::agent {

using namespace std::chrono_literals;

// The test is every master: streams open, answer and break only when it says so.
struct SessionTest : testing::Test {
  template <class T>
  std::vector<T> only() {
    std::vector<T> found;
    for (const SessionEffect& effect : effects) {
      if (const auto* one = std::get_if<T>(&effect)) found.push_back(*one);
    }
    return found;
  }
  void take() { effects = session.take_effects(); }
  // Lets `time` pass, tick by tick, and collects everything.
  void wait(Duration time) {
    effects.clear();
    const Instant end = now + time;
    while (session.deadline() <= end) {
      now = std::max(now, session.deadline());
      session.tick(now);
      for (SessionEffect& effect : session.take_effects()) effects.push_back(std::move(effect));
      ASSERT_GT(session.deadline(), now) << "a busy loop";
    }
    now = end;
  }
  // The one stream that was asked for; sets `stream`.
  Address opened() {
    const auto opens = only<OpenStream>();
    EXPECT_EQ(opens.size(), 1U);
    if (opens.size() != 1) return {};
    stream = opens[0].stream;
    return opens[0].to;
  }
  void connect() {
    wait(0s);
    opened();
    session.on_opened(stream, now);
    take();
  }
  void reply(rpc::HelloReply answer) {
    session.on_frame(stream, answer, now);
    take();
  }
  static rpc::HelloReply here() {
    rpc::HelloReply answer;
    answer.here = true;
    return answer;
  }
  static rpc::HelloReply elsewhere(const NodeName& name, Address told = {"6.6.6.6", 6}) {
    rpc::HelloReply answer;
    answer.coordinator = name;
    answer.coordinator_rpc = std::move(told);
    return answer;
  }
  void register_now() {
    connect();
    reply(here());
    ASSERT_TRUE(session.registered());
  }
  NodeName peer() {  // by the address that was asked for
    for (const auto& [name, address] : masters) {
      if (address == opened()) return name;
    }
    return {};
  }
  std::vector<rpc::Heartbeat> beats() {
    std::vector<rpc::Heartbeat> found;
    for (const SendFrame& sent : only<SendFrame>()) {
      if (const auto* beat = std::get_if<rpc::Heartbeat>(&sent.frame)) found.push_back(*beat);
    }
    return found;
  }
  void ack(const rpc::Heartbeat& beat, std::uint64_t epoch = 1, std::uint32_t lease_ms = 2000) {
    session.on_frame(stream, rpc::HeartbeatAck{beat.sequence, beat.sent_at_ns, epoch, lease_ms},
                     now);
  }

  const std::vector<std::pair<NodeName, Address>> masters{
      {"n1", {"10.0.0.1", 7947}}, {"n2", {"10.0.0.2", 7947}}, {"n3", {"10.0.0.3", 7947}}};
  Instant now{100s};
  Rng rng{1};
  StreamIds ids;
  SessionOptions options;
  Session session{options, masters, rpc::Hello{}, ids, rng, now};
  std::vector<SessionEffect> effects;
  StreamId stream = 0;
};

}  // namespace muster::agent
