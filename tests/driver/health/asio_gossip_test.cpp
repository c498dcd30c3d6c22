#include "health/asio_gossip.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include "health/openssl_sealer.h"

namespace muster::health {
namespace {

using asio::ip::tcp;
using asio::ip::udp;

// One end of the gossip, and what it was handed.
struct Peer {
  explicit Peer(asio::io_context& context, std::shared_ptr<OpensslSealer> sealer = nullptr) {
    AsioGossip::Handlers handlers;
    handlers.on_packet = [this](const Address& from, const gossip::Packet& packet) {
      sources.push_back(from);
      packets.push_back(packet);
    };
    handlers.on_sync_request = [this](std::uint64_t exchange, const gossip::Sync& sync) {
      requests.push_back(sync);
      if (answer) gossip->answer_sync(exchange, *answer);
    };
    handlers.on_sync_reply = [this](std::uint64_t id, const gossip::Sync& sync) {
      reply_ids.push_back(id);
      replies.push_back(sync);
    };
    handlers.on_sync_failed = [this](std::uint64_t id) { failed.push_back(id); };
    handlers.on_stream_ping = [this](std::uint64_t exchange, const gossip::Packet& packet) {
      packets.push_back(packet);
      if (ack) gossip->answer_stream_ping(exchange, *ack);
    };
    handlers.on_stream_ping_ended = [this](std::uint32_t sequence, const gossip::Packet* packet) {
      pings_ended.emplace_back(
          sequence, packet == nullptr ? std::optional<gossip::Packet>() : std::optional(*packet));
    };
    handlers.on_unreachable = [this](const Address& to) { unreachable.push_back(to); };
    handlers.on_dropped = [this](GossipDrop reason, const Address&) { dropped.push_back(reason); };
    gossip =
        AsioGossip::open(context, {"127.0.0.1", 0}, std::move(handlers), std::move(sealer)).value();
  }
  [[nodiscard]] Address address() const { return gossip->local(); }

  std::unique_ptr<AsioGossip> gossip;
  std::optional<gossip::Sync> answer;
  std::vector<Address> sources;
  std::vector<gossip::Packet> packets;
  std::vector<gossip::Sync> requests, replies;
  std::vector<std::uint64_t> reply_ids, failed;
  std::vector<GossipDrop> dropped;
  std::optional<gossip::Packet> ack;
  std::vector<std::pair<std::uint32_t, std::optional<gossip::Packet>>> pings_ended;
  std::vector<Address> unreachable;
};

struct AsioGossipTest : testing::Test {
  template <class Done>
  bool wait(const Done& done, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done() && std::chrono::steady_clock::now() < end) {
      context.run_one_for(std::chrono::milliseconds(20));
    }
    return done();
  }
  void throw_datagram(const std::string& bytes) { throw_datagram(bytes, b); }
  void throw_datagram(const std::string& bytes, const Peer& to) {
    udp::socket socket(context, udp::endpoint(udp::v4(), 0));
    socket.send_to(asio::buffer(bytes),
                   udp::endpoint(asio::ip::make_address("127.0.0.1"), to.address().port));
  }
  tcp::socket throw_stream(const std::string& bytes) { return throw_stream(bytes, b); }
  tcp::socket throw_stream(const std::string& bytes, const Peer& to) {
    tcp::socket socket(context);
    socket.connect(tcp::endpoint(asio::ip::make_address("127.0.0.1"), to.address().port));
    asio::write(socket, asio::buffer(bytes));
    return socket;
  }
  static gossip::Packet ping() {
    gossip::Packet packet;
    packet.kind = gossip::PacketKind::Ping;
    packet.cluster = 7;
    packet.sequence = 9;
    packet.from = "a";
    packet.target = "b";
    return packet;
  }
  static gossip::Sync table(const std::string& from, int members) {
    gossip::Sync sync;
    sync.cluster = 7;
    sync.from = from;
    for (int i = 0; i < members; ++i) {
      gossip::Claim claim;
      claim.name = from + std::to_string(i);
      gossip::Card card{claim.name, {"127.0.0.1", 7946}, {}};
      card.meta.zone = "zone";
      claim.card = std::make_shared<const gossip::Card>(std::move(card));
      sync.members.push_back(claim);
    }
    return sync;
  }

