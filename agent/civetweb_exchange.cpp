#include "agent/civetweb_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <civetweb.h>

namespace muster::agent {
namespace {

constexpr std::size_t kDrainBytesMax = std::size_t{16} << 20;  // of a body that is not wanted
constexpr std::size_t kJoinedBytesMax = std::size_t{64} << 10;
constexpr std::size_t kWriteBytesMax = std::size_t{1} << 20;

std::string_view view_of(const char* text) { return text == nullptr ? std::string_view() : text; }

// As long for every wrong guess.
bool same_secret(std::string_view given, std::string_view secret) {
  unsigned char difference = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = i < secret.size() ? secret[i] : '\0';
    difference = static_cast<unsigned char>(difference | (given[i] ^ expected));
  }
  return difference == 0;
}

}  // namespace

Exchange::Exchange(mg_connection* connection, std::string_view front) : connection_(connection) {
  const mg_request_info& info = *mg_get_request_info(connection);
  method_ = view_of(info.request_method);
  path_ = view_of(info.local_uri_raw);
  query_ = view_of(info.query_string);
  address_ = view_of(info.remote_addr);
  if (!front.empty()) read_front(front);
}

void Exchange::read_front(std::string_view front) {
  stray_ = !same_secret(header("X-Muster-Front"), front);
  if (stray_) return;
  address_ = header("X-Muster-Peer-Address");
  const auto role = parse_role(header("X-Muster-Peer-Role"));
  if (!role || header("X-Muster-Peer-Name").empty()) return;
  UserIdentity user;
  user.name = header("X-Muster-Peer-Name");
  user.role = *role;
  user.serial = header("X-Muster-Peer-Serial");
  user.cluster = header("X-Muster-Peer-Cluster");
  const std::string_view expires = header("X-Muster-Peer-Expires");
  std::int64_t milliseconds = 0;  // long ago, when it is not said
  std::from_chars(expires.data(), expires.data() + expires.size(), milliseconds);
  user.expires = WallTime(std::chrono::milliseconds(milliseconds));
  certificate_ = std::move(user);
}

std::string_view Exchange::header(const char* name) const {
  return view_of(mg_get_header(connection_, name));
}

bool Exchange::has_header(const char* name) const {
  return mg_get_header(connection_, name) != nullptr;
}

std::optional<std::string> Exchange::body(std::size_t bytes_max) {
  const long long announced = mg_get_request_info(connection_)->content_length;
  if (announced > static_cast<long long>(bytes_max)) return std::nullopt;
  std::string body;
  if (announced == 0) return body;
  if (announced > 0) body.reserve(static_cast<std::size_t>(announced));
  if (has_header("Expect")) {
    constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
    mg_write(connection_, kGoOn.data(), kGoOn.size());
  }
  std::array<char, 16 * 1024> bytes{};
  while (true) {
    const int got = mg_read(connection_, bytes.data(), bytes.size());
    if (got <= 0) return body;
    body.append(bytes.data(), static_cast<std::size_t>(got));
    if (body.size() > bytes_max) return std::nullopt;
  }
}

// What the client still sends is read and thrown away, so that it reads the answer and no reset.
void Exchange::drain() {
  std::array<char, 16 * 1024> bytes{};
  std::size_t total = 0;
  while (total < kDrainBytesMax) {
    const int got = mg_read(connection_, bytes.data(), bytes.size());
    if (got <= 0) return;
    total += static_cast<std::size_t>(got);
  }
}

namespace {

std::string head_of(mg_connection* connection, const ApiResponse& response) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += mg_get_response_code_text(connection, response.status);
  out += "\r\nContent-Type: ";
  out += response.content_type;
  out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  for (const auto& [name, value] : response.headers) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  return out;
}

}  // namespace

void Exchange::answer(const ApiResponse& response, bool close) {
  if (response.status == 413) {
    drain();
    close = true;
  }
  std::string out = head_of(connection_, response);
  if (response.status != 304) {
    out += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
  }
  if (close) {
    mg_disable_keep_alive(connection_);
    out += "Connection: close\r\n";
  }
  out += "\r\n";
  const bool with_body = method_ != "HEAD" && response.status != 304;
  // Headers and a small body leave in one write: civetweb's own way costs a delayed ACK a request.
  const bool joined = response.body.size() <= kJoinedBytesMax;
  if (with_body && joined) out += response.body;
  bool alive = mg_write(connection_, out.data(), out.size()) > 0;
  if (!with_body || joined) return;
  for (std::size_t at = 0; alive && at < response.body.size();) {
    const std::size_t size = std::min(kWriteBytesMax, response.body.size() - at);
    alive = mg_write(connection_, response.body.data() + at, size) > 0;
    at += size;
  }
}

bool Exchange::begin_stream(const ApiResponse& head) {
  mg_disable_keep_alive(connection_);
  std::string out = head_of(connection_, head);
  out += "Connection: close\r\n\r\n";
  out += head.body;
  return mg_write(connection_, out.data(), out.size()) > 0;
}

bool Exchange::stream(std::string_view bytes) {
  return mg_write(connection_, bytes.data(), bytes.size()) > 0;
}

}  // namespace muster::agent
