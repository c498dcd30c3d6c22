// How shall the door for metrics speak TLS, and to whom, by the file that exporters take?
//
// A driver (yaml-cpp through base/yaml_reader.h, OpenSSL, files). The file is of the format that
// Prometheus's exporters have for --web.config.file. Blocks for a moment; any thread. Unlike them
// it never guesses: what it does not know, it refuses, with the file's name, line and column.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/posix_file_stamp.h"
#include "base/error.h"

namespace muster::identity {
class OpensslServerTls;
}

namespace muster::agent {

struct WebConfig {
  std::shared_ptr<const identity::OpensslServerTls> tls;  // null: plain HTTP
  bool verifies_clients = false;  // each must have a certificate of client_ca_file
  std::vector<std::pair<std::string, std::string>> headers;  // of every answer
  std::map<std::string, std::string> users;  // name -> bcrypt hash; empty: nobody is asked

  // Not everybody who reaches the port gets in.
  [[nodiscard]] bool proves() const { return verifies_clients || !users.empty(); }
};

struct LoadedWebConfig {
  // InvalidArgument: a line of text for each problem, each `FILE:LINE:COLUMN: KEY: ...`; or as
  // read_yaml_text() fails.
  Result<WebConfig> config;
  // What it depends on, as it was right before it was read.
  std::vector<std::pair<std::string, std::optional<FileStamp>>> files;

  // Of the files, as they are now.
  [[nodiscard]] std::vector<std::optional<FileStamp>> stamps() const;
  // One of them was another file then. `now`: what stamps() gave.
  [[nodiscard]] bool stale(const std::vector<std::optional<FileStamp>>& now) const;
};

// `must_prove`: it is a problem when not proves().
[[nodiscard]] LoadedWebConfig load_web_config(const std::string& path, bool must_prove);

// What is wrong with the file that `config` names, if it names one.
[[nodiscard]] Status check_web_config(const Config& config);

}  // namespace muster::agent
