// What does muster measure of itself at the moment of a scrape?
//
// A driver by its neighbour collector/prometheus_exposition. Any thread, one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "agent/view.h"
#include "base/gossip.h"
#include "collector/prometheus_exposition.h"

namespace muster::agent {

// Gossip packets in one direction by their kind, each series looked up once.
class PacketCounters {
 public:
  PacketCounters(collector::Instruments& in, const std::string& direction);
  void count(const gossip::Packet& packet) const {
    by_kind_[static_cast<std::size_t>(packet.kind)].add();
  }

 private:
  static constexpr std::size_t kKinds = static_cast<std::size_t>(gossip::PacketKind::NameReply) + 1;
  std::array<collector::Instruments::Counter, kKinds> by_kind_;
};

class Measures {
 public:
  explicit Measures(collector::Instruments& to) : to_(to) {}

  // Sets every gauge that can be read off a view, and counts on what a view counts up. Pre: no view
  // is older than the one before.
  void measure(const View& view, std::size_t rpc_streams);
  // Counts on what has passed over streams since the agent's start, as bytes on the wire.
  void measure_traffic(std::uint64_t received, std::uint64_t sent);

 private:
  void count(const View& view);
  void forget_mastery();

  collector::Instruments& to_;
  health::SwimCounters counted_;  // so far
  std::uint64_t flaps_counted_ = 0;
  bool counted_once_ = false;  // every series is there
  std::array<std::uint64_t, kCommandKinds> commands_counted_{};
  std::uint64_t received_counted_ = 0;
  std::uint64_t sent_counted_ = 0;
  bool mastered_ = false;  // what masters know has been set
};

}  // namespace muster::agent
