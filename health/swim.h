// Who is alive? SWIM with Lifeguard's extensions, seen from one member.
//
// Core: sans-io, not thread-safe, owned by Node on the control thread. It never reads a clock,
// opens a socket or blocks; `now` never goes back. Rules: SWIM (Das, Gupta, Motivala, DSN 2002),
// Lifeguard (Dadgar, Phillips, Currey, DSN-W 2018), and where these leave a choice, that of
// HashiCorp memberlist. Parts: swim.cpp (time, packets), swim_probe.cpp (failure detection),
// swim_claims.cpp (what is believed), swim_sync.cpp (joining, full exchanges, digests),
// swim_names.cpp (two members of one name).
//
// These rules are ours, all for speed or calm:
// - Whoever hears of a suspicion probes the suspect itself, once, within 20 ms, with probability
//   min(1, 6 / n). Otherwise a confirmation waits until the round-robin of some other member comes
//   to the suspect, which takes n intervals for one member and spreads the time of detection. About
//   six probers, two or more above the k confirmations wanted in the lan profile, keep the load of
//   a failure constant in large clusters.
// - A broken stream, a refused connection or an ICMP error (hint_unreachable) starts a probe at
//   once, direct, indirect and over TCP together. It accuses nobody by itself.
// - Pings and acks carry a digest of the sender's table once it has nothing left to tell; whoever
//   goes on to differ exchanges tables at once and not at the next push/pull.
// - A loop that stood still never accuses: see notice_time() in swim.cpp.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/gossip.h"
#include "base/rng.h"
#include "base/time.h"
#include "health/awareness.h"
#include "health/dissemination.h"
#include "health/member_table.h"
#include "health/suspicion.h"
#include "health/swim_types.h"

namespace muster::health {

class Swim {
 public:
  // Pre: `self` is an Alive claim with a valid name and the card that others shall see (its
  // protocol range is set from the options); `rng` outlives this object. An agent that restarts
  // begins at incarnation 0 again: it finds its old self in the first exchange and goes above it.
  Swim(const SwimOptions& options, std::string_view cluster, const gossip::Claim& self, Instant now,
       Rng& rng);

  // Exchanges tables with the seeds, and goes on trying until one has answered; afterwards a seed
  // that is no living member is tried now and then, so that halves of a cluster find each other.
  // Our own address among the seeds is ignored; without any other the cluster begins with us.
  void join(const std::vector<Address>& seeds, Instant now);
  // Instead of joining, for large simulations: believes these claims (by name, all alive, with
  // cards) without telling anybody, as if they had been learned long ago.
  void resume(const std::vector<gossip::Claim>& members, Instant now);
  // Tells the others that we go, for good: only a new Swim comes back. Answers pings meanwhile.
  void leave(Instant now);
  [[nodiscard]] bool leave_done() const;  // told to as many as gossip tells anything

  // `from` is the source of the datagram; answers go there.
  void on_packet(const Address& from, const gossip::Packet& packet, Instant now);
  // `exchange` is the driver's own number; an AnswerSync with it always follows.
  void on_sync_request(std::uint64_t exchange, const gossip::Sync& sync, Instant now);
  // `exchange` is the driver's own number; an AnswerStreamPing with it may follow.
  void on_stream_ping(std::uint64_t exchange, const gossip::Packet& packet, Instant now);
  // How a StartStreamPing ended: with the packet that came back, or refused (null). Late ones and
  // unknown sequences are ignored.
  void on_stream_ping_ended(std::uint32_t sequence, const gossip::Packet* answer, Instant now);
  // How a StartSync ended. An id that is not under way is ignored.
  void on_sync_reply(std::uint64_t id, const gossip::Sync& sync, Instant now);
  void on_sync_failed(std::uint64_t id, Instant now);

