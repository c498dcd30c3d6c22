// What do the fuzzers begin with? Writes the seeds of tests/fuzz/corpus anew, after the wire format
// changed: fuzz_seeds tests/fuzz/corpus. Found inputs that lie there are left alone.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/gossip.h"
#include "base/protobuf_codec.h"
#include "health/gossip_frame.h"
#include "tests/fuzz/sealed.h"

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
  write_scripts(corpus / "peer");
  write(corpus / "frame" / "sync", encode(sync));
  write(corpus / "frame" / "sync_truncated", encode(sync).substr(0, encode(sync).size() / 2));
  return 0;
}
