// Which settings does membership take, and what does it ask of the world?
//
// Core: plain values of health/swim.h. A driver (asio_gossip in the agent, World in the simulator)
// carries the effects out and reports how each ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/gossip.h"
#include "base/ids.h"
#include "base/time.h"
#include "health/member_table.h"

namespace muster::health {

// The lan profile. health/swim_profile.h has the others and refuses contradictions.
struct SwimOptions {
  Duration probe_interval = std::chrono::milliseconds(200);  // between the starts of two probes
  Duration probe_timeout = std::chrono::milliseconds(100);   // then relays are asked; < interval
  int indirect_checks = 3;                                   // relays a probe
  int suspicion_mult = 3;                                    // see suspicion_min()
  int suspicion_max_mult = 6;                                // see suspicion_max()
  Duration gossip_interval = std::chrono::milliseconds(50);  // while there is something to tell
  int gossip_fanout = 3;                                     // members a gossip tick
  int retransmit_mult = 4;                                   // see retransmit_limit()
  Duration push_pull_interval = std::chrono::seconds(15);    // stretched by push_pull_scaled()
  // Between two tries of a failed member, stretched likewise: how soon two halves meet again.
  Duration reconnect_interval = std::chrono::seconds(5);
  Duration join_retry = std::chrono::milliseconds(100);  // first wait; doubles
  Duration join_retry_max = std::chrono::seconds(10);
  Duration tombstone = std::chrono::hours(24);  // failed and left members are kept for so long
  std::size_t datagram_bytes_max = 1400;
  gossip::ProtocolRange protocol{gossip::kProtocolMin, gossip::kProtocolMax};
  bool operator==(const SwimOptions&) const = default;
};

// How many members one table holds, so that a flood of invented names has an end.
inline constexpr std::size_t kMembersMax = 16384;

struct SendPacket {  // one datagram; may be lost
  Address to;
  gossip::Packet packet;
};
struct StartSync {  // ends in exactly one on_sync_reply or on_sync_failed with this id
  std::uint64_t id = 0;
  Address to;
  gossip::Sync sync;
};
struct AnswerSync {  // the answer to on_sync_request
  std::uint64_t exchange = 0;
  gossip::Sync sync;
};
struct StartStreamPing {  // a Ping over TCP; ends in at most one on_stream_ping_ended
  std::uint32_t sequence = 0;
  Address to;
  gossip::Packet packet;
  Duration within{};  // nobody waits for the answer any longer
};
struct AnswerStreamPing {  // may answer on_stream_ping
  std::uint64_t exchange = 0;
  gossip::Packet packet;
};

// A probe of our own that nobody answered: what was sent, and when.
struct FailedProbe {
  Instant sent{};       // the direct ping
  bool hinted = false;  // begun by a sign of trouble and not by the round-robin
  Instant relays_asked = kNever;
  std::vector<NodeName> relays;
  std::vector<NodeName> nacks;  // relays that said in time that they had no answer either
  bool stream_tried = false;
  bool stream_refused = false;  // the stream ping ended before its time
};

// What a change rests on, for `muster why` and for the log.
struct Evidence {
  NodeName accuser;                  // empty when nobody accused
  std::vector<NodeName> confirmers;  // as far as this member knows
  Instant suspected_at{};            // by this member; of the change itself when never suspected
  Instant last_heard{};              // the last packet from the member to this one
  std::optional<FailedProbe> probe;  // the last of our own before the change
  std::string text;                  // "suspected by n2, confirmed by n3; last heard 0.81 s ago"
};
// Another member joined (no `before`), was suspected, failed, left, came back, or changed its meta
// or address. Never about ourselves.
struct MemberChanged {
  std::optional<Member> before;
  Member now;
  Evidence evidence;
};
// Our name belongs to a living member at another address, and we are the newcomer: this Swim is
// silent from now on and the agent must stop.
struct NameTaken {
  Address other;
  // Of members that were asked whose name it is; both 0: we had not joined yet, so nobody was.
  int votes_for = 0;
  int votes_against = 0;
};
// Somebody claims a living member's name (or ours) from another address. The claim was ignored;
// said at most once a minute for each name.
struct Conflict {
  NodeName name;
  Address known;
  Address claimed;
};
// A living member that is a master says that it became coordinator in this term.
struct LeaderHeard {
  NodeName name;
  std::uint64_t term = 0;
};
using SwimEffect = std::variant<SendPacket, StartSync, AnswerSync, StartStreamPing,
                                AnswerStreamPing, MemberChanged, NameTaken, Conflict, LeaderHeard>;

struct SwimCounters {
  std::uint64_t foreign_cluster = 0;  // packets and syncs of another cluster, dropped
  std::uint64_t wrong_version = 0;    // no version in common with the sender, dropped
  std::uint64_t misaddressed = 0;     // pings meant for another name, packets in our own name
  std::uint64_t refused_claims = 0;   // absurd claims, or no room for another member
  std::uint64_t probes = 0;
  std::uint64_t probes_failed = 0;
  std::uint64_t refutations = 0;
  std::uint64_t hints = 0;         // probes begun by a sign of trouble
  std::uint64_t stream_acks = 0;   // answers to stream pings only: UDP is lost or blocked
  std::uint64_t digest_syncs = 0;  // exchanges begun because digests went on to differ
  std::uint64_t stalls = 0;        // our own loop stood still for longer than a probe interval
};

}  // namespace muster::health
