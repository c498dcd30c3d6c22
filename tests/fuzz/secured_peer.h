// What may peers with certificates do to a master of a secured cluster, and what must never come of
// it? The stage of the fuzzer secured_peer. n1 is a production Node with an authority whose
// certificates are words; it is reached by itself as an agent, as in a cluster of one. After every
// event it is compared with what peers have proved and said so far.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/certificate_books.h"
#include "tests/fuzz/peer_stage.h"

namespace muster::fuzz {

inline const WallTime kFuzzWall{std::chrono::hours(490'000)};

class SecuredStage : public PeerStage {
 public:
  // `script`: all that peers will say, for what secrets they know.
  SecuredStage(int masters, std::string_view script);

  bool line(unsigned action, std::size_t slot, unsigned number, std::string_view rest);
  // Whoever asked must have been answered some time after everything works again.
  void finish();

 private:
  // --- what scripts do: secured_peer_fuzz.cpp ---
  [[nodiscard]] std::optional<PeerIdentity> proof(unsigned number) const;
  [[nodiscard]] rpc::Join join_of(std::uint64_t id, unsigned number) const;
  [[nodiscard]] rpc::Frame fitting(StreamId stream, unsigned number) const;
  void found();
  void ask(agent::Event event);
  void ask(CommandBody body);
  void asks(unsigned number);
  void open_as(std::size_t slot, unsigned who);
  void says(std::size_t slot, unsigned number);
  void wait(Duration time);
  void skip(Duration wall);
  // What comes of a deed for the node's own identity.
  agent::Event done(const agent::Effect& effect, bool well);

  // --- what must hold: secured_peer_rules.cpp ---
  void step(const agent::Event& event) override;
  void hear(const agent::Event& event);
  void hear(StreamId stream, const rpc::Frame& frame);
  [[nodiscard]] bool stands(StreamId stream) const {
    return open_.contains(stream) || opened_.contains(stream);
  }
  [[nodiscard]] bool may_change_nothing(StreamId stream, const rpc::Frame& frame) const;
  void check_streams() const;
  void check_told_streams() const;
  void check_state() const;
  void check_handed_out(const std::string& text, const PeerIdentity* to);
  [[nodiscard]] bool keeps_secrets(std::string_view text, bool of_gossip) const;

  void act(agent::Effect& effect) override;
  void on(const agent::OpenStream& effect);
  void on(const agent::CloseStream& effect);
  void on(const agent::SendFrame& effect);
  void on(const agent::WriteDone& effect);
  void on(const agent::Notice& effect) { CHECK(keeps_secrets(effect.text, true)); }
  void on(const health::SendPacket& effect);
  void on(const failover::AppendLog& effect) { books_.note(effect); }
  void on(const agent::InstallFacts& effect);
  void on(const agent::MakeCertificateRequest& effect) { is_due(effect); }
  void on(const agent::StoreCertificate& effect);
  template <class Other>
  void on(const Other&) {}
  void is_due(const agent::Effect& effect);
  [[nodiscard]] WallTime wall() const { return clock_.wall_at(now_); }

  const bool lonely_;
  const bool peers_know_secrets_;  // and may make the node repeat them
  WallAnchor clock_{now_, kFuzzWall};
  CertificateBooks books_;
  PeerIdentity own_;
  std::string own_authority_ = "authority 0\n";  // the certificate of the one that signed it

  std::map<StreamId, PeerIdentity> accepted_;  // ever; who proved nothing has no name
  std::map<StreamId, PeerIdentity> open_;      // of them, now
  std::set<StreamId> refused_;                 // of them, at once
  std::set<StreamId> opened_;                  // by the node, now
  std::vector<StreamId> opening_;              // of them: to other masters, not answered yet
  std::map<StreamId, StreamId> own_ends_;      // of streams from the node to itself, both ways
  std::map<StreamId, rpc::Facts> told_;        // the last ones
  std::map<StreamId, std::uint64_t> unanswered_;
  std::set<StreamId> greeted_;        // one Hello came
  std::set<StreamId> false_hellos_;   // of them: not what the certificate says
  std::set<StreamId> master_hellos_;  // of them: from masters
  std::set<StreamId> registered_;
  std::map<NodeName, std::set<Address>> said_;  // where nodes are, by their own registrations
  std::set<NodeName> said_masters_;             // registered as such, with such a certificate
  std::set<std::string> refused_serials_;       // as the node was told by its coordinator
  std::set<std::uint64_t> asked_;               // by clients of the node, not answered yet
  std::uint64_t last_request_ = 0;
  std::vector<agent::Effect> due_deeds_;  // for the node's own identity
  bool prompt_ = true;                    // they are done at once
  bool astray_ = false;  // another master has spoken of consensus, or as coordinator
};

}  // namespace muster::fuzz
