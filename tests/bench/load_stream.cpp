#include "load_stream.h"

#include <stdexcept>

#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

namespace muster::load {

using asio::ip::tcp;

std::shared_ptr<asio::ssl::context> tls_context(const TlsFiles& files) {
  if (!files.on) return nullptr;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  if (files.ca.empty()) {
    context->set_verify_mode(asio::ssl::verify_none);
  } else {
    context->load_verify_file(files.ca);
    context->set_verify_mode(asio::ssl::verify_peer);
  }
  if (!files.certificate.empty()) context->use_certificate_chain_file(files.certificate);
  if (!files.key.empty()) context->use_private_key_file(files.key, asio::ssl::context::pem);
  return context;
}

tcp::endpoint endpoint_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  asio::error_code error;
  const auto address = asio::ip::make_address(text.substr(0, colon), error);
  if (colon == std::string::npos || error) {
    throw std::invalid_argument(text + ": expected ADDRESS:PORT with a numeric address");
  }
  return {address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

Stream::Stream(asio::io_context& io, std::shared_ptr<asio::ssl::context> tls)
    : tls_(std::move(tls)), socket_(io) {
  if (tls_) secure_.emplace(socket_, *tls_);
}

asio::awaitable<void> Stream::connect(tcp::endpoint to) {
  co_await reach(to);
  co_await shake();
}

asio::awaitable<void> Stream::reach(tcp::endpoint to) {
  co_await socket_.async_connect(to, asio::use_awaitable);
  socket_.set_option(tcp::no_delay(true));
}

asio::awaitable<void> Stream::shake() {
  if (secure_) {
    co_await secure_->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  }
}

asio::awaitable<std::size_t> Stream::read_some(asio::mutable_buffer into) {
  if (secure_) co_return co_await secure_->async_read_some(into, asio::use_awaitable);
  co_return co_await socket_.async_read_some(into, asio::use_awaitable);
}

asio::awaitable<void> Stream::write(asio::const_buffer bytes) {
  if (secure_) {
    co_await asio::async_write(*secure_, bytes, asio::use_awaitable);
  } else {
    co_await asio::async_write(socket_, bytes, asio::use_awaitable);
  }
}

void Stream::close() {
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace muster::load
