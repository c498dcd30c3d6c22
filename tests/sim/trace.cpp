#include "trace.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <variant>

namespace muster::sim {
namespace {

const char* kind_of(gossip::PacketKind kind) {
  switch (kind) {
    case gossip::PacketKind::Ping: return "ping";
    case gossip::PacketKind::IndirectPing: return "indirect ping";
    case gossip::PacketKind::Ack: return "ack";
    case gossip::PacketKind::Nack: return "nack";
    case gossip::PacketKind::Gossip: return "gossip";
    case gossip::PacketKind::NameQuery: return "name query";
    case gossip::PacketKind::NameReply: return "name reply";
  }
  return "packet";
}

const char* kind_of(const rpc::Frame& frame) {
  static constexpr const char* kNames[] = {
      "Hello",        "HelloReply",  "Register",      "Heartbeat",  "HeartbeatAck",
      "StatusReport", "Assignments", "Write",         "WriteReply", "Read",
      "ReadReply",    "Consensus",   "ChangeMasters", "Facts",      "FactsInstalled"};
  return frame.index() < std::size(kNames) ? kNames[frame.index()] : "a frame";
}

std::string text_of(const std::vector<gossip::Claim>& claims) {
  std::string text;
  for (const gossip::Claim& claim : claims) {
    text += ", ";
    text += claim.name + " " + std::string(gossip::to_text(claim.state)) + " " +
            std::to_string(claim.incarnation);
    if (!claim.accuser.empty()) text += " by " + claim.accuser;
  }
  return text;
}

struct Describe {
  std::string operator()(const agent::PacketArrived& event) const {
    const gossip::Packet& packet = event.packet;
    std::string text = kind_of(packet.kind);
    text += " " + std::to_string(packet.sequence) + " from " + packet.from;
    if (!packet.target.empty()) text += " for " + packet.target;
    return text + text_of(packet.claims);
  }
  std::string operator()(const agent::SyncArrived& event) const {
    return "sync asked for by " + event.sync.from + text_of(event.sync.members);
  }
  std::string operator()(const agent::SyncEnded& event) const {
    if (!event.sync) return "sync failed";
    return "sync with " + event.sync->from + text_of(event.sync->members);
  }
  std::string operator()(const agent::StreamOpened& event) const {
    return "stream " + std::to_string(event.stream) + " opened";
  }
  std::string operator()(const agent::StreamAccepted& event) const {
    return "stream " + std::to_string(event.stream) + " accepted";
  }
  std::string operator()(const agent::StreamClosed& event) const {
    return "stream " + std::to_string(event.stream) + " closed: " + event.why;
  }
  std::string operator()(const agent::FrameArrived& event) const {
    std::string text = "stream " + std::to_string(event.stream) + ": ";
    return text + kind_of(event.frame);
  }
  std::string operator()(const agent::LogDurable& event) const {
    return "log durable up to ticket " + std::to_string(event.ticket);
  }
  std::string operator()(const agent::LogHealth& event) const {
    return event.failing ? "the log cannot be written: " + event.why : "the log can be written";
  }
  std::string operator()(const agent::ProcessStarted& event) const {
    return "process " + std::to_string(event.pid) + " of instance " +
           std::to_string(event.instance) + " started";
  }
  std::string operator()(const agent::ProcessExited& event) const {
    return "process " + std::to_string(event.pid) + " of instance " +
           std::to_string(event.instance) + " ended: " + event.how;
  }
  std::string operator()(const agent::WriteRequested& event) const {
    return "write " + event.request_id;
  }
  std::string operator()(const agent::LeaveRequested& /*event*/) const { return "leave"; }
  std::string operator()(const agent::Tick& /*event*/) const { return "tick"; }
  template <class Other>
  std::string operator()(const Other& /*event*/) const {
    return "";
  }
};

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 29);
}

}  // namespace

void Trace::add(Instant at, const NodeName& where, std::string text) {
  if (!on_ || text.empty()) return;
  if (lines_.size() >= kKept) lines_.pop_front();
  lines_.push_back({at, where, std::move(text)});
}

std::vector<std::string> Trace::tail(const std::vector<NodeName>& about, std::size_t lines) const {
  // A name is part of a longer one: n1 of n10.
  const auto names = [](std::string_view text, const NodeName& name) {
    for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      const bool whole = (at == 0 || text[at - 1] == ' ') &&
                         (end == text.size() || text[end] < '0' || text[end] > '9');
      if (whole) return true;
    }
    return false;
  };
  // What was done to a host or decided there (**, --) counts when it is about any of them; what
  // travels only between two of them, if two are named.
  const auto wanted = [&](const Line& line) {
    const bool told = line.text.starts_with("--") || line.text.starts_with("**");
    const auto involved = static_cast<std::size_t>(std::count_if(
        about.begin(), about.end(),
        [&](const NodeName& name) { return line.where == name || names(line.text, name); }));
    return involved >=
           (told ? std::min<std::size_t>(1, about.size()) : std::min<std::size_t>(2, about.size()));
  };
  std::vector<std::string> found;
  for (auto line = lines_.rbegin(); line != lines_.rend() && found.size() < lines; ++line) {
    if (!wanted(*line) || line->text == "tick") continue;
    char head[64];
    std::snprintf(head, sizeof head, "%12.6f  %-5s ", seconds(line->at.time_since_epoch()),
                  line->where.c_str());
    found.push_back(head + line->text);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::string describe(const agent::Event& event) { return std::visit(Describe{}, event); }

std::uint64_t digest_of(const agent::Event& event) {
  std::uint64_t hash = mix(kFnvOffset, event.index());
  if (const auto* packet = std::get_if<agent::PacketArrived>(&event)) {
    hash = mix(hash, packet->packet.sequence);
    for (const gossip::Claim& claim : packet->packet.claims) {
      hash = mix(hash, claim.incarnation * 4 + static_cast<std::uint64_t>(claim.state));
    }
  } else if (const auto* frame = std::get_if<agent::FrameArrived>(&event)) {
    hash = mix(mix(hash, frame->stream), frame->frame.index());
  }
  return hash;
}

}  // namespace muster::sim
