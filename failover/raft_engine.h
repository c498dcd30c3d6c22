// Who leads the masters, and what have they agreed on? (libraft's raft_step() under our own rules)
//
// A core: events and the time in, effects out; no clock, no IO, deterministic for a seed. Owned by
// the control thread. It never waits: writes are asked for, and on_durable() says when they hold.
// It corrects the library where 0.22.1 is wrong; each such rule is marked "Rule" in the source.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/raft_types.h"
#include "base/time.h"
#include "failover/entry_log.h"
#include "failover/raft_effects.h"
#include "failover/raft_library.h"
#include "failover/raft_reads.h"
#include "failover/snapshot_transfer.h"

namespace muster::failover {

// Resolution: a millisecond.
struct RaftOptions {
  // A follower stands for election after one to two of these without a leader; a leader that
  // hears no quorum for one steps down.
  Duration election_timeout = std::chrono::milliseconds(450);
  Duration heartbeat_interval = std::chrono::milliseconds(150);  // <= election_timeout / 3
  std::uint64_t snapshot_threshold = 4096;  // entries applied since the last one
  std::uint64_t snapshot_trailing = 1024;   // entries kept before one, for those a little behind
  unsigned max_inflight = 512;              // entries sent to a follower and not acknowledged
  Duration install_timeout = std::chrono::seconds(30);   // then a snapshot is sent again
  std::size_t reads_max = 4096;                          // that wait for a quorum
  Duration catch_up_timeout = std::chrono::seconds(60);  // then a promotion is given up
};

// What a leader knows of a server.
struct Progress {
  MasterId id = 0;
  std::string address;
  bool voter = false;
  raft::Index match = 0;                  // it has the log up to here, durably
  std::optional<Instant> last_contact{};  // nothing: not in this term
  bool catching_up = false;               // far behind, or not known how far
  std::uint64_t snapshot_offset = 0;      // it holds so much of the one that is sent to it
  std::uint64_t snapshot_total = 0;       // 0: none is sent
};

class RaftEngine {
 public:
  // `bootstrap` names the masters of a new cluster, the same list on each. Nothing happens before
  // start().
  RaftEngine(const RaftOptions& options, MasterId self, std::string self_address,
             std::vector<raft::Server> bootstrap, raft::Stored stored, std::uint64_t seed,
             Instant now);

  // Times may be given late, never taken back: an earlier one counts as the latest.
  // With nothing stored, `bootstrap` says which it is: the cluster begins here, with that list; or
  // this master joins one: it waits for what a leader sends and gives no vote until it is told
  // that it has one. Pre: called once.
  void start(Instant now, bool bootstrap);
  // The caller knows that `from` is a master. What is malformed is dropped, and what only those
  // may say who are in the configuration: it may be old here, so others are heard when they stand
  // for election or lead. `address` is where to answer; empty: where the configuration says.
  void on_message(MasterId from, const std::string& address, const raft::Message& message,
                  Instant now);
  // Every write with this ticket or a lower one is durable.
  void on_durable(std::uint64_t ticket, Instant now);
  // Each ends in one Applied or one ProposalFailed with its id, which is not 0. They go in one
  // write, with those that came while the disk was busy.
  void propose(std::vector<std::pair<std::uint64_t, std::string>> commands, Instant now);
  // A linearizable read: ends in one ReadReady or one ReadFailed with this id. A new leader answers
  // when it has applied what was agreed on before it.
  void read(std::uint64_t id, Instant now);
  // Answers WantSnapshot; an answer that is not waited for any more is ignored. Pre: data.
  void provide_snapshot(raft::Index index, raft::Blob data, Instant now);
  // Asks another voter to stand for election at once; 0: the one that is furthest of those heard
  // from. Proposals are refused meanwhile; after an election timeout the attempt ends. Fails with
  // Unavailable when not leading, already at it or alone, InvalidArgument when `to` is not another
  // voter.
  Status transfer(MasterId to, Instant now);
  // Accepted changes end in one ChangeDone or one ChangeFailed; one runs at a time. A promotion
  // waits until the server has caught up. A leader that is to remove itself hands its office over
  // and fails: to be asked for again at the next one. Refused with Unavailable when not ready() or
  // when those heard from would be no quorum afterwards, Conflict while another runs, or as
  // next_configuration() (raft_changes.h) says.
  Status change(const raft::Change& change, Instant now);
  // The leader's process is known to be gone. Those with a vote stand for election at once, one
  // after the other, without asking first whether others miss it too: were it not gone, it would
  // lose its office and nothing else. Ignored unless `leader` is the one that is followed.
  void leader_gone(MasterId leader, Instant now);
  void tick(Instant now);

