// One engine alone, told what others would say, truly or not.
//
// Master 1 of three; the test is the other masters, the disk and the clock.
#pragma once

#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "failover/raft_check.h"
#include "failover/raft_engine.h"
#include "failover/snapshot_transfer.h"

namespace muster::failover::test {

using std::chrono::milliseconds;

inline constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

inline raft::Blob blob(const std::string& text) {
  return std::make_shared<const std::string>(text);
}

inline std::vector<raft::Server> servers(MasterId count) {
  std::vector<raft::Server> out;
  for (MasterId id = 1; id <= count; ++id) out.push_back({id, "m" + std::to_string(id), true});
  return out;
}

inline raft::Entry command(raft::Term term, const std::string& text = "x") {
  return {term, raft::EntryType::Command, blob(text)};
}
inline raft::Entry change(raft::Term term, MasterId count) {
  return {term, raft::EntryType::Change, blob(encode_configuration(servers(count)))};
}

inline RaftOptions options(std::uint64_t threshold = 4096, std::uint64_t trailing = 1024) {
  RaftOptions out;
  out.snapshot_threshold = threshold;
  out.snapshot_trailing = trailing;
  return out;
}

// Master 1 of three, with a disk that is at once as durable as `sync` is called.
class Lone {
 public:
  explicit Lone(const RaftOptions& how = options(), raft::Stored stored = {}, bool bootstrap = true)
      : engine(how, 1, "m1", servers(3), std::move(stored), 7, now) {
    engine.start(now, bootstrap);
    sync();
  }
  Instant now{std::chrono::seconds(10)};
  RaftEngine engine;
  std::vector<RaftEffect> effects;  // all so far
  std::uint64_t ticket = 0;

  void take() {
    for (RaftEffect& effect : engine.take_effects()) {
      if (const auto* vote = std::get_if<SaveVote>(&effect)) ticket = vote->ticket;
      if (const auto* log = std::get_if<AppendLog>(&effect)) ticket = log->ticket;
      if (const auto* put = std::get_if<PutSnapshot>(&effect)) ticket = put->ticket;
      effects.push_back(std::move(effect));
    }
  }
  void sync() {
    take();
    engine.on_durable(ticket, now);
    take();
  }
  // What the message alone brings about.
  std::vector<RaftEffect> tell(MasterId from, const raft::Message& message) {
    take();
    const std::size_t before = effects.size();
    engine.on_message(from, "m" + std::to_string(from), message, now);
    take();
    return {effects.begin() + static_cast<std::ptrdiff_t>(before), effects.end()};
  }
  template <class Effect>
  [[nodiscard]] std::vector<Effect> all() const {
    std::vector<Effect> out;
    for (const RaftEffect& effect : effects) {
      if (const auto* found = std::get_if<Effect>(&effect)) out.push_back(*found);
    }
    return out;
  }
  template <class Message>
  [[nodiscard]] Message last_sent(MasterId to) const {
    for (auto effect = effects.rbegin(); effect != effects.rend(); ++effect) {
      const auto* send = std::get_if<SendRaft>(&*effect);
      if (send == nullptr || send->to != to) continue;
      if (const auto* found = std::get_if<Message>(&send->message)) return *found;
    }
    ADD_FAILURE() << "no such message was sent";
    return {};
  }
  void pass(Duration time) {
    const Instant end = now + time;
    while (engine.deadline() <= end) {
      now = engine.deadline();
      engine.tick(now);
      sync();
    }
    now = end;
  }
  // Stands for election until it has won, with the vote of master 2.
  void lead() {
    while (engine.role() == raft::Role::Follower) pass(milliseconds(50));
    tell(2, raft::RequestVoteResult{engine.term() + 1, true, true, 1, 0xffff});
    sync();
    tell(2, raft::RequestVoteResult{engine.term(), true, false, 1, 0xffff});
    ASSERT_EQ(engine.role(), raft::Role::Leader);
    sync();
    sync();
  }
  void confirm(MasterId from, raft::Index index) {
    tell(from, raft::AppendEntriesResult{engine.term(), 0, index, 1, 0xffff});
    sync();
  }
};

// A snapshot that fits into one chunk.
inline raft::SnapshotChunk install(raft::Term term, raft::Index index) {
  return {term, {index, term, 1, servers(3)}, 5, 0, blob("state"), fnv1a64("state")};
}

}  // namespace muster::failover::test
