// How does the command line ask an agent?
//
// A driver (libcurl through base/curl_transfers.h, files). Blocks. Knows HTTP and problem bodies,
// not what the answers mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/cli_commands.h"
#include "base/curl_transfers.h"
#include "base/error.h"

namespace muster::agent {

// Which agent, as whom, and how what it says is shown; of the command line.
struct Target {
  std::string address = "127.0.0.1:7948";
  bool https = false;      // also whenever a CA is there
  std::string ca;          // PEM file; empty: ca.pem of identity_dir, if there is one
  std::string token_file;  // empty: MUSTER_TOKEN_FILE, MUSTER_TOKEN, admin.token of identity_dir
  // PEM files of a user's certificate and of its key; used unless token_file is given.
  std::string certificate;
  std::string key;  // empty: it is in the certificate's file
  std::string identity_dir = "/var/lib/muster/identity";
  bool plain = false;            // http:// was written: neither TLS nor a token
  std::string output = "table";  // table or json
  [[nodiscard]] bool json() const { return output == "json"; }
  [[nodiscard]] Target at(std::string other) const {
    Target target = *this;
    target.address = std::move(other);
    return target;
  }
};

class AgentClient {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  explicit AgentClient(const Target& target) : target_(target) {}

  // The body of a 2xx answer. Fails with the code that the answer's status stands for and a line
  // that names the address or says what the agent said; with Unavailable when no agent answers.
  // What only a quorum could answer is then asked of what the agent itself has, if it has it: the
  // answer says that it is stale.
  [[nodiscard]] Result<std::string> get(const std::string& path) const;
  [[nodiscard]] Result<std::string> post(const std::string& path, std::string body) const;
  [[nodiscard]] Result<std::string> put(const std::string& path, std::string body,
                                        Headers headers) const;
  [[nodiscard]] Result<std::string> remove(const std::string& path, Headers headers = {}) const;
  // As get(), for an answer that may be large and take long; never a stale one.
  [[nodiscard]] Result<std::string> download(const std::string& path, std::size_t bytes_max,
                                             Duration patience) const;
  // Hands on an answer without end as it comes, until `take` returns false or the agent ends it.
  Status follow(const std::string& path, std::function<bool(std::string_view)> take) const;

 private:
  [[nodiscard]] Result<std::string> ask(const char* method, const std::string& path,
                                        std::string body, Headers headers) const;
  [[nodiscard]] Result<std::string> ask(HttpRequest request) const;
  Target target_;
};

// How a command that failed with this code ends.
[[nodiscard]] Exit exit_of(Code code);

}  // namespace muster::agent
