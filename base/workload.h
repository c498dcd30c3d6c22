// What did an operator ask to be run?
//
// Plain values, already validated (failover/yaml_workload.h says how). Field names and defaults of
// probes are those of Kubernetes; those of restart are SEMANTICS.md's back-off (10 s, x2, cap 300
// s).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace muster {

enum class ProbeKind { Http, Tcp, Exec };
[[nodiscard]] std::string_view to_text(ProbeKind kind);  // "http", "tcp", "exec"

struct ProbeSpec {
  ProbeKind kind = ProbeKind::Tcp;
  std::string host;             // empty: the node's own address
  std::uint16_t port = 0;       // 0: the workload's port
  std::string path = "/";       // Http
  std::string scheme = "http";  // Http: http or https (certificates are not verified)
  std::vector<std::pair<std::string, std::string>> headers;  // Http
  std::vector<std::string> command;                          // Exec: argv
  Duration initial_delay{0};
  Duration period = std::chrono::seconds(10);  // between the starts of two checks
  Duration timeout = std::chrono::seconds(1);  // no answer by then is a failure
  int success_threshold = 1;                   // in a row; always 1 for liveness
  int failure_threshold = 3;                   // in a row
  bool operator==(const ProbeSpec&) const = default;
};

enum class RestartWhen { Always, OnFailure, Never };
[[nodiscard]] std::string_view to_text(RestartWhen when);  // "always", "on-failure", "never"

struct RestartSpec {
  RestartWhen when = RestartWhen::Always;
  Duration initial = std::chrono::seconds(10);  // first wait; doubles
  Duration cap = std::chrono::seconds(300);     // longest wait; 2 x cap of running starts over
  bool operator==(const RestartSpec&) const = default;
};

struct Resources {
  std::uint32_t cpu_millis = 0;    // thousandths of a core
  std::uint64_t memory_bytes = 0;  // reserved by placement; the process driver does not enforce it
  auto operator<=>(const Resources&) const = default;
};

struct Constraint {
  std::string label;  // "node" and "zone" are always there; others come from the node's labels
  bool equal = true;  // == or !=
  std::string value;
  auto operator<=>(const Constraint&) const = default;
};
[[nodiscard]] std::string to_text(const Constraint& constraint);  // "disk == ssd"

struct WorkloadSpec {
  std::string name;            // valid_name()
  std::uint32_t replicas = 1;  // ignored when on_every_node
  bool on_every_node = false;
  std::string driver = "process";
  std::vector<std::string> command;  // argv, not empty; no shell
  std::map<std::string, std::string> env;
  std::string user;         // empty: the agent's own
  std::string working_dir;  // empty: /
  std::uint16_t port = 0;   // service port, reserved on the node; 0: none
  Resources resources;
  std::map<std::string, std::string> labels;
  std::vector<Constraint> constraints;
  RestartSpec restart;
  std::optional<ProbeSpec> liveness;
  std::optional<ProbeSpec> readiness;
  Duration stop_grace = std::chrono::seconds(10);  // SIGTERM to SIGKILL
  bool operator==(const WorkloadSpec&) const = default;
};

}  // namespace muster
