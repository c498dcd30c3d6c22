// Drivers answer from the event loop, never from within the call that asks: what Node decides on an
// answer would overtake what it had decided before, in the log too.
#include <variant>

#include <asio/io_context.hpp>
#include <gtest/gtest.h>

#include "agent/asio_processes.h"
#include "agent/asio_rpc.h"

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
  handlers.on_opened = [](StreamId) {};
  handlers.on_accepted = [](StreamId) {};
  handlers.on_closed = [&](StreamId id, const std::string&) { closed += id == stream ? 1 : 0; };
  handlers.on_frame = [](StreamId, const rpc::Frame&) {};
  handlers.on_dropped = [](const std::string&) {};
  const auto rpc = AsioRpc::open(io, {"127.0.0.1", 0}, handlers);
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

}  // namespace
}  // namespace muster::agent
