// Can a peer with a certificate, any certificate, harm a secured master, whatever it says in any
// order? libFuzzer's entry point: the bytes are a script. The first says whether it plays against a
// lonely master or one of three; then come lines, each an action and what goes with it. Peers open
// streams with certificates that are good, revoked, expired, of others or of another cluster, and
// with those that they were given; they say what fits, or any frame; clients join nodes, revoke
// them and begin rotations; signing fails, the disk is slow, days go by.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "identity/join_json.h"
#include "identity/joining.h"
#include "identity/openssl_authority.h"
#include "identity/token.h"
#include "tests/fuzz/secured_peer.h"

namespace muster::fuzz {

using namespace std::chrono_literals;

namespace {

constexpr int kLooksMax = 10'000;  // in four seconds
constexpr unsigned kTokens = 3;  // 0: for one agent, 1: for one master, 2: for two agents, one hour
const char* const kNames[] = {"a1", "a2", "a9", "n2", "gone", "n1", "n3", "10.9.8.7"};

const NodeName& name_of(unsigned number) {
  static const std::vector<NodeName> names(std::begin(kNames), std::end(kNames));
  return names[number % names.size()];
}

std::string host(const NodeName& name) {
  if (name.size() == 2 && name[0] == 'n') return host_of(name[1] - '0');
  return host_of(static_cast<int>(20 + fnv1a64(name) % 200));
}

identity::JoinToken token(unsigned which) {
  const std::string random(identity::kTokenIdBytes + identity::kSecretBytes,
                           static_cast<char>('j' + which));
  return identity::join_token(which == 1 ? NodeRole::Master : NodeRole::Agent, std::string(64, 'a'),
                              random);
}

// As a node shows it: the good ones, another secret, another role, one that joins nobody, nonsense.
std::string shown_token(unsigned which) {
  identity::JoinToken one = token(which < kTokens ? which : 0);
  if (which == 3) one.secret = token(1).secret;
  if (which == 4) one.role = NodeRole::Master;
  if (which == 5) return admin_token();
  return which < 6 ? identity::text_of(one) : "MUSTER-1-agent-";
}

TokenRecord record_of(unsigned which, WallTime at) {
  const identity::JoinToken one = token(which);
  TokenRecord record;
  record.id = one.id;
  record.kind = TokenKind::Join;
  record.node_role = one.role;
  record.sha256 = identity::sha256(one.secret);
  record.expires = at + (which == 2 ? 1h : 240h);
  record.uses_left = which == 2 ? 2 : 1;
  return record;
}

identity::Founding founding() {
  identity::Founding founding;
  founding.cluster = "fuzz";
  founding.node = "n1";
  founding.authority = {"ca0", "authority 0\n", std::string(kAuthoritySecret) + "0",
                        kFuzzWall - 24h, true};
  founding.gossip_key = {"00000000", std::string(kGossipSecret) + "0"};
  const auto admin = identity::parse_api_token(admin_token());
  founding.admin.id = admin->id;
  founding.admin.role = Role::Admin;
  founding.admin.sha256 = identity::sha256(admin->secret);
  founding.serial = "1";
  founding.issued = kFuzzWall - 24h;
  founding.expires = kFuzzWall + 2160h;
  return founding;
}

agent::NodeOptions secured_options(int masters, CertificateBooks& books) {
  agent::NodeOptions options = options_of_master(masters);
  options.secured = true;
  options.certificate = agent::OwnCertificate{"1", kFuzzWall - 24h, kFuzzWall + 2160h};
  options.master.secured = true;
  options.master.sha256 = identity::sha256;
  agent::IssuingOptions& issuing = options.master.issuing;
  issuing.issuer.cluster = "fuzz";
  issuing.issuer.sha256 = identity::sha256;
  issuing.sign = [&books](const identity::SignOrder& order) { return books.sign(order); };
  issuing.new_authority = [drawn = 0](WallTime now) mutable -> Result<AuthorityRecord> {
    const std::string number = std::to_string(++drawn);
    return AuthorityRecord{"ca" + number, "authority " + number + "\n", kAuthoritySecret + number,
                           now, false};
  };
  issuing.new_gossip_key = [drawn = 0]() mutable {
    const std::string number = std::to_string(++drawn);
    return GossipKey{"0000000" + number, kGossipSecret + number};
  };
  issuing.founding = founding();
  return options;
}

bool holds(std::string_view text, std::string_view secret) {
  return text.find(secret) != std::string_view::npos;
}

}  // namespace

SecuredStage::SecuredStage(int masters, std::string_view script)
    : PeerStage(secured_options(masters, books_), kFuzzWall),
      lonely_(masters == 1),
      peers_know_secrets_(holds(script, kAuthoritySecret) || holds(script, kGossipSecret)),
      own_{"n1", true, "1", "fuzz", kFuzzWall + 2160h} {
  begin(kFuzzWall, lonely_ ? 40 : 4);
  if (lonely_) found();
}

// Who is there when the script begins, all seen by membership.
void SecuredStage::found() {
  CHECK(node_->view(now_)->master->coordinating && node_->view(now_)->registered);
  gossip::Packet seen;
  seen.cluster = fnv1a64("fuzz");
  for (const char* const name : kNames) {
    if (!identity::check_node_name(name) || name == own_.name) continue;
    gossip::Card card;
    card.name = name;
    card.gossip = {host(name), 7946};
    card.meta.rpc = {host(name), 7947};
    card.meta.master = name[0] == 'n';
    gossip::Claim claim;
    claim.name = name;
    claim.incarnation = 1;
    claim.card = std::make_shared<const gossip::Card>(std::move(card));
    seen.claims.push_back(std::move(claim));
  }
  seen.from = "a1";
  happen(agent::PacketArrived{{host("a1"), 7946}, seen});
  for (unsigned which = 0; which < kTokens; ++which) ask(PutToken{record_of(which, wall())});
  for (const unsigned who : {1U, 2U, 3U, 4U}) {
    const PeerIdentity node = proof(who).value();
    ask(RecordCertificate{node.name, node.serial, "", "",
                          node.master ? NodeRole::Master : NodeRole::Agent, kFuzzWall - 24h,
                          node.expires, "ca0"});
  }
  ask(RevokeNode{"gone"});
  CHECK(asked_.empty() && refused_serials_ == std::set<std::string>{proof(4)->serial});
}

std::optional<PeerIdentity> SecuredStage::proof(unsigned number) const {
  const PeerIdentity agent{"a1", false, "a1", "fuzz", kFuzzWall + 2000h};
  switch (number % 16) {
    case 0: return std::nullopt;
    case 2: return PeerIdentity{"a2", false, "a2", "fuzz", kFuzzWall + 1h};
    case 3: return PeerIdentity{"n2", true, "b2", "fuzz", kFuzzWall + 2000h};
    case 4: return PeerIdentity{"gone", false, "dead", "fuzz", kFuzzWall + 2000h};
    case 5: return PeerIdentity{"n2", false, "e5", "fuzz", kFuzzWall + 2000h};
    case 6: return PeerIdentity{"n2", true, "b2", "other", kFuzzWall + 2000h};
    case 7: return PeerIdentity{"a1", false, "e7", "fuzz", kFuzzWall - 1h};
    case 8: return own_;
    case 9: return PeerIdentity{"n3", true, "e9", "fuzz", kFuzzWall + 2000h};
    default: break;
  }
  const auto& given = books_.handed_out();
  if (number % 16 == 1 || given.empty()) return agent;
  return given[(number / 16 * 6 + number % 16 - 10) % given.size()];
}

rpc::Join SecuredStage::join_of(std::uint64_t id, unsigned number) const {
  identity::JoinRequest request;
  request.token = shown_token(number % 8);
  request.name = name_of(number / 8);
  request.request = "key " + std::to_string(number / 64 % 4);
  request.clock = wall();
  return {id, identity::text_of(request), "10.0.0.77"};
}

// What a peer says that keeps to the protocol; or almost: under another's name, of another time.
rpc::Frame SecuredStage::fitting(StreamId stream, unsigned number) const {
  const unsigned variant = number / 8;
  const auto peer = open_.find(stream);
  const PeerIdentity shown = peer == open_.end() ? PeerIdentity{} : peer->second;
  const NodeName name = variant % 4 == 3 ? name_of(variant / 4) : shown.name;
  switch (number % 8) {
    case 0:
    case 1: {
      rpc::Hello hello;
      hello.cluster = "fuzz";
      hello.from = name;
      hello.masters = 7;
      hello.purpose = number % 8 == 0 ? rpc::Purpose::Agent : rpc::Purpose::Master;
      return hello;
    }
    case 2: {
      rpc::Register registration;
      registration.info.name = name;
      registration.info.rpc = {host(name), static_cast<std::uint16_t>(7947 + variant / 4 % 2)};
      registration.info.gossip = {host(name), 7946};
      registration.info.master = shown.master != (variant % 4 == 2);
      return registration;
    }
    case 3: {
      const auto told = told_.find(stream);
      const rpc::Facts facts = told == told_.end() ? rpc::Facts{} : told->second;
      return rpc::FactsInstalled{facts.revision, facts.keys_revision,
                                 identity::sha256(facts.authorities), shown.serial,
                                 variant % 3 == 0 ? "a clock" : ""};
    }
    case 4: return rpc::Renew{variant, "key " + std::to_string(variant % 4), host(shown.name), {}};
    case 5: return rpc::Heartbeat{variant, 5};
    case 6:
      return rpc::Rotate{variant,
                         variant % 2 == 0 ? rpc::Rotation::Authority : rpc::Rotation::GossipKey,
                         variant % 4 < 2 ? "" : admin_token()};
    default: return join_of(number, variant);
  }
}

void SecuredStage::open_as(std::size_t slot, unsigned who) {
  const bool to_another = slot >= 6 && !opening_.empty();
  if (!to_another) return open(slot, proof(who));
  close(slot);
  if (opening_.empty()) return;
  const StreamId stream = opening_.front();
  opening_.erase(opening_.begin());
  slots_[slot] = stream;
  happen(agent::StreamOpened{stream, proof(who)});
}

void SecuredStage::says(std::size_t slot, unsigned number) {
  if (!slots_[slot]) open_as(slot, 1);
  if (slots_[slot]) say(slot, fitting(*slots_[slot], number));
}

// With everything that is due meanwhile; a node that is never done with that does not sleep.
void SecuredStage::wait(Duration time) {
  const Instant end = now_ + time;
  int looks = 0;
  while (now_ < end && !halted_) {
    CHECK(++looks <= kLooksMax);
    pass(end - now_);
  }
}

void SecuredStage::skip(Duration time) {
  clock_ = {now_, wall() + std::chrono::duration_cast<WallTime::duration>(time)};
  happen(agent::WallRead{clock_.wall});
  pass({});
}

void SecuredStage::ask(agent::Event event) {
  asked_.insert(last_request_);
  happen(std::move(event));
}

void SecuredStage::ask(CommandBody body) {
  ask(agent::WriteRequested{++last_request_, std::move(body), "", {"root", "admin", ""}});
}

// Clients of this node, and what happens to it.
void SecuredStage::asks(unsigned number) {
  const unsigned variant = number / 8;
  switch (number % 8) {
    case 0: {
      const rpc::Join join = join_of(0, variant);
      return ask(agent::JoinRequested{++last_request_, join.request, join.from});
    }
    case 1: return ask(agent::RotationRequested{++last_request_, rpc::Rotation::Authority});
    case 2: return ask(agent::RotationRequested{++last_request_, rpc::Rotation::GossipKey});
    case 3: return ask(RevokeNode{name_of(variant)});
    case 4:
      if (variant % 2 == 0) return ask(DeleteToken{token(variant / 2 % kTokens).id});
      return ask(PutToken{record_of(variant / 2 % kTokens, wall())});
    case 5: books_.refuses = !books_.refuses; return;
    case 6: return disk_held_ ? release_disk() : hold_disk();
    default: return skip(std::chrono::hours(variant));
  }
}

agent::Event SecuredStage::done(const agent::Effect& effect, bool well) {
  const Error error{Code::Internal, "the disk is full"};
  if (const auto* install = std::get_if<agent::InstallFacts>(&effect)) {
    const rpc::Facts& facts = install->facts;
    return agent::FactsStored{
        facts.revision, facts.keys_revision, identity::sha256(facts.authorities),
        well ? Status{} : tl::unexpected(error), !facts.authorities.starts_with(own_authority_)};
  }
  if (const auto* store = std::get_if<agent::StoreCertificate>(&effect)) {
    const auto* certificate = books_.find(store->certificate);
    if (!well || certificate == nullptr) return agent::CertificateStored{tl::unexpected(error)};
    own_ = certificate->shows;
    own_authority_ = certificate->authority;
    return agent::CertificateStored{agent::OwnCertificate{own_.serial, wall(), own_.expires}};
  }
  return agent::CertificateRequestMade{well ? Result<std::string>("key of n1")
                                            : tl::unexpected(error)};
}

bool SecuredStage::line(unsigned action, std::size_t slot, unsigned number, std::string_view rest) {
  switch (action) {
    case 1: open_as(slot, number); return false;
    case 2: close(slot); return false;
    case 3: wait(std::chrono::milliseconds(number % 4096)); return false;
    case 4: asks(number); return false;
    case 5: {
      if (due_deeds_.empty()) return false;
      const auto deed = due_deeds_.begin() + static_cast<std::ptrdiff_t>(slot % due_deeds_.size());
      const agent::Effect effect = std::move(*deed);
      due_deeds_.erase(deed);
      happen(done(effect, number % 2 == 0));
      return false;
    }
    case 6: prompt_ = !prompt_; return false;
    case 7: says(slot, number); return false;
    default: break;
  }
  if (!slots_[slot]) open_as(slot, 1);
  if (slots_[slot]) frame(slot, rest);
  return true;
}

void SecuredStage::finish() {
  books_.refuses = false;
  prompt_ = true;
  while (!due_deeds_.empty()) {
    const agent::Effect effect = std::move(due_deeds_.back());
    due_deeds_.pop_back();
    happen(done(effect, true));
  }
  release_disk();
  for (int i = 0; i < 100 && !asked_.empty() && !halted_; ++i) wait(2s);
  CHECK(asked_.empty() || halted_);
}

}  // namespace muster::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view script(reinterpret_cast<const char*>(data), size);
  muster::fuzz::SecuredStage stage(data[0] % 2 == 0 ? 1 : 3, script);
  muster::fuzz::play(stage, script.substr(1));
  stage.finish();
  return 0;
}
