// What do the fuzzers begin with? Writes the seeds of tests/fuzz/corpus anew, after the wire format
// changed: fuzz_seeds tests/fuzz/corpus. Found inputs that lie there are left alone.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/gossip.h"
#include "base/protobuf_codec.h"
#include "health/gossip_frame.h"
#include "tests/fuzz/certificate_books.h"
#include "tests/fuzz/sealed.h"
#include "tests/fuzz/seeds_collectors.h"
#include "tests/fuzz/seeds_metrics.h"

namespace {

using namespace muster;
using health::SealKind;

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  std::printf("%s, %zu bytes\n", path.c_str(), bytes.size());
}

gossip::Claim claim(gossip::MemberState state, const std::string& name) {
  gossip::Claim claim;
  claim.state = state;
  claim.name = name;
  claim.incarnation = 7;
  claim.accuser = state == gossip::MemberState::Alive ? "" : "other";
  gossip::Card card;
  card.name = name;
  card.gossip = {"127.0.0.1", 7946};
  card.meta.master = true;
  card.meta.zone = "a";
  card.meta.rpc = {"127.0.0.1", 7947};
  card.meta.http = {"127.0.0.1", 7948};
  card.meta.version = "0.1.0";
  claim.card = std::make_shared<gossip::Card>(std::move(card));
  return claim;
}

std::vector<gossip::Claim> claims() {
  using enum gossip::MemberState;
  return {claim(Alive, "n1"), claim(Suspect, "other"), claim(Failed, "n3"), claim(Left, "n4"),
          claim(Suspect, "self")};
}

gossip::Packet packet(gossip::PacketKind kind) {
  gossip::Packet packet;
  packet.kind = kind;
  packet.cluster = fnv1a64(fuzz::kCluster);
  packet.sequence = 9;
  packet.from = "other";
  packet.target = "self";
  packet.target_address = {"127.0.0.1", 7946};
  packet.leads_term = 3;
  packet.claims = claims();
  return packet;
}

// What arrives whole, and what became of it on the way.
void write_messages(const std::filesystem::path& folder, SealKind kind,
                    const std::string& message) {
  const std::string plain = std::string{health::kGossipMark, 1} + message;
  const std::string sealed = fuzz::sealer()->seal(kind, plain);
  const auto changed = [](std::string bytes, std::size_t at, char by) {
    bytes[at] = static_cast<char>(bytes[at] ^ by);
    return bytes;
  };
  write(folder / "plain", plain);
  write(folder / "plain_truncated", plain.substr(0, plain.size() / 2));
  write(folder / "plain_flipped", changed(plain, plain.size() / 2, 4));
  write(folder / "plain_wrong_version", changed(plain, 1, 127));
  write(folder / "sealed", sealed);
  write(folder / "sealed_truncated", sealed.substr(0, sealed.size() - 9));
  write(folder / "sealed_head_only", sealed.substr(0, health::kSealHeadBytes));
  write(folder / "sealed_flipped", changed(sealed, sealed.size() / 2, 4));
  write(folder / "sealed_wrong_version", changed(sealed, 1, 2));
  write(folder / "sealed_unknown_key", changed(sealed, 3, 1));
}

void write_keyrings(const std::filesystem::path& folder) {
  std::string lines[17];
  for (unsigned char i = 0; i < 17; ++i) {
    health::RingKey key = fuzz::ring_key();
    key[0] = static_cast<unsigned char>(i + 1);
    lines[i] = health::ring_key_text(key) + "\n";
  }
  std::string many;
  for (const std::string& line : lines) many += line;
  write(folder / "one", lines[0]);
  write(folder / "three", "# ours\n" + lines[0] + "\n" + lines[1] + "#\n" + lines[2]);
  write(folder / "crlf", "# ours\r\n" + lines[0].substr(0, 44) + " # the first\r\n");
  write(folder / "twice", lines[0] + lines[1] + lines[0]);
  write(folder / "seventeen", many);
  write(folder / "truncated", lines[0].substr(0, 40));
  write(folder / "flipped", lines[0].substr(0, 20) + "!" + lines[0].substr(21));
  write(folder / "weak", health::ring_key_text({}) + "\n");
  write(folder / "empty", "# nothing yet\n");
}

