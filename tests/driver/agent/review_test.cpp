// Drivers answer from the event loop, never from within the call that asks: what Node decides on an
// answer would overtake what it had decided before, in the log too.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include "agent/asio_processes.h"
#include "agent/asio_rpc.h"
#include "base/protobuf_codec.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

TEST(AsioProcesses, TellsOfAProcessThatIsGoneOnlyAfterTheCall) {
  asio::io_context io;
  std::size_t told = 0;
  AsioProcesses processes(io, "/tmp", [&](const Event& event) {
    told += std::holds_alternative<ProcessExited>(event) ? 1 : 0;
  });
  processes.signal({7, 999'999'999, 1, Signal::Terminate});
  EXPECT_EQ(told, 0U);
  while (told == 0 && io.run_one_for(5s) > 0) {
  }
  EXPECT_EQ(told, 1U);
}

TEST(AsioRpc, ClosesAStreamWhosePeerDoesNotReadOnlyAfterTheCall) {
  asio::io_context io;
  std::size_t closed = 0;
  StreamId stream = 0;
  AsioRpc::Handlers handlers;
  handlers.on_opened = [](StreamId, const AsioRpc::Peer&) {};
  handlers.on_accepted = [](StreamId, const AsioRpc::Peer&) {};
  handlers.on_closed = [&](StreamId id, const std::string&) { closed += id == stream ? 1 : 0; };
  handlers.on_frame = [](StreamId, const rpc::Frame&) {};
  handlers.on_dropped = [](const AsioRpc::Dropped&) {};
  const auto rpc = AsioRpc::open(io, {"127.0.0.1", 0}, nullptr, handlers);
  ASSERT_TRUE(rpc.has_value()) << rpc.error().text;
  stream = 1;
  // Not connected before the loop runs, so everything waits.
  (*rpc)->connect(stream, {"127.0.0.1", 9});
  const rpc::ReadReply reply{1, 200, std::string(std::size_t{4} << 20, 'x')};
  for (int i = 0; i < 40; ++i) (*rpc)->send(stream, reply);
  EXPECT_EQ(closed, 0U);
  while (closed == 0 && io.run_one_for(5s) > 0) {
  }
  EXPECT_EQ(closed, 1U);
}

// Reads until the other side has closed.
struct Reader {
  explicit Reader(asio::io_context& io) : acceptor(io, {asio::ip::make_address("127.0.0.1"), 0}) {
    acceptor.async_accept([this](const asio::error_code& error, asio::ip::tcp::socket accepted) {
      ASSERT_FALSE(error) << error.message();
      socket.emplace(std::move(accepted));
      read();
    });
  }
  void read() {
    socket->async_read_some(asio::buffer(chunk), [this](const asio::error_code& error, auto size) {
      bytes.append(chunk.data(), size);
      if (error) {
        ended = error;
      } else {
        read();
      }
    });
  }
  [[nodiscard]] Address address() const { return {"127.0.0.1", acceptor.local_endpoint().port()}; }

  asio::ip::tcp::acceptor acceptor;
  std::optional<asio::ip::tcp::socket> socket;
  std::array<char, 65536> chunk{};
  std::string bytes;
  std::optional<asio::error_code> ended;
};

std::string framed(const rpc::Frame& frame) {
  const std::string body = encode(frame);
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) {
    bytes.push_back(static_cast<char>((body.size() >> shift) & 0xffU));
  }
  return bytes += body;
}

// Frames that the kernel takes at once, in part and not at all: the peer gets each byte once.
TEST(AsioRpc, SendsInOrderWhatWasQueuedBeforeItClosesAStream) {
  asio::io_context io;
  Reader reader(io);
  AsioRpc::Handlers handlers;
  std::unique_ptr<AsioRpc> rpc;
  std::string sent;
  handlers.on_opened = [&](StreamId stream, const AsioRpc::Peer&) {
    for (const std::size_t size : {std::size_t{10}, std::size_t{6} << 20, std::size_t{20}}) {
      std::string body;
      for (std::size_t i = 0; i < size; ++i) body.push_back(static_cast<char>('a' + i % 23));
      const rpc::ReadReply reply{sent.size(), 200, std::move(body)};
      rpc->send(stream, reply);
      sent += framed(reply);
    }
    rpc->close(stream);
  };
  handlers.on_accepted = [](StreamId, const AsioRpc::Peer&) {};
  handlers.on_closed = [](StreamId, const std::string& why) { FAIL() << why; };
  handlers.on_frame = [](StreamId, const rpc::Frame&) {};
  handlers.on_dropped = [](const AsioRpc::Dropped& what) { FAIL() << what.reason; };
  auto opened = AsioRpc::open(io, {"127.0.0.1", 0}, nullptr, handlers);
  ASSERT_TRUE(opened.has_value()) << opened.error().text;
  rpc = std::move(*opened);
  rpc->connect(1, reader.address());
  while (!reader.ended && io.run_one_for(5s) > 0) {
  }
  ASSERT_TRUE(reader.ended.has_value());
  EXPECT_EQ(*reader.ended, asio::error::eof);
  EXPECT_EQ(reader.bytes.size(), sent.size());
  EXPECT_TRUE(reader.bytes == sent);
}

}  // namespace
}  // namespace muster::agent
