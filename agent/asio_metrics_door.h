// How do scrapers that know nothing of the cluster get /metrics? Through a door of their own.
//
// A driver (Asio, OpenSSL, libcrypt) with threads of its own: one that carries, one for signatures,
// one for passwords, some for scrapes. It speaks HTTP/1.1, plain or in TLS as its file says
// (agent/yaml_web_config.h), and has /metrics and a page that leads there: behind it is one
// function, so nothing else of the agent can be reached through it, whoever gets in. The file, and
// the files it names, are taken again when they have changed and on reload(); what is wrong then is
// said, and what was there before holds.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/api_response.h"
#include "agent/scrape_answer.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::agent {

struct DoorOptions {
  Address listen;          // numeric
  std::string web_config;  // path; empty: plain HTTP for everybody
  bool must_prove = false;
  Duration client_patience = std::chrono::seconds(10);  // with who stops in the middle
  Duration idle_patience = std::chrono::minutes(5);     // between two requests
  Duration look_every = std::chrono::seconds(1);        // at the files
};

struct DoorPorts {
  std::function<ApiResponse(const ScrapeAsked&)> scrape;  // on threads, several at once
  // The others on the door's thread. `reason`: one of few labels; `meaning`: for people, without a
  // secret.
  std::function<void(const std::string& reason, const std::string& meaning, const Address& from)>
      dropped;
  std::function<void(const Address& from)> not_proved;
  std::function<void(bool good, const std::string& text)> reloaded;
};

class AsioMetricsDoor {
 public:
  static constexpr std::size_t kClientsMax = 256;
  static constexpr std::size_t kScrapesMax = 40;  // under way and waiting, as exporters have it
  static constexpr std::size_t kScrapers = 4;     // threads

  // Listens at once. Fails as load_web_config() does, or when the address cannot be bound.
  [[nodiscard]] static Result<std::unique_ptr<AsioMetricsDoor>> open(DoorOptions options,
                                                                     DoorPorts ports);
  // Ends every connection and joins its threads.
  ~AsioMetricsDoor();  // NOLINT(bugprone-exception-escape): see the definition
  AsioMetricsDoor(const AsioMetricsDoor&) = delete;
  AsioMetricsDoor& operator=(const AsioMetricsDoor&) = delete;

  void reload();  // from any thread
  [[nodiscard]] Address address() const;
  // "https://0.0.0.0:9100/metrics, for 2 users", as it was opened.
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] std::size_t passwords_checked() const;  // since it was opened
  // Passwords cross the network in the clear; as it was opened.
  [[nodiscard]] bool shows_passwords() const;

 private:
  class Impl;
  explicit AsioMetricsDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace muster::agent