  // A stream to this member broke or was refused: probe it now. Ignored unless it is living.
  void hint_unreachable(const NodeName& name, Instant now);
  // The same, for whoever listens for gossip there (an ICMP error names no member).
  void hint_unreachable_at(const Address& gossip, Instant now);
  // How our own machine fares, about once a second; see strain_floor().
  void on_strain(Duration loop_lag, double cpu_pressure);
  void set_meta(const gossip::Meta& meta, Instant now);
  // Tells every living member, once and soon, that we became coordinator in this term: not by
  // gossip, which takes a second where a thousand agents look for us.
  void announce_leading(std::uint64_t term, Instant now);

  void tick(Instant now);
  [[nodiscard]] Instant deadline() const;  // tick() has nothing to do before this moment

  [[nodiscard]] std::vector<SwimEffect> take_effects();  // oldest first; empties the queue
  // With ourselves; ordered by name.
  [[nodiscard]] const MemberTable& members() const { return table_; }
  // Who accuses a suspect or failed member; of one that left, itself; else empty.
  [[nodiscard]] NodeName accuser_of(const NodeName& name) const;
  // The first exchange has succeeded, or there was nobody to exchange with.
  [[nodiscard]] bool joined() const { return joined_; }
  [[nodiscard]] int health_score() const { return awareness_.score(); }  // 0 (well) to 7
  [[nodiscard]] const SwimCounters& counters() const { return counters_; }

 private:
  struct Probe {
    NodeName target;
    Instant indirect_at{};  // relays are asked; kNever once they were
    Instant ends{};         // no answer by then is a failure
    FailedProbe record;     // what was sent so far
  };
  struct Relay {  // an IndirectPing that we carry out for another member
    NodeName target;
    NodeName requester_name;
    Address requester;
    std::uint32_t sequence = 0;  // the requester's
    Instant nack_at{};           // kNever once it was sent
    Instant ends{};
  };
  struct Exchange {  // a StartSync under way
    Address to;
    NodeName member;  // empty: a seed
    bool whole = true;
  };
  struct Dispute {  // somebody else lives under our name: members are asked whom they know
    Address other;
    std::uint64_t incarnation = 0;            // of the other
    Instant ends = kNever;                    // kNever: none is under way
    std::map<NodeName, std::uint32_t> asked;  // and the sequence that the answer must bear
    int votes_for = 0;
    int votes_against = 0;
    Instant next{};  // no other poll before
  };
  struct Seed {
    Address address;
    NodeName answered_by;  // empty: has not answered yet
  };

  // swim.cpp
  void notice_time(Instant now);
  void recover_from_stall(Duration late, Instant now);
  void enqueue(gossip::Claim claim, Instant now);
  void send(const Address& to, const NodeName& to_name, gossip::Packet packet);
  void gossip(Instant now);
  void tell_who_leads(Instant now);
  [[nodiscard]] gossip::Packet ack_of(const gossip::Packet& ping) const;
  void fill(gossip::Packet& packet, const NodeName& to_name);
  [[nodiscard]] bool understood(const gossip::Packet& packet);
  [[nodiscard]] std::uint32_t version_with(const Member& member) const;
  [[nodiscard]] bool speaks(const Member& member, std::uint32_t version) const;
  void receive(const Address& from, const gossip::Packet& packet, Instant now);
  void forget_tombstones(Instant now);
  [[nodiscard]] Instant next_judgement() const;

  // swim_probe.cpp
  void start_probe(const Member& target, bool urgent, Instant now);
  void send_ping(std::uint32_t sequence, const Member& target);
  void ask_relays(std::uint32_t sequence, Probe& probe, Instant now);
  void stream_ping(std::uint32_t sequence, Probe& probe, const Member& target, Instant now);
  void fail_probe(const Probe& probe, Instant now);
  void tick_probes(Instant now);
  void probe_next(Instant now);
  void expire_suspicions(Instant now);
  void relay_ping(const Address& from, const gossip::Packet& packet, Instant now);
  void on_ack(const gossip::Packet& packet);
  void on_nack(const gossip::Packet& packet);
  void tick_relays(Instant now);
  [[nodiscard]] bool is_probed(const NodeName& name) const;

