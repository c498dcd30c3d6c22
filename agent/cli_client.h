// How does the command line ask an agent?
//
// A driver (libcurl through base/curl_transfers.h). Blocks. Knows HTTP and problem bodies, not what
// the answers mean.
#pragma once

#include <string>

#include "agent/cli_commands.h"
#include "base/curl_transfers.h"
#include "base/error.h"

namespace muster::agent {

// Which agent, and how what it says is shown; of the command line.
struct Target {
  std::string address = "127.0.0.1:7948";
  std::string output = "table";  // table or json
  [[nodiscard]] bool json() const { return output == "json"; }
};

class AgentClient {
 public:
  explicit AgentClient(std::string address) : address_(std::move(address)) {}

  // The body of a 2xx answer. Fails with the code that the answer's status stands for and a line
  // that names the address or says what the agent said; with Unavailable when no agent answers.
  [[nodiscard]] Result<std::string> get(const std::string& path) const;
  [[nodiscard]] Result<std::string> post(const std::string& path, std::string body) const;
  [[nodiscard]] Result<std::string> remove(const std::string& path) const;
  // A GET whose answer may be large and take long.
  [[nodiscard]] Result<std::string> download(const std::string& path, std::size_t bytes_max,
                                             Duration patience) const;

 private:
  [[nodiscard]] Result<std::string> ask(const char* method, const std::string& path,
                                        std::string body) const;
  [[nodiscard]] Result<std::string> ask(HttpRequest request) const;
  std::string address_;
};

// How a command that failed with this code ends.
[[nodiscard]] Exit exit_of(Code code);

}  // namespace muster::agent
