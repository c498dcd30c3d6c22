// Where does a script of what peers do play against a production Node? The stage of the fuzzers
// peer and secured_peer: streams in a few slots, a disk that may be slow, time that passes when the
// script says so, and what must hold after every event.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "agent/node.h"
#include "base/error.h"
#include "base/protobuf_codec.h"

namespace muster::fuzz {

inline constexpr std::size_t kSlots = 8;  // streams of the script at once
// Of one event of the script, with what follows from it at once: more is no answer but a flood.
inline constexpr std::size_t kEffectsMax = 100'000;

inline std::string host_of(int node) { return "10.0.0." + std::to_string(node); }

// Of n1, which is the only master or one of three.
inline agent::NodeOptions options_of_master(int masters) {
  agent::NodeOptions options;
  options.cluster = "fuzz";
  options.info.name = "n1";
  options.info.rpc = {host_of(1), 7947};
  options.info.gossip = {host_of(1), 7946};
  options.info.capacity = {4000, std::uint64_t{4} << 30};
  options.info.master = true;
  for (int i = 1; i <= masters; ++i) {
    options.masters["n" + std::to_string(i)] = {host_of(i), 7947};
  }
  options.masters_digest = 7;
  options.master.rules.cluster = "fuzz";
  return options;
}

class PeerStage {
 public:
  PeerStage(const PeerStage&) = delete;
  PeerStage& operator=(const PeerStage&) = delete;

  void frame(std::size_t slot, std::string_view bytes) {
    auto decoded = decode_frame(bytes);
    if (!decoded) {
      CHECK(!decoded.error().text.empty());
      return;
    }
    say(slot, std::move(*decoded));
  }
  void open(std::size_t slot, const std::optional<PeerIdentity>& who = std::nullopt) {
    close(slot);
    slots_[slot] = last_ += 2;
    happen(agent::StreamAccepted{last_, who});
  }
  void close(std::size_t slot) {
    if (!slots_[slot]) return;
    const StreamId stream = *std::exchange(slots_[slot], std::nullopt);
    happen(agent::StreamClosed{stream, "the peer closed it"});
  }
  void pass(Duration time) {
    now_ += std::min(time, std::max(Duration::zero(), node_->deadline() - now_));
    happen(agent::Tick{});
  }

 protected:
  PeerStage(const agent::NodeOptions& options, WallTime wall)
      : node_(std::make_unique<agent::Node>(options, agent::Recovered{}, protobuf_codec(), wall,
                                            now_)) {}
  virtual ~PeerStage() = default;

  // For constructors. A lonely master coordinates, and what it can reach is reached; another looks
  // for the others so many times.
  void begin(WallTime wall, int looks) {
    carry_out();
    happen(agent::WallRead{wall});
    for (int i = 0; i < looks && !node_->view(now_)->registered; ++i) {
      pass(std::chrono::milliseconds(100));
    }
  }
  void say(std::size_t slot, rpc::Frame frame) {
    if (!slots_[slot]) open(slot);
    if (slots_[slot]) happen(agent::FrameArrived{*slots_[slot], std::move(frame)});
  }
  // One event, and what it leads to at once.
  void happen(agent::Event event) {
    due_.push_back(std::move(event));
    effects_ = 0;
    while (!due_.empty() && !halted_) {
      const agent::Event next = std::move(due_.front());
      due_.pop_front();
      step(next);
    }
    due_.clear();
  }
  virtual void step(const agent::Event& event) {
    const raft::Index before = node_->applied();
    node_->handle(event, now_);
    carry_out();
    CHECK(node_->master() == nullptr || node_->applied() >= before);
    CHECK(node_->view(now_) != nullptr);
  }
  virtual void act(agent::Effect& /*effect*/) {}  // besides what the stage does itself

  void hold_disk() { disk_held_ = true; }
  void release_disk() {
    disk_held_ = false;
    if (const auto ticket = std::exchange(held_, 0); ticket != 0) happen(agent::LogDurable{ticket});
  }

  Instant now_{std::chrono::hours(1)};
  std::unique_ptr<agent::Node> node_;
  std::array<std::optional<StreamId>, kSlots> slots_;
  StreamId last_ = 0;             // of the accepted ones
  std::deque<agent::Event> due_;  // what effects lead to
  bool halted_ = false;
  bool disk_held_ = false;

 private:
  void carry_out() {
    for (auto effects = node_->take_effects(); !effects.empty(); effects = node_->take_effects()) {
      std::uint64_t durable = 0;
      for (agent::Effect& effect : effects) {
        CHECK(++effects_ <= kEffectsMax);
        std::visit([&](auto& what) { note(what, durable); }, effect);
        act(effect);
      }
      if (durable == 0) continue;
      if (disk_held_) {
        held_ = durable;
      } else {
        node_->handle(agent::LogDurable{durable}, now_);
      }
    }
  }
  static void note(failover::SaveVote& effect, std::uint64_t& durable) { durable = effect.ticket; }
  static void note(failover::AppendLog& effect, std::uint64_t& durable) { durable = effect.ticket; }
  static void note(failover::PutSnapshot& effect, std::uint64_t& durable) {
    durable = effect.ticket;
  }
  static void note(agent::SendFrame& effect, std::uint64_t&) {
    const auto again = decode_frame(encode(effect.frame));
    CHECK(again.has_value() && *again == effect.frame);  // peers can read what is said to them
  }
  void note(agent::CloseStream& effect, std::uint64_t&) {
    for (auto& slot : slots_) {
      if (slot == effect.stream) slot.reset();
    }
  }
  static void note(agent::Notice& effect, std::uint64_t&) { CHECK(!effect.text.empty()); }
  void note(agent::Halt& effect, std::uint64_t&) {
    CHECK(!effect.why.empty());
    halted_ = true;
  }
  template <class Other>
  static void note(Other&, std::uint64_t&) {}

  std::size_t effects_ = 0;
  std::uint64_t held_ = 0;  // the newest ticket that the slow disk was given; 0: none
};

// A line of a script: what and on which stream, a number in two bytes, and so many bytes as that
// says, when line() answers that it took them.
template <class Stage>
void play(Stage& stage, std::string_view script) {
  while (script.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(script[i]); };
    const unsigned action = byte(0) / kSlots;
    const std::size_t slot = byte(0) % kSlots;
    const unsigned number = byte(1) * 256U + byte(2);
    script.remove_prefix(3);
    const std::string_view rest = script.substr(0, number);
    if (stage.line(action, slot, number, rest)) script.remove_prefix(rest.size());
  }
}

}  // namespace muster::fuzz
