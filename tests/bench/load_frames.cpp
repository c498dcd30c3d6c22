#include "load_frames.h"

#include <array>
#include <stdexcept>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include "agent/config.h"
#include "agent/frame_head.h"
#include "base/protobuf_codec.h"

namespace muster::load {
using agent::kHeadBytes;
using agent::length_at;
using agent::with_length;

void FrameStream::open(asio::ip::tcp::endpoint to) {
  asio::co_spawn(
      io_, [self = shared_from_this(), to] { return self->live(to); }, asio::detached);
}

asio::awaitable<void> FrameStream::live(asio::ip::tcp::endpoint to) {
  const auto self = shared_from_this();
  std::string why;
  try {
    co_await stream_.reach(to);
    if (handlers_.on_reached && !closed_) handlers_.on_reached();
    if (closed_) co_return;
    co_await stream_.shake();
    open_ = true;
    if (!closed_) handlers_.on_opened();
    std::array<char, 16384> chunk;  // NOLINT: filled by the read
    while (!closed_) {
      const std::size_t size = co_await stream_.read_some(asio::buffer(chunk));
      inbox_.append(chunk.data(), size);
      take_frames();
    }
  } catch (const asio::system_error& error) {
    why = error.code().message();
  }
  if (closed_) co_return;
  closed_ = true;
  stream_.close();
  handlers_.on_closed(why);
}

void FrameStream::take_frames() {
  std::string_view rest = inbox_;
  while (rest.size() >= kHeadBytes && rest.size() >= kHeadBytes + length_at(rest)) {
    const std::size_t size = length_at(rest);
    Result<rpc::Frame> frame = decode_frame(rest.substr(kHeadBytes, size));
    if (!frame) throw std::runtime_error("a frame makes no sense: " + frame.error().text);
    rest.remove_prefix(kHeadBytes + size);
    handlers_.on_frame(std::move(*frame));
    if (closed_) return;
  }
  inbox_.erase(0, inbox_.size() - rest.size());
}

void FrameStream::send(const rpc::Frame& frame) {
  if (closed_) return;
  queue_ += with_length(encode(frame));
  if (writing_ || !open_) return;
  writing_ = true;
  asio::co_spawn(
      io_, [self = shared_from_this()] { return self->write_queue(); }, asio::detached);
}

asio::awaitable<void> FrameStream::write_queue() {
  const auto self = shared_from_this();
  try {
    while (!queue_.empty() && !closed_) {
      const std::string bytes = std::exchange(queue_, {});
      co_await stream_.write(asio::buffer(bytes));
    }
  } catch (const asio::system_error&) {
    stream_.close();  // the reader says why
  }
  writing_ = false;
}

void FrameStream::close() {
  closed_ = true;
  stream_.close();
}

std::vector<std::pair<NodeName, Address>> masters_of(const AgentOptions& options) {
  std::vector<std::pair<NodeName, Address>> masters;
  for (const std::string& text : options.masters) {
    const std::size_t equal = text.find('=');
    const auto address = parse_address(text.substr(std::min(equal, text.size() - 1) + 1));
    if (equal == std::string::npos || !address) {
      throw std::invalid_argument(text + ": expected NAME=ADDRESS:PORT");
    }
    masters.emplace_back(text.substr(0, equal), *address);
  }
  return masters;
}

rpc::Hello hello_of(const AgentOptions& options, const std::string& name) {
  agent::Config config;
  config.cluster = options.cluster;
  for (const auto& [master, rpc] : masters_of(options)) config.masters.push_back({master, rpc, {}});
  rpc::Hello hello;
  hello.cluster = options.cluster;
  hello.from = name;
  // With certificates the list of masters is the cluster's own business.
  hello.masters = options.tls.on ? 0 : config.masters_digest();
  return hello;
}

std::shared_ptr<asio::ssl::context> tls_of(const AgentOptions& options, const std::string& name) {
  TlsFiles files = options.tls;
  if (!options.identities.empty()) {
    files.certificate = options.identities + "/" + name + ".pem";
    files.key = options.identities + "/" + name + ".key";
  }
  return tls_context(files);
}

}  // namespace muster::load