  // swim_claims.cpp
  enum class Source { Packet, Sync };
  void apply(const gossip::Claim& claim, Source source, Instant now);
  bool apply_all(const gossip::Packet& packet, Instant now);  // false: one of them halted us
  void apply_to_self(const gossip::Claim& claim, Instant now);
  void apply_alive(const gossip::Claim& claim, Instant now);
  void apply_suspect(const gossip::Claim& claim, Instant now);
  void apply_end(const gossip::Claim& claim, Instant now);  // Failed, Left
  void learn(const gossip::Claim& claim, Instant now);      // of a member not known yet
  void refute(std::uint64_t incarnation, Instant now);
  void report_conflict(const NodeName& name, const Address& known, const Address& claimed,
                       Instant now);
  void changed(std::optional<Member> before, const Member& member, Evidence evidence);
  [[nodiscard]] Evidence evidence_about(const Member& member, Instant now) const;
  [[nodiscard]] gossip::Claim claim_about(const Member& member, bool whole) const;
  void transition(Member& member, gossip::MemberState state, std::uint64_t incarnation,
                  const NodeName& accuser, Instant now);

  // swim_sync.cpp
  enum class Asking { Whole, Digest };  // a whole table, or first whether ours differ
  void start_sync(const Address& to, const NodeName& member, Asking asking);
  [[nodiscard]] gossip::Sync own_digest() const;
  [[nodiscard]] gossip::Sync own_table() const;
  void merge(const gossip::Sync& sync, Instant now);
  void complete_join(Instant now);
  void try_seeds(Instant now);
  void push_pull(Instant now);
  void reconnect(Instant now);
  void meet_stranger(const Address& from, Instant now);
  [[nodiscard]] bool is_syncing(const Address& to) const;
  void compare(const gossip::Packet& packet, Instant now);
  [[nodiscard]] Duration digest_patience() const;

  // swim_names.cpp
  void open_dispute(const gossip::Claim& other, Instant now);
  void answer_name_query(const Address& from, const gossip::Packet& packet);
  void on_name_reply(const gossip::Packet& packet);
  void note_versions(Member& sender, const gossip::ProtocolRange& speaks);
  void close_dispute(Instant now);

  SwimOptions options_;
  std::uint64_t cluster_;
  Rng& rng_;
  NodeName self_;
  MemberTable table_;
  Dissemination queue_;
  Awareness awareness_;
  SwimCounters counters_;
  std::map<NodeName, SuspicionTimer> suspicions_;
  std::map<NodeName, NodeName> accusers_;          // of those not alive
  std::map<NodeName, FailedProbe> failed_probes_;  // our own, of those not alive
  std::map<NodeName, Instant> second_looks_;       // suspects that we probe ourselves, and when
  std::map<std::uint32_t, Probe> probes_;          // by sequence; at most one a target
  std::map<std::uint32_t, Relay> relays_;          // by our own sequence
  std::map<std::uint64_t, Exchange> exchanges_;
  std::vector<Seed> seeds_;
  std::map<NodeName, Instant> conflict_said_;
  std::deque<NodeName> untold_;  // who is to hear that we lead leads_term_
  std::uint64_t leads_term_ = 0;
  Instant next_telling_ = kNever;
  std::map<NodeName, Instant> hinted_;  // when a sign of trouble last began a probe
  Dispute dispute_;
  Instant differs_seen_{};          // the last difference
  Instant differs_since_ = kNever;  // our digest and somebody's; kNever: not since our last change
  Instant next_digest_sync_;
  Duration digest_wait_;  // doubles while exchanges teach us nothing
  std::uint32_t last_sequence_;
  std::uint64_t last_exchange_ = 0;
  bool joined_ = false;
  bool leaving_ = false;
  bool halted_ = false;  // NameTaken: nothing is done any more
  Duration join_wait_;
  Duration push_pull_wait_;
  Instant next_join_ = kNever;
  Instant next_probe_;
  Instant next_gossip_;  // counts while the queue is not empty
  Instant next_push_pull_;
  Instant next_reconnect_;
  Instant next_housekeeping_;
  Instant next_stranger_;  // an unknown sender is not asked for its table before
  Instant hold_until_;     // nobody is judged before
  std::vector<SwimEffect> effects_;
};

}  // namespace muster::health
