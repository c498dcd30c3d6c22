// What can an operator set on one agent, what does it default to, and what contradicts itself?
//
// Pure values and functions; agent/yaml_config.h fills them from YAML whose keys have these names.
// systemd/muster.yaml shows every one of them; its test keeps it complete.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/metrics_config.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/problem.h"
#include "base/time.h"
#include "base/workload.h"
#include "collector/history.h"
#include "health/swim_types.h"
#include "identity/issue.h"

namespace muster::agent {

struct NodeConfig {
  NodeName name;     // default: the host's name; in lower case; valid_name()
  std::string zone;  // what fails together (rack, room, site); empty: none
  std::map<std::string, std::string> labels;  // for constraints; "node" and "zone" are there anyway
  std::string address;  // what others are told to connect to; empty: listen.address
};

struct ListenConfig {
  std::string address = "127.0.0.1";  // numeric IPv4; beyond loopback only with `insecure`
  std::uint16_t gossip_port = 7946;   // UDP and TCP
  std::uint16_t rpc_port = 7947;      // TCP
  std::uint16_t http_port = 7948;     // TCP
};

// One of the nodes that keep the cluster's state. The list is the same on every node.
struct MasterConfig {
  NodeName name;
  Address rpc;
  Address gossip;  // default: the host of `rpc` with the own listen.gossip_port
};

// Failure detection: docs/ARCHITECTURE.md. A profile fits a kind of network
// (health/swim_profile.h); what the file says besides overrides it value by value. With n members a
// silent one is declared failed after about one probe_interval + suspicion_mult x max(1, log10 n) x
// probe_interval.
struct MembershipConfig {
  std::string profile = "lan";  // lan, wan or local
  health::SwimOptions swim;     // the profile's values with what overrides them
};

// Who this node is, and whom it believes: docs/SECURITY.md. `muster init` and `muster join` fill
// it.
struct IdentityConfig {
  // Absolute; ca.pem, node.pem, node.key. Empty: a plain cluster, in which nobody proves anything.
  std::string dir;
  // Of the certificates that this node signs as a master; the authority's end is theirs too.
  Duration certificate_life = identity::kNodeLife;  // kNodeLifeMin to kNodeLifeMax
};

struct GossipConfig {
  std::string keyring;  // absolute path, health/keyring_file.h; empty: gossip is not sealed
};

// An election begins after a random time between one and two election_timeouts of silence.
struct ConsensusConfig {
  Duration election_timeout = std::chrono::milliseconds(450);    // >= 3 heartbeat_intervals, <= 1m
  Duration heartbeat_interval = std::chrono::milliseconds(150);  // 10ms to 10s
};

struct AlertReceiver {
  std::string name;  // valid_name(), unique
  std::string url;   // http:// or https://, takes Alertmanager's webhook payload, version 4
  std::map<std::string, std::string> headers;
};

struct AlertsConfig {
  std::vector<AlertReceiver> receivers;                  // none: alerts are only events
  Duration group_wait = std::chrono::milliseconds(500);  // before the first message of a group
  Duration group_interval = std::chrono::seconds(5);     // between messages of a changing group
  Duration repeat_interval = std::chrono::hours(4);      // between messages of an unchanged group
};

// What workloads print. One workload uses at most max_bytes x (keep + 1) of disk.
struct LogsConfig {
  std::uint64_t max_bytes = std::uint64_t{10} << 20;  // of a file before it is rotated
  std::uint32_t keep = 3;                             // rotated files kept, 1 to 100
};

// What the agent itself prints.
struct LogConfig {
  std::string level = "info";   // trace, debug, info, warn or error
  std::string format = "text";  // text or json
};

// What each master keeps of the cluster's state by itself: `muster snapshot restore` reads it.
struct SnapshotsConfig {
  Duration interval = std::chrono::hours(1);  // >= 1m; 0: none are taken
  std::uint32_t keep = 24;                    // the newest ones, 1 to 10000
  std::string dir;                            // absolute; empty: data_dir/snapshots
  std::string passphrase_file;                // absolute; empty: they are not encrypted
};

struct Config {
  std::string cluster = "muster";  // valid_name(); agents of another cluster are not talked to
  NodeConfig node;
  std::string data_dir = "/var/lib/muster";  // absolute; consensus log, adopted processes, output
  ListenConfig listen;
  std::vector<Address> join;  // gossip addresses asked first; masters are asked too
  // "master": this node wants to be one, although it is not listed: it is added to those that there
  // are. Else: a master if it is listed.
  std::string role;
  // With this node among them: those with which the cluster begins, 1, 3 or 5, the same list on
  // each. Without: some of those that there are.
  std::vector<MasterConfig> masters;
  IdentityConfig identity;
  bool insecure = false;  // listen beyond loopback although nothing is authenticated
  Resources resources;    // offered to workloads; 0: what the machine has
  GossipConfig gossip;
  MembershipConfig membership;
  ConsensusConfig consensus;
  AlertsConfig alerts;
  SnapshotsConfig snapshots;
  MetricsConfig metrics;
  LogsConfig logs;
  collector::HistoryOptions history;
  LogConfig log;
  bool leave_on_terminate = false;  // SIGTERM: say goodbye, so that the workloads move at once
  bool allow_workloads = true;      // false: nothing is placed here

  // What others connect to.
  [[nodiscard]] std::string advertised_host() const;
  [[nodiscard]] Address advertised_gossip() const;
  [[nodiscard]] Address advertised_rpc() const;
  [[nodiscard]] Address advertised_http() const;

  // node.name is in `masters`: it begins the cluster with them.
  [[nodiscard]] bool founds() const;
  [[nodiscard]] bool is_master() const { return founds() || role == "master"; }
  [[nodiscard]] bool secured() const { return !identity.dir.empty(); }
  // metrics.listen can be reached from outside, and nobody has said that everybody may.
  [[nodiscard]] bool door_must_prove() const;
  // The same on two nodes when their cluster's name and their masters' names and RPC addresses are,
  // in any order: fnv1a64 over "cluster\n" and every "name@rpc\n" by name. 0 where the list means
  // only whom to ask: in a secured cluster, and for a master that joins.
  [[nodiscard]] std::uint64_t masters_digest() const;
  // Whom to ask for members: `join`, then the masters' gossip addresses, without itself and
  // repeats.
  [[nodiscard]] std::vector<Address> seeds() const;
};

// Everything about `config` that cannot work, by path. Empty: the agent can start with it.
[[nodiscard]] std::vector<Problem> problems(const Config& config);
// The same as Errors, "path: what".
[[nodiscard]] std::vector<Error> check(const Config& config);

}  // namespace muster::agent