  [[nodiscard]] Instant deadline() const;  // tick() has nothing to do before this moment
  [[nodiscard]] std::vector<RaftEffect> take_effects();  // oldest first; empties the queue

  [[nodiscard]] raft::Role role() const { return library_.role(); }
  [[nodiscard]] raft::Term term() const { return library_.term(); }
  [[nodiscard]] MasterId leader() const;
  [[nodiscard]] raft::Index commit_index() const { return library_.commit_index(); }
  [[nodiscard]] raft::Index applied_index() const { return applied_; }
  [[nodiscard]] raft::Index last_index() const { return library_.last_index(); }
  [[nodiscard]] bool ready() const;
  [[nodiscard]] std::vector<raft::Server> configuration() const { return library_.configuration(); }
  // Of the entry that holds it, which may not be agreed on yet; 0: there is none.
  [[nodiscard]] raft::Index configuration_index() const {
    const raft::Index open = library_.uncommitted_configuration_index();
    return open != 0 ? open : library_.committed_configuration_index();
  }
  [[nodiscard]] bool is_server(MasterId id) const { return library_.knows(id); }
  // Another voter has stored more of the log than this leader.
  [[nodiscard]] bool is_behind() const;
  // How the others do, in the order of the configuration; nothing unless leading.
  [[nodiscard]] std::vector<Progress> progress() const;
  // When the leader was heard last: this master's state may be as old as that. Nothing: not since
  // the start; the latest time while it leads itself.
  [[nodiscard]] std::optional<Instant> leader_contact() const;
  // Why this master, or another that it heard of, stood for election last; empty: none did.
  [[nodiscard]] const std::string& election_reason() const { return election_reason_; }

 private:
  enum class WriteKind { Vote, Entries, OwnSnapshot, Install };
  struct Write {
    std::uint64_t ticket = 0;
    WriteKind kind = WriteKind::Vote;
    raft::Index first = 0;            // Entries
    std::vector<raft::Term> terms{};  // Entries
    raft::SnapshotMeta meta{};        // OwnSnapshot, Install
    raft::Blob data{};                // OwnSnapshot, Install
  };
  struct Outgoing {
    std::uint64_t after;  // the ticket that must be durable first
    SendRaft message;
  };
  struct Proposal {
    raft::Term term;
    std::uint64_t id;
  };
  enum class ChangeStage { Hearing, CatchUp, HandOver, Submitted };
  struct PendingChange {
    raft::Change change;
    ChangeStage stage;
    raft::Index target;  // CatchUp: of this round; Submitted: the entry
    std::uint64_t round_ms;
    std::uint64_t until_ms;  // Hearing, CatchUp
  };

  RaftOptions options_;
  MasterId self_;
  std::string self_address_;
  std::vector<raft::Server> bootstrap_;
  raft::Stored stored_;  // until start()
  RaftLibrary library_;
  std::uint64_t now_ms_;
  bool started_ = false;
  bool failed_ = false;

  EntryLog log_;                 // what the library believes to be in the log, durable or not
  raft::SnapshotMeta snapshot_;  // the last one that is durable
  raft::Blob snapshot_data_;
  raft::Index applied_ = 0;
  std::optional<raft::SnapshotMeta> wanted_;  // WantSnapshot is not answered yet
  bool writing_snapshot_ = false;             // an own one
  raft::InstallSnapshot incoming_;            // being written

  std::uint64_t last_ticket_ = 0;
  std::uint64_t vote_ticket_ = 0;  // the newest write that messages wait for
  std::uint64_t durable_ = 0;
  std::deque<Write> writes_;
  std::deque<Outgoing> outbox_;

  std::optional<PendingChange> change_;
  struct Awaited {
    MasterId server;
    raft::Index index;  // of its promotion
  };
  std::optional<Awaited> awaited_;  // Rule 10: it has not acknowledged its promotion yet
  std::vector<RaftEffect> held_;    // writes to the disk that wait for it
  std::map<MasterId, std::uint64_t> heard_ms_;  // in this term; leading
  std::uint64_t leader_heard_ms_ = 0;           // 0: never
  std::uint64_t leads_since_ms_ = 0;            // leading
  struct Succession {  // the leader of this term is gone, this master's turn comes then
    MasterId leader;
    raft::Term term;
    std::uint64_t at_ms;
  };
  std::optional<Succession> succession_;
  std::uint64_t started_ms_ = 0;
  std::string election_reason_;
  std::pair<raft::Index, bool> announced_configuration_{0, true};  // its index, committed

