// What came as one HTTP request, and how is it answered?
//
// A part of agent/civetweb_server.h: the only part that touches a connection. One thread, for as
// long as the request lasts. Everything in it is outside data.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "agent/api_response.h"
#include "base/identity.h"

struct mg_connection;

namespace muster::agent {

class Exchange {
 public:
  // `front`: the secret of the process's own TLS front; empty: there is none.
  Exchange(mg_connection* connection, std::string_view front);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] std::string_view method() const { return method_; }
  [[nodiscard]] std::string_view path() const { return path_; }  // as it came, percent-encoded
  [[nodiscard]] std::string_view query() const { return query_; }
  [[nodiscard]] std::string_view header(const char* name) const;  // empty: it has none
  [[nodiscard]] bool has_header(const char* name) const;
  // Where the client is, numeric, without a port.
  [[nodiscard]] const std::string& address() const { return address_; }
  // That the client proved to have, in front of this server.
  [[nodiscard]] const std::optional<UserIdentity>& certificate() const { return certificate_; }
  // It came around the TLS front and must not be answered.
  [[nodiscard]] bool stray() const { return stray_; }

  // The whole body; nothing when it is larger than `bytes_max`.
  [[nodiscard]] std::optional<std::string> body(std::size_t bytes_max);
  // `close`: the connection ends with this answer.
  void answer(const ApiResponse& response, bool close);

  // An answer without end: false, once the client is gone.
  bool begin_stream(const ApiResponse& head);
  bool stream(std::string_view bytes);

 private:
  void read_front(std::string_view front);
  void drain();

  mg_connection* connection_;
  std::string_view method_;
  std::string_view path_;
  std::string_view query_;
  std::string address_;
  std::optional<UserIdentity> certificate_;
  bool stray_ = false;
};

}  // namespace muster::agent
