// What a secured master takes from whom: a production Node that coordinates alone, with peers whose
// certificates are what the test says.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/node.h"
#include "base/protobuf_codec.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"
#include "identity/token.h"
#include "identity/user_certificate.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

const WallTime kWall{std::chrono::hours(490'000)};

PeerIdentity peer(const NodeName& name, bool master) {
  return {name, master, "5", "prod", kWall + std::chrono::hours(24)};
}

PutKey put(const std::string& value) { return {"a", std::make_shared<const std::string>(value)}; }

class SecuredNode : public testing::Test {
 protected:
  SecuredNode() {
    NodeOptions options;
    options.cluster = "prod";
    options.secured = true;
    options.info.name = "n1";
    options.info.rpc = {"10.0.0.1", 7947};
    options.info.gossip = {"10.0.0.1", 7946};
    options.info.master = true;
    options.masters = {{"n1", {"10.0.0.1", 7947}}};
    options.master.secured = true;
    options.master.sha256 = identity::sha256;
    options.master.issuing.issuer = {"prod", identity::sha256};
    options.master.issuing.sign = identity::sign;
    node_ = std::make_unique<Node>(options, Recovered{}, protobuf_codec(), kWall, now_);
    carry_out();
    happen(WallRead{kWall});
    for (int i = 0; i < 40; ++i) pass(100ms);
    EXPECT_TRUE(node_->view(now_)->master->coordinating);
  }

  void happen(const Event& event) {
    node_->handle(event, now_);
    carry_out();
  }
  void pass(Duration time) {
    now_ += time;
    happen(Tick{});
  }
  void carry_out() {
    for (auto effects = node_->take_effects(); !effects.empty(); effects = node_->take_effects()) {
      std::uint64_t durable = 0;
      for (Effect& effect : effects) {
        if (const auto* vote = std::get_if<failover::SaveVote>(&effect)) durable = vote->ticket;
        if (const auto* log = std::get_if<failover::AppendLog>(&effect)) durable = log->ticket;
        const auto* close = std::get_if<CloseStream>(&effect);
        // The others are this node's own, to a coordinator that never answers.
        if (close != nullptr && accepted(close->stream)) closed_.push_back(close->stream);
        if (const auto* done = std::get_if<WriteDone>(&effect)) done_ = done->result;
        if (const auto* notice = std::get_if<Notice>(&effect)) lines_.push_back(notice->text);
        const auto* sent = std::get_if<SendFrame>(&effect);
        const auto* reply = sent == nullptr ? nullptr : std::get_if<rpc::WriteReply>(&sent->frame);
        if (reply != nullptr) reply_ = *reply;
        const auto* read = sent == nullptr ? nullptr : std::get_if<rpc::ReadReply>(&sent->frame);
        if (read != nullptr) read_status_ = read->status;
        if (std::holds_alternative<AnswerRead>(effect)) read_status_ = 200;
      }
      if (durable != 0) node_->handle(LogDurable{durable}, now_);
    }
  }
  static bool accepted(StreamId stream) { return stream % 2 == 0; }
  StreamId accept(const PeerIdentity& who) {
    happen(StreamAccepted{last_ += 2, who});
    return last_;
  }
  StreamId agent_stream(const PeerIdentity& who) {
    const StreamId stream = accept(who);
    rpc::Hello hello;
    hello.cluster = "prod";
    hello.from = who.name;
    hello.purpose = rpc::Purpose::Agent;
    happen(FrameArrived{stream, hello});
    return stream;
  }
  // As master; it says nothing yet.
  StreamId registered(const NodeName& name) {
    const StreamId stream = agent_stream(peer(name, true));
    rpc::Register registration;
    registration.info.name = name;
    registration.info.rpc = {name + ".example", 7947};
    registration.info.master = true;
    registration.info.boot = "boot-1";
    happen(FrameArrived{stream, registration});
    return stream;
  }
  [[nodiscard]] WallTime wall() const { return node_->view(now_)->now; }
  [[nodiscard]] int said(const std::string& part) const {
    return static_cast<int>(std::count_if(lines_.begin(), lines_.end(), [&](const auto& line) {
      return line.find(part) != std::string::npos;
    }));
  }
  // By somebody at this master itself.
  Result<Outcome> write(CommandBody body) {
    done_.reset();
    happen(WriteRequested{1, std::move(body), "", {"root", "admin", ""}, {}});
    pass(100ms);
    return done_.value_or(tl::unexpected(Error{Code::Internal, "no answer"}));
  }
  // A token for people, made, and as it is shown.
  std::string token(char seed, Role role) {
    const identity::ApiToken made =
        identity::api_token(std::string(identity::kTokenIdBytes + identity::kSecretBytes, seed));
    PutToken put;
    put.token.id = made.id;
    put.token.role = role;
    put.token.sha256 = identity::sha256(made.secret);
    EXPECT_TRUE(write(put));
    last_token_ = made.id;
    return identity::text_of(made);
  }
  rpc::WriteReply forwarded(StreamId stream, CommandBody body, const std::string& authorization) {
    reply_.reset();
    rpc::Write write;
    write.id = 7;
    write.command.body = std::move(body);
    write.authorization = authorization;
    happen(FrameArrived{stream, write});
    pass(100ms);
    return reply_.value_or(rpc::WriteReply{});
  }

  // 200: it is answered.
  int read(StreamId stream, const std::string& path, const std::string& authorization) {
    read_status_ = 0;
    happen(FrameArrived{stream, rpc::Read{8, path, "", authorization}});
    pass(100ms);
    return read_status_;
  }

  Instant now_{1h};
  std::unique_ptr<Node> node_;
  StreamId last_ = 0;
  std::string last_token_;
  std::vector<StreamId> closed_;
  std::vector<std::string> lines_;
  std::optional<Result<Outcome>> done_;
  std::optional<rpc::WriteReply> reply_;
  int read_status_ = 0;
};

TEST_F(SecuredNode, ATokenThatWasDeletedIsWorthNothingAlsoWhenAMasterPassesItOn) {
  const std::string shown = token('a', Role::Operator);
  const StreamId master = agent_stream(peer("n2", true));
  EXPECT_TRUE(forwarded(master, put("1"), shown).ok);
  EXPECT_TRUE(forwarded(master, put("2"), "").ok);  // it vouches for a certificate
  ASSERT_TRUE(write(DeleteToken{last_token_}));
  const rpc::WriteReply refused = forwarded(master, put("3"), shown);
  EXPECT_FALSE(refused.ok);
  EXPECT_EQ(refused.error.code, Code::PermissionDenied);
}

TEST_F(SecuredNode, WhoPassesARequestOnDoesNotSayWhoMadeIt) {
  const std::string shown = token('a', Role::Admin);
  const StreamId agent = agent_stream(peer("n2", false));
  PutToken put;
  put.token.id = "0123456789abcdef";
  put.token.sha256 = std::string(64, '0');
  put.token.created_by = "somebody else";
  EXPECT_FALSE(forwarded(agent, put, "").ok);
  const rpc::WriteReply done = forwarded(agent, put, shown);
  ASSERT_TRUE(done.ok) << done.error.text;
  const auto& tokens = std::as_const(*node_->view(now_)->master->state).tokens;
  EXPECT_NE(tokens.at(put.token.id).created_by, "somebody else");
}

TEST_F(SecuredNode, AnAgentPassesOnReadsWithTheirTokenAndWithoutWhereNobodyNeedsOne) {
  const std::string viewer = token('a', Role::Viewer);
  const StreamId agent = agent_stream(peer("n2", false));
  EXPECT_EQ(read(agent, "/v1/nodes", viewer), 200);
  EXPECT_EQ(read(agent, "/v1/nodes", ""), 403);
  EXPECT_EQ(read(agent, "/v1/tokens", viewer), 403);
  EXPECT_EQ(read(agent, "/v1/ca", ""), 200);
  EXPECT_EQ(read(agent, "/v1/nothing", viewer), 403);
  EXPECT_EQ(read(agent_stream(peer("n3", true)), "/v1/tokens", ""), 200);  // a master vouches
}

TEST_F(SecuredNode, WhoMadeATokenByAnotherClockHasItForAsLongAsHeAskedFor) {
  const StreamId master = agent_stream(peer("n2", true));
  rpc::Write write;
  write.id = 7;
  write.command.at = wall() - 24h;  // the asked master's clock, by which an hour was added
  PutToken put;
  put.token.id = "0123456789abcdef";
  put.token.sha256 = std::string(64, '0');
  put.token.kind = TokenKind::Join;
  put.token.uses_left = 1;
  put.token.expires = write.command.at + 1h;
  write.command.body = put;
  const WallTime asked = wall();
  happen(FrameArrived{master, write});
  pass(100ms);
  ASSERT_TRUE(reply_ && reply_->ok);
  const auto& tokens = std::as_const(*node_->view(now_)->master->state).tokens;
  EXPECT_EQ(tokens.at(put.token.id).expires, asked + 1h);
}

TEST_F(SecuredNode, ACoordinatorThatMostMastersDifferFromSaysSoAndMakesNoAuthority) {
  const std::vector<StreamId> masters{registered("n2"), registered("n3")};
  for (int i = 0; i < 15; ++i) {
    pass(400ms);
    for (const StreamId stream : masters) {
      rpc::Heartbeat beat{std::uint64_t(i) + 1, now_.time_since_epoch().count()};
      beat.clock = wall() - 24h;
      happen(FrameArrived{stream, beat});
    }
  }
  EXPECT_EQ(said("own clock is wrong"), 1);
  done_.reset();
  happen(RotationRequested{2, rpc::Rotation::Authority, {}});
  ASSERT_TRUE(done_ && !*done_);
  EXPECT_NE(done_->error().text.find("timedatectl"), std::string::npos) << done_->error().text;
  // It goes on to lead.
  EXPECT_TRUE(node_->view(now_)->master->coordinating);
}

TEST_F(SecuredNode, AMasterIsRevokedOnlyAfterItWasTakenAway) {
  const auto refused = write(RevokeNode{"n1"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::Conflict);
  EXPECT_NE(refused.error().text.find("muster masters remove n1"), std::string::npos);
  EXPECT_EQ(write(RevokeNode{"n9"}).error().code, Code::NotFound);
}

TEST_F(SecuredNode, AUsersCertificateIsMadeForAnAdminAndOnRecordUntilItIsRevoked) {
  const identity::SigningAuthority made = identity::make_authority("prod", kWall).value();
  const StreamId agent = agent_stream(peer("n2", false));
  rpc::CertifyUser ask;
  ask.id = 7;
  ask.request = identity::make_request()->request;
  ask.name = "ann";
  ask.role = Role::Operator;
  ask.life_ms = 3'600'000;
  ask.by = {"somebody else", "admin", ""};
  const auto asked = [&](StreamId stream, const std::string& authorization) {
    reply_.reset();
    ask.authorization = authorization;
    happen(FrameArrived{stream, ask});
    pass(100ms);
    return reply_.value_or(rpc::WriteReply{});
  };
  const std::string admin = token('a', Role::Admin), viewer = token('b', Role::Viewer);
  EXPECT_EQ(asked(agent, admin).error.code, Code::Unavailable);  // nobody signs yet
  ASSERT_TRUE(write(PutAuthority{{"a1", made.certificate, made.key, kWall, true}}));
  EXPECT_EQ(asked(agent, "").error.code, Code::PermissionDenied);
  EXPECT_EQ(asked(agent, viewer).error.code, Code::PermissionDenied);
  const rpc::WriteReply done = asked(agent, admin);
  ASSERT_TRUE(done.ok) << done.error.text;
  const auto answer = identity::parse_user_answer(done.outcome.text);
  ASSERT_TRUE(answer) << answer.error().text;
  const auto facts = identity::read_certificate(answer->certificate);
  ASSERT_TRUE(facts && facts->name);
  EXPECT_EQ(*facts->name, (identity::CertificateName{"prod", "ann", Role::Operator}));
  EXPECT_EQ(facts->serial, answer->serial);
  const auto state = [&]() -> const ClusterState& { return *node_->view(now_)->master->state; };
  ASSERT_TRUE(state().user_certificates.contains(answer->serial));
  EXPECT_NE(state().user_certificates.at(answer->serial).issued_by, "somebody else");
  EXPECT_EQ(forwarded(agent, RecordUserCertificate{"5", "eve", Role::Admin, kWall + 99h}, admin)
                .error.code,
            Code::PermissionDenied);
  EXPECT_FALSE(forwarded(agent, RevokeUserCertificates{"ann", ""}, viewer).ok);
  ASSERT_TRUE(forwarded(agent, RevokeUserCertificates{"ann", ""}, admin).ok);
  EXPECT_TRUE(state().revoked.contains(answer->serial));
  EXPECT_TRUE(state().user_certificates.empty());
}

TEST_F(SecuredNode, ANodeHasFewStreamsHereAndTheNewestStay) {
  std::vector<StreamId> streams;
  for (int i = 0; i < 6; ++i) streams.push_back(accept(peer("n2", false)));
  accept(peer("n3", false));
  EXPECT_EQ(closed_, (std::vector<StreamId>{streams[0], streams[1]}));
}

TEST_F(SecuredNode, AStreamEndsWithItsCertificateAndNoneIsEndedTwice) {
  const StreamId silent = accept(peer("n2", false));
  pass(6s);
  EXPECT_EQ(closed_, (std::vector<StreamId>{silent}));
  closed_.clear();
  PeerIdentity soon = peer("n3", true);
  soon.expires = kWall + 60s;
  const StreamId master = accept(soon);
  rpc::Hello hello;
  hello.cluster = "prod";
  hello.from = "n3";
  hello.purpose = rpc::Purpose::Master;
  happen(FrameArrived{master, hello});
  pass(30s);
  EXPECT_TRUE(closed_.empty());
  pass(30s);
  EXPECT_EQ(closed_, (std::vector<StreamId>{master}));
  pass(25h);
  EXPECT_EQ(closed_.size(), 1U);
}

}  // namespace
}  // namespace muster::agent