void write_requests(const std::filesystem::path& folder) {
  const std::string host = " HTTP/1.1\r\nHost: n1\r\n";
  const std::string chunks = "5\r\nhello\r\n1F\r\n" + std::string(31, 'x') + "\r\n0\r\n\r\n";
  write(folder / "get", "GET /v1/kv?prefix=a" + host + "Accept: */*\r\n\r\n");
  write(folder / "basic", "GET /metrics" + host + "Authorization: Basic YW5uOnMzY3JldA==\r\n\r\n");
  write(folder / "two", "GET /a" + host + "\r\nHEAD /b" + host + "Connection: close\r\n\r\n");
  write(folder / "length",
        "PUT /a" + host + "Content-Length: 5\r\n\r\nhelloGET /b" + host + "\r\n");
  write(folder / "chunked",
        "PUT /a" + host + "Transfer-Encoding: chunked\r\n\r\n" + chunks + "GET /b" + host + "\r\n");
  write(folder / "both",
        "PUT /a" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks);
  write(folder / "claims",
        "GET /a" + host + "x-muster-front: x\r\nX-Muster-Peer-Role: admin\r\n\r\n");
  write(folder / "folded", "GET /a" + host + " Content-Length: 5\r\n\r\nhello");
  write(folder / "bare", "GET /a HTTP/1.1\nHost: n1\n\n");
  write(folder / "expect", "PUT /a" + host + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
  write(folder / "answer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks);
}

// A line of a script of peer_fuzz.cpp: a frame on a stream.
std::string says(int stream, const rpc::Frame& frame) {
  const std::string body = encode(frame);
  std::string line{static_cast<char>(stream), static_cast<char>(body.size() / 256),
                   static_cast<char>(body.size() % 256)};
  return line += body;
}

std::string waits(int ms) { return {24, static_cast<char>(ms / 256), static_cast<char>(ms % 256)}; }

rpc::Hello hello(const std::string& from, rpc::Purpose purpose) {
  rpc::Hello hello;
  hello.cluster = "fuzz";
  hello.from = from;
  hello.masters = 7;
  hello.purpose = purpose;
  return hello;
}

void write_scripts(const std::filesystem::path& folder) {
  rpc::Register joins;
  joins.info.name = "n9";
  joins.info.zone = "a";
  joins.info.rpc = {"10.0.0.9", 7947};
  joins.info.gossip = {"10.0.0.9", 7946};
  joins.info.capacity = {4000, std::uint64_t{4} << 30};
  rpc::Write put;
  put.id = 1;
  put.command.request = "r1";
  PutWorkload web;
  web.spec.name = "web";
  web.spec.command = {"sleep", "1"};
  put.command.body = web;
  const std::string agent = says(1, hello("n9", rpc::Purpose::Agent)) + says(1, joins);
  write(folder / "agent", agent + says(1, rpc::Heartbeat{1, 5}) + waits(500) + says(1, put) +
                              waits(500) + says(1, rpc::Read{2, "/v1/nodes", ""}) +
                              says(1, rpc::StatusReport{}) + waits(1000));
  write(folder / "agent_twice", agent + says(2, hello("n9", rpc::Purpose::Agent)) + agent);
  write(folder / "hello_twice",
        says(1, hello("n9", rpc::Purpose::Agent)) + says(1, hello("n8", rpc::Purpose::Master)));
  write(folder / "no_hello", says(1, joins) + says(1, put));
  const std::string master = says(3, hello("n2", rpc::Purpose::Master));
  const auto consensus = [](raft::Message message) {
    return says(3, rpc::Consensus{std::move(message)});
  };
  raft::RequestVote vote;
  vote.term = 5;
  vote.candidate = 2;
  raft::AppendEntries append;
  append.term = 9;
  append.leader_commit = 3;
  const auto blob = std::make_shared<const std::string>("x");
  append.entries = {{9, raft::EntryType::Command, blob}, {9, raft::EntryType::Barrier, blob}};
  write(folder / "master_votes", master + consensus(vote) + waits(1000) + consensus(vote));
  write(folder / "master_leads", master + consensus(append) + waits(200) + consensus(append));
  write(folder / "master_as_agent",
        says(1, hello("n2", rpc::Purpose::Agent)) + says(1, rpc::Consensus{append}));
}

// A line of a script of secured_peer_fuzz.cpp, whose actions these are.
enum Action { kOpen = 1, kClose, kPass, kAsk, kDeed, kPrompt, kSay };
std::string does(Action action, int stream, int number = 0) {
  return {static_cast<char>(action * 8 + stream), static_cast<char>(number / 256),
          static_cast<char>(number % 256)};
}
// What fits, and what clients ask: the number of each with what it is about.
enum Fitting { kAgent, kMaster, kRegister, kInstalled, kRenew, kBeat, kRotate, kJoin };
enum Asking { kLetIn, kAuthority, kGossipKey, kRevoke, kToken, kRefuse, kDisk, kHours };
int about(int what, int variant = 0) { return what + 8 * variant; }
int joining(int token, int name, int key = 0) { return token + 8 * name + 64 * key; }

std::string agent_of(int stream, int who) {
  return does(kOpen, stream, who) + does(kSay, stream, kAgent) + does(kSay, stream, kRegister) +
         does(kPass, stream, 50) + does(kSay, stream, kInstalled) +
         does(kSay, stream, about(kBeat, 1));
}
std::string asks(int what, int variant = 0) { return does(kAsk, 0, about(what, variant)); }

// Who is 1: a1, 2: a2 (for an hour), 3: the master n2, 4: revoked, 5: an agent called n2, 6: of
// another cluster, 7: expired, 8: n1 itself, 9: a master not on record, 10: the first that joined.
void write_secured_scripts(const std::filesystem::path& folder) {
  constexpr int kLie = 7;  // it calls itself a2
  // Against a lonely master; or against one of three.
  const auto script = [&](const char* name, const std::string& lines, bool of_three = false) {
    write(folder / name, std::string(1, of_three ? '\1' : '\0') + lines);
  };
  const std::string a1 = agent_of(1, 1);
  script("agent", a1 + does(kSay, 1, kRenew) + does(kPass, 1, 500) +
                      does(kSay, 1, about(kRotate, 2)) + does(kClose, 1));
  script("liar", does(kOpen, 1, 1) + does(kSay, 1, about(kAgent, kLie)) + does(kOpen, 2, 1) +
                     does(kSay, 2, kAgent) + does(kSay, 2, about(kRegister, kLie)) +
                     does(kPass, 2, 50) + does(kSay, 2, about(kRegister, 4)));
  std::string strangers;
  for (const int who : {0, 4, 6, 7, 9}) strangers += agent_of(2, who) + does(kSay, 2, kRenew);
  script("strangers", strangers);
  std::string crowd;
  for (int stream = 0; stream < 6; ++stream) crowd += agent_of(stream, 1);
  script("crowd", crowd + agent_of(6, 8) + does(kPass, 0, 3000));
  std::string tokens;
  for (int token = 0; token < 7; ++token) tokens += asks(kLetIn, joining(token, 2));
  script("tokens", tokens + asks(kToken, 1) + asks(kLetIn, joining(0, 2, 1)));
  const std::string a9 = asks(kLetIn, joining(0, 2));
  script("spent", a9 + a9 + asks(kLetIn, joining(0, 2, 1)) + asks(kLetIn, joining(0, 6)) +
                      asks(kRevoke, 2) + a9 + asks(kToken) + a9);
  script("joined", a9 + agent_of(3, 10) + does(kSay, 3, kRenew) + asks(kHours, 1) +
                       does(kSay, 3, kRenew) + agent_of(4, 11) + asks(kRevoke, 2) +
                       agent_of(4, 11));
  script("master_passes_on", agent_of(3, 3) + does(kSay, 3, about(kJoin, joining(0, 2))) +
                                 does(kSay, 3, about(kJoin, joining(1, 6))) +
                                 does(kSay, 3, kRotate) + does(kPass, 3, 1000) + a1 +
                                 does(kSay, 1, about(kJoin, joining(2, 2))) +
                                 does(kSay, 1, kRotate));
  script("expiry", agent_of(2, 2) + a1 + asks(kHours, 2) + asks(kHours, 1500) +
                       does(kPass, 0, 1000) + asks(kHours, 600) + asks(kHours, 2000));
  const std::string alone = asks(kRevoke, 0) + asks(kRevoke, 1) + asks(kRevoke, 3);
  const std::string seconds = does(kPass, 0, 4000) + does(kPass, 0, 4000);
  script("rotation",
         alone + asks(kAuthority) + seconds + asks(kGossipKey) + seconds + asks(kAuthority));
  script("rotation_by_deeds", alone + does(kPrompt, 0) + asks(kAuthority) + does(kDeed, 0, 1) +
                                  does(kDeed, 0) + seconds + does(kDeed, 1) + does(kDeed, 0, 1) +
                                  seconds + does(kDeed, 0) + does(kDeed, 0));
  script("slow_disk", asks(kDisk) + a9 + asks(kLetIn, joining(0, 2, 1)) +
                          asks(kLetIn, joining(0, 6)) + asks(kRevoke, 2) + asks(kDisk));
  script("no_signature", asks(kRefuse) + a9 + asks(kRefuse) + a9 + a1);
  rpc::Write put;
  put.id = 1;
  put.command.body = RevokeNode{"a2"};
  std::string writes = a1 + agent_of(2, 2) + says(1, put);
  put.authorization = fuzz::admin_token();
  writes += says(1, put);
  put.command.body = RecordCertificate{"a2", "f0", "", "", NodeRole::Master, {}, {}, ""};
  script("writes", writes + says(1, put));
  raft::AppendEntries append;
  append.term = 9;
  const rpc::Consensus leads{append};
  script("agent_as_master", does(kOpen, 1, 1) + does(kSay, 1, kMaster) + says(1, leads) +
                                does(kOpen, 1, 5) + does(kSay, 1, kMaster) + says(1, leads) + a1 +
                                does(kSay, 1, kMaster) + says(1, leads) +
                                does(kSay, 1, about(kRegister, 2)));
  script("consensus_of_agents", a1 + says(1, leads) + does(kOpen, 2, 3) + says(2, leads) +
                                    does(kOpen, 3, 3) + does(kSay, 3, kAgent) + says(3, leads));
  script("consensus", does(kOpen, 3, 3) + does(kSay, 3, kMaster) + says(3, leads) +
                          does(kPass, 3, 900) + asks(kLetIn, joining(0, 2)));
  rpc::HelloReply here;
  here.here = true;
  here.coordinator = "n2";
  rpc::Facts facts;
  facts.revision = 9;
  facts.revoked = {"a1"};
  script("links",
         does(kOpen, 6, 1) + does(kOpen, 7, 3) + says(7, here) + says(7, facts) +
             does(kOpen, 6, 9) + says(6, here) + says(6, facts),
         true);
  script("votes",
         does(kOpen, 3, 3) + does(kSay, 3, kMaster) + says(3, leads) + does(kPass, 3, 900) +
             asks(kLetIn, joining(0, 2)),
         true);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 2;
  }
  const std::filesystem::path corpus(argv[1]);
  gossip::Sync sync;
  sync.cluster = fnv1a64(fuzz::kCluster);
  sync.from = "other";
  sync.joining = true;
  sync.members = claims();
  const std::string gossip = encode(packet(gossip::PacketKind::Gossip));
  write_messages(corpus / "datagram", SealKind::Datagram, gossip);
  write(corpus / "datagram" / "plain_ping",
        std::string{health::kGossipMark, 1} + encode(packet(gossip::PacketKind::Ping)));
  write(corpus / "datagram" / "plain_indirect_ping",
        std::string{health::kGossipMark, 1} + encode(packet(gossip::PacketKind::IndirectPing)));
  write_messages(corpus / "stream_frame", SealKind::Stream, encode(sync));
  write(corpus / "stream_frame" / "plain_ping",
        std::string{health::kStreamPingMark, 2} + encode(packet(gossip::PacketKind::Ping)));
  write_keyrings(corpus / "keyring");
  write_requests(corpus / "http_head");
  const auto fixtures = corpus.parent_path().parent_path() / "fixtures";
  for (const auto& [name, seed] : fuzz::collector_seeds(fixtures)) {
    write(corpus / "collectors" / name, seed);
  }
  for (const auto& [folder, seeds] :
       {std::pair("history", fuzz::history_seeds()), std::pair("systemd", fuzz::systemd_seeds()),
        std::pair("web_config", fuzz::web_config_seeds())}) {
    for (const auto& [name, seed] : seeds) write(corpus / folder / name, seed);
  }
  write_scripts(corpus / "peer");
  write_secured_scripts(corpus / "secured_peer");
  write(corpus / "frame" / "sync", encode(sync));
  write(corpus / "frame" / "sync_truncated", encode(sync).substr(0, encode(sync).size() / 2));
  return 0;
}