  asio::io_context context;
  Peer a{context};
  Peer b{context};
};

TEST_F(AsioGossipTest, CarriesAPacketWithItsSource) {
  a.gossip->send(b.address(), ping());
  ASSERT_TRUE(wait([&] { return !b.packets.empty(); }));
  EXPECT_EQ(b.packets[0], ping());
  EXPECT_EQ(b.sources[0], a.address());
}

TEST_F(AsioGossipTest, ResolvesNamesWithoutBlocking) {
  // A packet may be lost while the name is being resolved: it is sent until it arrives.
  EXPECT_TRUE(wait([&] {
    a.gossip->send({"localhost", b.address().port}, ping());
    return !b.packets.empty();
  }));
  b.answer = table("b", 1);
  a.gossip->start_sync(1, {"localhost", b.address().port}, table("a", 1));
  EXPECT_TRUE(wait([&] { return !a.replies.empty() || !a.failed.empty(); }));
  EXPECT_EQ(a.replies.size(), 1U);
}

TEST_F(AsioGossipTest, ExchangesTablesOfAnySizeBothWays) {
  std::uint64_t id = 0;
  for (const int members : {0, 1, 5000}) {
    b.answer = table("b", members);
    a.gossip->start_sync(++id, b.address(), table("a", members));
    ASSERT_TRUE(wait([&] { return a.replies.size() == id; })) << members;
    EXPECT_EQ(b.requests.back(), table("a", members));
    EXPECT_EQ(a.replies.back(), table("b", members));
    EXPECT_EQ(a.reply_ids.back(), id);
  }
  EXPECT_TRUE(a.failed.empty());
}

TEST_F(AsioGossipTest, AnExchangeWithNobodyFails) {
  const Address nobody = b.address();
  b.gossip->close();
  a.gossip->start_sync(5, nobody, table("a", 1));
  EXPECT_TRUE(a.failed.empty());  // never from within the call
  ASSERT_TRUE(wait([&] { return !a.failed.empty(); }));
  EXPECT_EQ(a.failed, std::vector<std::uint64_t>{5});
  a.gossip->start_sync(6, {"no-such-host.invalid", 7946}, table("a", 1));
  ASSERT_TRUE(wait([&] { return a.failed.size() == 2; }));
}

TEST_F(AsioGossipTest, AnExchangeThatIsNotAnsweredFailsAtItsDeadline) {
  const auto began = std::chrono::steady_clock::now();
  a.gossip->start_sync(5, b.address(), table("a", 1));  // b has no answer
  ASSERT_TRUE(wait([&] { return !a.failed.empty(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, kGossipExchangeTime);
  EXPECT_EQ(a.failed, std::vector<std::uint64_t>{5});
}

TEST_F(AsioGossipTest, GarbageDatagramsAreDroppedAndCountedByReason) {
  throw_datagram("");
  throw_datagram("x");
  throw_datagram("GET / HTTP/1.1\r\n\r\n");
  throw_datagram(std::string("M\x01\xff\xff\xff\xff", 6));
  throw_datagram(std::string("M\x09", 2));
  throw_datagram(std::string("M\x00", 2));
  throw_datagram(std::string(kGossipDatagramMax + 1, 'M'));
  ASSERT_TRUE(wait([&] { return b.dropped.size() == 7; })) << b.dropped.size();
  using enum GossipDrop;
  EXPECT_EQ(b.dropped, (std::vector{Malformed, Malformed, Malformed, Malformed, WrongVersion,
                                    WrongVersion, Oversized}));
  EXPECT_TRUE(b.packets.empty());
  a.gossip->send(b.address(), ping());
  EXPECT_TRUE(wait([&] { return b.packets.size() == 1; }));
}

TEST_F(AsioGossipTest, HostileFramesAreDroppedAndCountedByReason) {
  using enum GossipDrop;
  const std::vector<std::pair<std::string, GossipDrop>> rows = {
      {std::string("\xff\xff\xff\xff", 4), Oversized},
      {std::string("\x00\x80\x00\x01", 4), Oversized},
      {std::string("\x00\x00\x00\x00", 4), Malformed},
      {std::string("\x00\x00\x00\x06M\x01\xff\xff\xff\xff", 10), Malformed},
      {std::string("\x00\x00\x00\x02M\x09", 6), WrongVersion},
      {"GET / HTTP/1.1\r\n\r\n", Oversized},
  };
  for (const auto& [bytes, reason] : rows) {
    b.dropped.clear();
    const tcp::socket socket = throw_stream(bytes);
    ASSERT_TRUE(wait([&] { return !b.dropped.empty(); })) << bytes;
    EXPECT_EQ(b.dropped[0], reason);
  }
  EXPECT_TRUE(b.requests.empty());
}

TEST_F(AsioGossipTest, AnAnswerOfGarbageFailsTheExchange) {
  tcp::acceptor liar(context, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  std::optional<tcp::socket> connection;
  liar.async_accept([&](const asio::error_code&, tcp::socket socket) {
    connection.emplace(std::move(socket));
    asio::write(*connection, asio::buffer(std::string("\xff\xff\xff\xff", 4)));
  });
  a.gossip->start_sync(3, {"127.0.0.1", liar.local_endpoint().port()}, table("a", 1));
  ASSERT_TRUE(wait([&] { return !a.failed.empty(); }));
  EXPECT_EQ(a.dropped, std::vector<GossipDrop>{GossipDrop::Oversized});
}

TEST_F(AsioGossipTest, ConnectionsBeyondTheLimitAreRefusedAndIdleOnesEnd) {
  std::vector<tcp::socket> idle;
  for (std::size_t i = 0; i < kGossipExchangesMax + 3; ++i) idle.push_back(throw_stream("x"));
  ASSERT_TRUE(wait([&] { return b.dropped.size() >= 3; }));
  EXPECT_EQ(b.dropped, std::vector<GossipDrop>(3, GossipDrop::TooMany));
  b.dropped.clear();
  ASSERT_TRUE(wait([&] { return b.dropped.size() == kGossipExchangesMax; }));
  EXPECT_EQ(b.dropped.back(), GossipDrop::TooSlow);
  b.answer = table("b", 1);
  a.gossip->start_sync(1, b.address(), table("a", 1));
  EXPECT_TRUE(wait([&] { return a.replies.size() == 1; }));
}

std::shared_ptr<OpensslSealer> sealer(unsigned char first) {
  RingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(first + i);
  return OpensslSealer::make({key}).value();
}

TEST_F(AsioGossipTest, WithOneKeyPacketsAndTablesOfAnySizeArriveSealed) {
  Peer c(context, sealer(1));
  Peer d(context, sealer(1));
  c.gossip->send(d.address(), ping());
  ASSERT_TRUE(wait([&] { return !d.packets.empty(); }));
  EXPECT_EQ(d.packets[0], ping());
  for (const int members : {0, 5000}) {
    d.answer = table("d", members);
    c.replies.clear();
    c.gossip->start_sync(1, d.address(), table("c", members));
    ASSERT_TRUE(wait([&] { return !c.replies.empty(); }));
    EXPECT_EQ(d.requests.back(), table("c", members));
    EXPECT_EQ(c.replies.back(), table("d", members));
  }
  EXPECT_TRUE(d.dropped.empty());
}

TEST_F(AsioGossipTest, SealedPlainAndForeignMembersDoNotHearEachOther) {
  Peer c(context, sealer(1));
  Peer foreign(context, sealer(99));
  using enum GossipDrop;
  struct Row {
    Peer& from;
    Peer& to;
    GossipDrop reason;
  };
  std::uint64_t id = 0;
  for (const Row& row : {Row{a, c, Unsealed}, Row{c, a, Sealed}, Row{foreign, c, UnknownKey},
                         Row{c, foreign, UnknownKey}}) {
    row.to.answer = table("x", 1);
    row.to.dropped.clear();
    row.from.failed.clear();
    row.from.gossip->send(row.to.address(), ping());
    row.from.gossip->start_sync(++id, row.to.address(), table("y", 1));
    ASSERT_TRUE(wait([&] { return row.to.dropped.size() == 2 && !row.from.failed.empty(); }));
    EXPECT_EQ(row.to.dropped, std::vector(2, row.reason));
    EXPECT_TRUE(row.to.packets.empty());
    EXPECT_TRUE(row.to.requests.empty());
  }
}

TEST_F(AsioGossipTest, HostileSealedMessagesAreDroppedAndCountedByReason) {
  Peer c(context, sealer(1));
  const auto other = sealer(1);
  const auto frame = [](const std::string& body) {
    return std::string{0, 0, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())} +
           body;
  };
  using enum GossipDrop;
  for (const SealKind kind : {SealKind::Datagram, SealKind::Stream}) {
    const std::string taken = other->seal(kind, std::string("M\x01", 2));
    std::string flipped = other->seal(kind, std::string("M\x01", 2));
    flipped[25] = static_cast<char>(flipped[25] ^ 4);
    std::string wrong_format = taken;
    wrong_format[1] = 2;
    const std::vector<std::pair<std::string, GossipDrop>> rows = {
        {taken.substr(0, 30), Malformed},
        {flipped, Unauthentic},
        {wrong_format, WrongVersion},
        {sealer(9)->seal(kind, "M"), UnknownKey},
        {other->seal(kind, "M"), Malformed},  // true, but no message
        {other->seal(kind, std::string("M\x09", 2)), WrongVersion},
        {std::string("M\x01", 2), Unsealed},
    };
    for (const auto& [bytes, reason] : rows) {
      c.dropped.clear();
      std::optional<tcp::socket> socket;
      if (kind == SealKind::Datagram) throw_datagram(bytes, c);
      if (kind == SealKind::Stream) socket = throw_stream(frame(bytes), c);
      ASSERT_TRUE(wait([&] { return !c.dropped.empty(); })) << to_text(reason);
      EXPECT_EQ(c.dropped, std::vector{reason}) << to_text(reason);
    }
  }
}

TEST_F(AsioGossipTest, ARecordedDatagramIsTakenOnce) {
  Peer c(context, sealer(1));
  udp::socket wire(context, udp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  Peer d(context, sealer(1));
  d.gossip->send({"127.0.0.1", wire.local_endpoint().port()}, ping());
  std::string recorded(2000, '\0');
  recorded.resize(wire.receive(asio::buffer(recorded)));
  for (int i = 0; i < 3; ++i) throw_datagram(recorded, c);
  ASSERT_TRUE(wait([&] { return c.dropped.size() == 2; }));
  EXPECT_EQ(c.packets.size(), 1U);
  EXPECT_EQ(c.dropped, std::vector(2, GossipDrop::Replayed));
}

// A sealed stream ping takes the same way as a plain one, so both are tried.
TEST_F(AsioGossipTest, AStreamPingBringsItsAckBackPlainAndSealed) {
  for (const bool sealed : {false, true}) {
    Peer from(context, sealed ? sealer(1) : nullptr);
    Peer to(context, sealed ? sealer(1) : nullptr);
    gossip::Packet ack = ping();
    ack.kind = gossip::PacketKind::Ack;
    ack.from = "b";
    ack.version = 2;
    to.ack = ack;
    from.gossip->start_stream_ping(9, to.address(), ping(), std::chrono::seconds(5));
    ASSERT_TRUE(wait([&] { return !from.pings_ended.empty(); }));
    EXPECT_EQ(from.pings_ended[0].first, 9U);
    ASSERT_TRUE(from.pings_ended[0].second.has_value());
    EXPECT_EQ(*from.pings_ended[0].second, ack);
    ASSERT_EQ(to.packets.size(), 1U);
    EXPECT_EQ(to.packets[0], ping());
    from.gossip->close();
    to.gossip->close();
  }
}

TEST_F(AsioGossipTest, AStreamPingThatIsRefusedOrNotAnsweredEndsAtOnceAndAFrozenOneInSilence) {
  Address nobody;
  {
    Peer gone(context);
    nobody = gone.address();
    gone.gossip->close();
  }
  a.gossip->start_stream_ping(1, nobody, ping(), std::chrono::seconds(5));
  ASSERT_TRUE(wait([&] { return !a.pings_ended.empty(); }));
  EXPECT_FALSE(a.pings_ended[0].second.has_value());
  a.gossip->start_stream_ping(2, b.address(), ping(), std::chrono::seconds(5));
  ASSERT_TRUE(wait([&] { return a.pings_ended.size() == 2; }));  // b does not answer
  EXPECT_FALSE(a.pings_ended[1].second.has_value());
  tcp::acceptor frozen(context, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
  a.gossip->start_stream_ping(3, {"127.0.0.1", frozen.local_endpoint().port()}, ping(),
                              std::chrono::milliseconds(50));
  b.ack = ping();
  a.gossip->start_stream_ping(4, b.address(), ping(), std::chrono::seconds(5));
  ASSERT_TRUE(wait([&] { return a.pings_ended.size() == 3; }));
  EXPECT_EQ(a.pings_ended[2].first, 4U);
}

TEST_F(AsioGossipTest, AnIcmpErrorNamesWhereNobodyListensAndHoldsNothingUp) {
  Address nobody;
  {
    Peer gone(context);
    nobody = gone.address();
    gone.gossip->close();
  }
  a.gossip->send(nobody, ping());
  ASSERT_TRUE(wait([&] { return !a.unreachable.empty(); }));
  EXPECT_EQ(a.unreachable[0], nobody);
  // The socket works on, both ways, also with an error pending in front of each send.
  for (std::uint32_t i = 0; i < 20; ++i) {
    a.gossip->send(nobody, ping());
    gossip::Packet packet = ping();
    packet.sequence = i;
    a.gossip->send(b.address(), packet);
    b.gossip->send(a.address(), packet);
  }
  EXPECT_TRUE(wait([&] { return b.packets.size() == 20 && a.packets.size() == 20; }));
}

TEST_F(AsioGossipTest, APortInUseIsNamed) {
  const auto second = AsioGossip::open(context, b.address(), {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Conflict);
  EXPECT_NE(second.error().text.find(b.address().text()), std::string::npos) << second.error().text;
  const Address taken{"127.0.0.1", b.address().port};
  b.gossip->close();
  const tcp::acceptor other(context, tcp::endpoint(asio::ip::make_address(taken.host), taken.port));
  const auto third = AsioGossip::open(context, taken, {});
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().text.find("TCP"), std::string::npos) << third.error().text;
}

TEST_F(AsioGossipTest, AForeignAddressIsRefusedWithItsName) {
  const auto refused = AsioGossip::open(context, {"192.0.2.1", 7946}, {});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("192.0.2.1:7946"), std::string::npos);
}

TEST_F(AsioGossipTest, NothingIsHandedInAfterClose) {
  b.answer = table("b", 1);
  a.gossip->start_sync(1, b.address(), table("a", 1));
  a.gossip->send(b.address(), ping());
  a.gossip->close();
  a.gossip->close();
  a.gossip.reset();
  wait([&] { return !b.packets.empty(); });
  EXPECT_TRUE(a.replies.empty());
  EXPECT_TRUE(a.failed.empty());
}

}  // namespace
}  // namespace muster::health