  std::map<MasterId, SnapshotSender> transfers_;  // while leading
  SnapshotReceiver receiver_;
  std::uint64_t received_ms_ = 0;    // the last chunk
  std::uint64_t applied_bytes_ = 0;  // since the start
  std::uint64_t wanted_bytes_ = 0;   // applied_bytes_ at WantSnapshot
  std::uint64_t kept_bytes_ = 0;     // and at the last snapshot that is durable

  std::vector<std::pair<std::uint64_t, std::string>> waiting_;  // commands for the next batch
  std::size_t open_appends_ = 0;                                // writes of entries under way
  std::uint64_t batch_ms_ = 0;                                  // the last one of commands
  std::map<raft::Index, Proposal> proposals_;
  RaftReads reads_;
  std::uint64_t probe_again_ms_ = 0;                                  // while a round is open
  std::deque<std::pair<raft::Index, raft::Blob>> committed_changes_;  // to be told to the library
  bool leading_ = false;
  bool owes_barrier_ = false;
  raft::Index barrier_ = 0;  // the first index of the own term; 0: not leading
  MasterId leader_ = 0;      // valid in leader_term_
  raft::Term leader_term_ = 0;
  RoleChanged announced_{raft::Role::Follower, 0, 0, false};
  std::vector<RaftEffect> effects_;

  [[nodiscard]] bool running() const { return started_ && !failed_; }
  void advance(Instant now);
  void stop(const std::string& what, const Error& error);
  Status prepare(bool bootstrap);
  [[nodiscard]] raft::Term term_of(raft::Index index) const;
  [[nodiscard]] bool is_forged(raft::Term term, MasterId from) const;
  [[nodiscard]] std::string address_of(MasterId id) const;
  [[nodiscard]] bool may_say_unknown(const raft::Message& message) const;

  void receive(MasterId from, const std::string& address, const raft::Message& message);
  void tell_term(MasterId from, const std::string& address);
  void receive_append(MasterId from, const std::string& address, raft::AppendEntries append);
  void receive_chunk(MasterId from, const std::string& address, const raft::SnapshotChunk& chunk);
  void receive_install(MasterId from, const std::string& address, raft::InstallSnapshot install);
  void receive_snapshot_ack(MasterId from, const raft::SnapshotAck& ack);
  void receive_result(MasterId from, const std::string& address,
                      const raft::AppendEntriesResult& result);
  void feed(MasterId from, const std::string& address, const LibraryBody& message);

  bool carry_out(const char* what, Result<LibraryUpdate> step);
  void carry_out(LibraryUpdate update);
  void save_vote(raft::Term term, MasterId voted_for);
  void append(raft::Index first, std::vector<raft::Entry> entries);
  void begin_install();
  void enqueue(LibraryMessage message);
  void enqueue_entries(const LibraryMessage& message);
  void flush_outbox();
  void change_role();
  void apply();

  void entries_durable(const Write& write);
  void own_snapshot_durable(const Write& write);
  void install_durable(const Write& write);

  [[nodiscard]] bool is_heard(MasterId id) const;
  [[nodiscard]] MasterId best_voter() const;
  [[nodiscard]] Status check_quorum_of(const std::vector<raft::Server>& servers,
                                       const raft::Change& change) const;
  void advance_change();
  [[nodiscard]] Status begin_change(Instant now);  // Pre: those who are left are a quorum
  [[nodiscard]] Status may_promote() const;
  void hear_quorum();
  void submit_change();
  void end_change(Code code, const std::string& why);
  [[nodiscard]] bool is_only_voter() const;
  void hold_writes();
  void release_writes();
  void announce_configuration();
  void succeed();
  void note_vote(MasterId from, const raft::RequestVote& vote);

  [[nodiscard]] bool is_installing(raft::Index index) const;
  void start_transfer(MasterId to);
  void send_chunks(MasterId to, SnapshotSender& transfer);
  void advance_transfers();
  [[nodiscard]] bool holds_for_transfer() const;
  void submit_waiting();
  void fail_proposals(std::vector<std::pair<std::uint64_t, std::string>> commands,
                      const Error& error);
  void note_timeout(raft::Role before);

  void send(MasterId to, const std::string& address, raft::Message message);
  void serve_reads();
  void answer_reads();
  void send_probes();
  void fail_reads(const std::string& why);

  void settle();
  void submit_barrier();
  void want_snapshot();
  void finish();
};

}  // namespace muster::failover
