// Can a peer harm a master, whatever it sends on its streams? libFuzzer's entry point: the bytes
// are a script of what several peers do, each line an action and what goes with it; frames go
// through the production decoder into a production Node. It plays once against a lonely master,
// which coordinates, and once against one of three.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "agent/node.h"
#include "base/error.h"
#include "base/protobuf_codec.h"

namespace {

using namespace muster;
using namespace std::chrono_literals;

constexpr std::size_t kSlots = 8;             // streams at once
constexpr std::size_t kEffectsMax = 100'000;  // for one event: more is no answer but a flood

class Stage {
 public:
  explicit Stage(int masters) {
    agent::NodeOptions options;
    options.cluster = "fuzz";
    options.info.name = "n1";
    options.info.rpc = {"10.0.0.1", 7947};
    options.info.gossip = {"10.0.0.1", 7946};
    options.info.capacity = {4000, std::uint64_t{4} << 30};
    options.info.master = true;
    for (int i = 1; i <= masters; ++i) {
      options.masters["n" + std::to_string(i)] = {"10.0.0." + std::to_string(i), 7947};
    }
    options.masters_digest = 7;
    options.master.rules.cluster = "fuzz";
    node_ = std::make_unique<agent::Node>(options, agent::Recovered{}, protobuf_codec(), WallTime{},
                                          now_);
    carry_out();
    happen(agent::WallRead{WallTime{}});
    for (int i = 0; i < 40; ++i) pass(100ms);
    CHECK(masters > 1 || node_->view(now_)->master->coordinating);
  }

  void frame(std::size_t slot, std::string_view bytes) {
    auto decoded = decode_frame(bytes);
    if (!decoded) {
      CHECK(!decoded.error().text.empty());
      return;
    }
    if (!slots_[slot]) open(slot);
    happen(agent::FrameArrived{*slots_[slot], std::move(*decoded)});
  }
  void open(std::size_t slot) {
    close(slot);
    slots_[slot] = last_ += 2;
    happen(agent::StreamAccepted{last_, {}});
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

 private:
  void happen(const agent::Event& event) {
    if (halted_) return;
    const raft::Index before = node_->applied();
    node_->handle(event, now_);
    carry_out();
    CHECK(node_->applied() >= before);
    CHECK(node_->view(now_) != nullptr);
  }

  void carry_out() {
    std::size_t count = 0;
    for (auto effects = node_->take_effects(); !effects.empty(); effects = node_->take_effects()) {
      std::uint64_t durable = 0;
      for (agent::Effect& effect : effects) {
        CHECK(++count <= kEffectsMax);
        std::visit([&](auto& what) { act(what, durable); }, effect);
      }
      if (durable != 0) node_->handle(agent::LogDurable{durable}, now_);
    }
  }

  void act(failover::SaveVote& effect, std::uint64_t& durable) { durable = effect.ticket; }
  void act(failover::AppendLog& effect, std::uint64_t& durable) { durable = effect.ticket; }
  void act(failover::PutSnapshot& effect, std::uint64_t& durable) { durable = effect.ticket; }
  void act(agent::SendFrame& effect, std::uint64_t&) {
    const auto again = decode_frame(encode(effect.frame));
    CHECK(again.has_value() && *again == effect.frame);  // peers can read what is said to them
  }
  void act(agent::CloseStream& effect, std::uint64_t&) {
    for (auto& slot : slots_) {
      if (slot == effect.stream) slot.reset();
    }
  }
  void act(agent::Notice& effect, std::uint64_t&) { CHECK(!effect.text.empty()); }
  void act(agent::Halt& effect, std::uint64_t&) {
    CHECK(!effect.why.empty());
    halted_ = true;
  }
  template <class Other>
  void act(Other&, std::uint64_t&) {}

  Instant now_{1h};
  std::unique_ptr<agent::Node> node_;
  std::array<std::optional<StreamId>, kSlots> slots_;
  StreamId last_ = 0;
  bool halted_ = false;
};

void play(Stage& stage, std::string_view script) {
  // A line: what and on which stream, the length of what follows in two bytes, and that.
  while (script.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(script[i]); };
    const std::size_t slot = byte(0) % kSlots;
    const std::size_t length = std::size_t{byte(1)} * 256 + byte(2);
    const unsigned action = byte(0) / kSlots;
    script.remove_prefix(3);
    const std::string_view rest = script.substr(0, length);
    if (action == 1) {
      stage.open(slot);
    } else if (action == 2) {
      stage.close(slot);
    } else if (action == 3) {
      stage.pass(std::chrono::milliseconds(length % 4096));
      continue;
    } else {
      stage.frame(slot, rest);
    }
    script.remove_prefix(rest.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  for (const int masters : {1, 3}) {
    Stage stage(masters);
    play(stage, script);
  }
  return 0;
}
