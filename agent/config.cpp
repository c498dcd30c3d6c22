#include "agent/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "base/quantity.h"
#include "failover/workload_check.h"
#include "health/swim_profile.h"

namespace muster::agent {
namespace {

using failover::valid_host;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kReceiversMax = 16;
constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kPathBytesMax = 1024;
constexpr std::string_view kAnyHost = "0.0.0.0";
constexpr std::uint32_t kCpuMillisMax = 1'000'000'000;             // parse_cpu()'s own
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 50;  // 1 PiB

bool numeric_ipv4(std::string_view text) {
  int numbers = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    unsigned value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    const bool leading_zero = next - at > 1 && *at == '0';
    if (error != std::errc{} || value > 255 || leading_zero) return false;
    if (++numbers == 4) return next == end;
    if (next == end || *next != '.') return false;
    at = next + 1;
  }
}

bool on_loopback(const std::string& address) {
  return numeric_ipv4(address) && is_loopback(address);
}

class Check {
 public:
  explicit Check(const Config& config) : config_(config) {}

  std::vector<Problem> take() {
    identity();
    listen();
    const bool address_known = problems_.empty();  // else more about it would only confuse
    for (std::size_t i = 0; i < config_.join.size(); ++i) {
      address("join[" + std::to_string(i) + "]", config_.join[i]);
    }
    masters();
    if (address_known) own_master();
    resources();
    membership();
    consensus();
    alerts();
    snapshots();
    door();
    for (Problem& problem : agent::problems(config_.metrics))
      problems_.push_back(std::move(problem));
    history();
    output();
    return std::move(problems_);
  }

 private:
  void add(std::string path, std::string what) {
    problems_.push_back({std::move(path), std::move(what)});
  }
  void within(std::string path, Duration value, Duration min, Duration max) {
    if (value >= min && value <= max) return;
    add(std::move(path), duration_text(value) + " is not between " + duration_text(min) + " and " +
                             duration_text(max));
  }
  void name(std::string path, const std::string& value) {
    if (valid_name(value)) return;
    add(std::move(path), in_quotes(value) +
                             " is not a name: write 1 to 63 of a-z, 0-9, - and ., with a letter or "
                             "digit at both ends");
  }
  void address(std::string path, const Address& value) {
    if (!valid_host(value.host) || value.port == 0) {
      add(std::move(path), in_quotes(value.text()) +
                               " is not an address: write host:port, with a host name or a numeric "
                               "IPv4 address and a port from 1 to 65535");
    }
  }
  void absolute_path(std::string path, const std::string& value) {
    if (value.starts_with('/') && value.size() <= kPathBytesMax && one_line_text(value)) return;
    add(std::move(path), in_quotes(value) + " is not an absolute path");
  }
  void one_of(std::string path, const std::string& value, std::string_view allowed) {
    // `allowed` reads "a, b or c"; a value holds no blank or comma, so a word of it is a choice.
    constexpr std::string_view kSeparators = ", ";
    for (std::size_t at = 0; at < allowed.size();) {
      const std::size_t end = std::min(allowed.find_first_of(kSeparators, at), allowed.size());
      const std::string_view word = allowed.substr(at, end - at);
      if (word == value && word != "or" && !word.empty()) return;
      at = end + 1;
    }
    add(std::move(path), in_quotes(value) + " is not known: write " + std::string(allowed));
  }

  void identity() {
    name("cluster", config_.cluster);
    name("node.name", config_.node.name);
    if (!config_.node.zone.empty() && !failover::valid_label_value(config_.node.zone)) {
      add("node.zone", in_quotes(config_.node.zone) + " is not a label's value");
    }
    if (config_.node.labels.size() > failover::kLabelsMax) {
      add("node.labels", "more than " + std::to_string(failover::kLabelsMax));
    }
    for (const auto& [key, value] : config_.node.labels) {
      const std::string path = "node.labels." + key;
      if (key == "node" || key == "zone") {
        add(path, "is there anyway, from node." + std::string(key == "zone" ? "zone" : "name") +
                      ": choose another name");
      }
      if (!failover::valid_label_key(key)) add(path, in_quotes(key) + " is not a label's name");
      if (!failover::valid_label_value(value))
        add(path, in_quotes(value) + " is not a label's value");
    }
    absolute_path("data_dir", config_.data_dir);
    if (config_.secured()) absolute_path("identity.dir", config_.identity.dir);
    within("identity.certificate_life", config_.identity.certificate_life, identity::kNodeLifeMin,
           identity::kNodeLifeMax);
    if (config_.secured() && config_.insecure) {
      add("insecure",
          "contradicts identity.dir: one says that nobody proves anything, the other "
          "that everybody does; remove one of them");
    }
    if (!config_.role.empty() && config_.role != "master" && config_.role != "agent") {
      add("role", in_quotes(config_.role) + " is neither master nor agent");
    }
    if (config_.role == "agent" && config_.founds()) {
      add("role", "is agent, but " + config_.node.name + " is in the list of masters");
    }
    if (!config_.gossip.keyring.empty()) absolute_path("gossip.keyring", config_.gossip.keyring);
  }

  static std::array<std::pair<std::string, std::uint16_t>, 3> ports_of(const ListenConfig& listen) {
    return {{{"listen.gossip_port", listen.gossip_port},
             {"listen.rpc_port", listen.rpc_port},
             {"listen.http_port", listen.http_port}}};
  }

  void door() {
    const Address& at = config_.metrics.listen;
    if (at.host.empty()) return;
    if (!numeric_ipv4(at.host)) {
      add("metrics.listen", in_quotes(at.host) + " is not a numeric IPv4 address, such as 0.0.0.0");
    } else if (config_.door_must_prove() && config_.metrics.web_config.empty()) {
      add("metrics.listen", at.host +
                                " can be reached from outside and nobody has to prove who they "
                                "are: write a metrics.web_config with basic_auth_users, or listen "
                                "on 127.0.0.1");
    }
    const ListenConfig& own = config_.listen;
    const bool same_host = at.host == own.address || own.address == kAnyHost || at.host == kAnyHost;
    const bool meets_loopback = config_.secured() && at.host == "127.0.0.1";  // HTTPS is there, too
    for (const auto& [path, port] : ports_of(own)) {
      const bool shared = same_host || (meets_loopback && port == own.http_port);
      if (shared && at.port == port) {
        add("metrics.listen", std::to_string(port) + " is " + path + " too: each needs its own");
      }
    }
  }

  void listen() {
    const ListenConfig& listen = config_.listen;
    if (!numeric_ipv4(listen.address)) {
      add("listen.address", in_quotes(listen.address) +
                                " is not a numeric IPv4 address, such as "
                                "127.0.0.1");
    } else if (!on_loopback(listen.address) && !config_.insecure && !config_.secured()) {
      add("listen.address",
          listen.address +
              " can be reached from outside and nobody has to prove who they are: make a secured "
              "cluster (`muster init`, `muster join`: identity.dir), listen on 127.0.0.1, or pass "
              "--insecure (insecure: true) on a network that you trust");
    }
    if (listen.address == kAnyHost && config_.node.address.empty()) {
      add("node.address", "is missing: others cannot connect to 0.0.0.0, the listen.address");
    }
    const std::string& advertised = config_.node.address;
    if (!advertised.empty() && (!valid_host(advertised) || advertised == kAnyHost)) {
      add("node.address", in_quotes(advertised) +
                              " is not a host name or numeric IPv4 address that others can connect "
                              "to");
    }
    const auto ports = ports_of(listen);
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto& [path, port] = ports[i];
      if (port == 0) add(path, "0 is not a port from 1 to 65535");
      for (std::size_t j = 0; j < i; ++j) {
        if (port == ports[j].second) {
          add(path, std::to_string(port) + " is " + ports[j].first + " too: each needs its own");
        }
      }
    }
  }

  void masters() {
    const std::size_t count = config_.masters.size();
    const std::string listed = std::to_string(count) + (count == 1 ? " is" : " are") + " listed";
    const bool contacts = (config_.secured() || config_.role == "master") && !config_.founds();
    if (count == 0) {
      add("masters", "is missing: list 1, 3 or 5 masters, the same on every node");
    } else if (contacts) {
      // Whom to ask: any number will do.
    } else if (count == 2) {
      add("masters", listed + ", but two masters survive no loss: list 1, 3 or 5");
    } else if (count != 1 && count != 3 && count != 5) {
      const std::string_view why = count > 5 ? "more than five only make every write slower"
                                             : "four masters survive no more losses than three";
      add("masters", listed + ", but " + std::string(why) + ": list 1, 3 or 5");
    }
    for (std::size_t i = 0; i < count; ++i) {
      const MasterConfig& master = config_.masters[i];
      const std::string path = "masters[" + std::to_string(i) + "]";
      name(path + ".name", master.name);
      address(path + ".rpc", master.rpc);
      if (master.gossip != Address{}) address(path + ".gossip", master.gossip);
      for (std::size_t j = 0; j < i; ++j) {
        const MasterConfig& other = config_.masters[j];
        if (master.name == other.name) add(path + ".name", master.name + " is listed twice");
        if (master.rpc == other.rpc) {
          add(path + ".rpc", in_quotes(master.rpc.text()) + " is that of " + other.name + " too");
        }
        if (master.gossip != Address{} && master.gossip == other.gossip) {
          add(path + ".gossip",
              in_quotes(master.gossip.text()) + " is that of " + other.name + " too");
        }
      }
    }
  }

  // The list is copied between nodes: here is where it is seen that this is the wrong node's.
  void own_master() {
    const std::string& own = config_.node.name;
    const Address listens{config_.listen.address, config_.listen.rpc_port};
    const Address advertised = config_.advertised_rpc();
    for (std::size_t i = 0; i < config_.masters.size(); ++i) {
      const MasterConfig& master = config_.masters[i];
      const std::string path = "masters[" + std::to_string(i) + "]";
      const bool here = master.rpc == listens || master.rpc == advertised;
      if (master.name == own && !here) {
        add(path + ".rpc", in_quotes(master.rpc.text()) + " is not where this node, " + own +
                               ", takes RPC: that is " + advertised.text() +
                               " (node.address or listen.address, and listen.rpc_port)");
      }
      if (master.name != own && here) {
        add(path + ".name", in_quotes(master.name) + " has the RPC address of this node, " +
                                master.rpc.text() + ", but this node's name is " + in_quotes(own) +
                                ": correct node.name or the list");
      }
      if (master.name == own && master.gossip != Address{} &&
          master.gossip != config_.advertised_gossip()) {
        add(path + ".gossip", in_quotes(master.gossip.text()) + " is not where this node, " + own +
                                  ", takes gossip: that is " + config_.advertised_gossip().text());
      }
    }
  }

  void resources() {
    if (config_.resources.cpu_millis > kCpuMillisMax) {
      add("resources.cpu", "is more than 1000000 cores");
    }
    if (config_.resources.memory_bytes > kMemoryBytesMax) {
      add("resources.memory", size_text(config_.resources.memory_bytes) + " is more than 1024TiB");
    }
  }

  void membership() {
    const health::SwimOptions& swim = config_.membership.swim;
    const std::size_t before = problems_.size();
    one_of("membership.profile", config_.membership.profile, "lan, wan or local");
    const auto between = [&](const char* key, Duration value, Duration min, Duration max) {
      within("membership." + std::string(key), value, min, max);
    };
    between("probe_interval", swim.probe_interval, milliseconds(20), minutes(1));
    between("probe_timeout", swim.probe_timeout, milliseconds(10), minutes(1));
    between("gossip_interval", swim.gossip_interval, milliseconds(10), seconds(10));
    between("push_pull_interval", swim.push_pull_interval, seconds(1), hours(1));
    between("reconnect_interval", swim.reconnect_interval, seconds(1), hours(1));
    between("join_retry", swim.join_retry, milliseconds(10), minutes(1));
    between("join_retry_max", swim.join_retry_max, milliseconds(10), minutes(10));
    between("tombstone", swim.tombstone, minutes(1), hours(24 * 30));
    const auto number = [&](const char* key, int value, int min, int max) {
      if (value >= min && value <= max) return;
      add("membership." + std::string(key), std::to_string(value) + " is not between " +
                                                std::to_string(min) + " and " +
                                                std::to_string(max));
    };
    number("indirect_checks", swim.indirect_checks, 0, 16);
    number("suspicion_mult", swim.suspicion_mult, 2, 20);
    number("suspicion_max_mult", swim.suspicion_max_mult, 1, 20);
    number("gossip_fanout", swim.gossip_fanout, 1, 16);
    number("retransmit_mult", swim.retransmit_mult, 1, 20);
    if (problems_.size() > before) return;
    // It begins with the setting that it is about.
    if (const std::string why = health::contradiction(swim); !why.empty()) {
      add("membership." + why.substr(0, why.find(' ')), why);
    }
  }

  void consensus() {
    const ConsensusConfig& consensus = config_.consensus;
    within("consensus.heartbeat_interval", consensus.heartbeat_interval, milliseconds(10),
           seconds(10));
    within("consensus.election_timeout", consensus.election_timeout, milliseconds(30), minutes(1));
    if (consensus.election_timeout < 3 * consensus.heartbeat_interval) {
      add("consensus.election_timeout",
          duration_text(consensus.election_timeout) +
              " is less than three times consensus.heartbeat_interval, " +
              duration_text(consensus.heartbeat_interval) +
              ": one late heartbeat would cost the coordinator its office");
    }
  }

  void alerts() {
    const AlertsConfig& alerts = config_.alerts;
    if (alerts.receivers.size() > kReceiversMax) {
      add("alerts.receivers", "more than " + std::to_string(kReceiversMax));
      return;
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < alerts.receivers.size(); ++i) {
      receiver("alerts.receivers[" + std::to_string(i) + "]", alerts.receivers[i]);
      if (!names.insert(alerts.receivers[i].name).second) {
        add("alerts.receivers[" + std::to_string(i) + "].name",
            in_quotes(alerts.receivers[i].name) + " is listed twice");
      }
    }
    within("alerts.group_wait", alerts.group_wait, Duration{0}, hours(1));
    within("alerts.group_interval", alerts.group_interval, milliseconds(100), hours(24));
    within("alerts.repeat_interval", alerts.repeat_interval, milliseconds(100), hours(24 * 30));
    if (alerts.repeat_interval < alerts.group_interval) {
      add("alerts.repeat_interval", duration_text(alerts.repeat_interval) +
                                        " is less than alerts.group_interval, " +
                                        duration_text(alerts.group_interval));
    }
  }

  void receiver(const std::string& path, const AlertReceiver& receiver) {
    name(path + ".name", receiver.name);
    const std::string& url = receiver.url;
    const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
    if (scheme == 0 || url.size() == scheme || url[scheme] == '/' || url.size() > kUrlBytesMax ||
        !one_line_text(url) || url.find(' ') != std::string::npos) {
      add(path + ".url", in_quotes(url) + " is not a URL that begins with http:// or https://");
    }
    if (receiver.headers.size() > failover::kHeadersMax) {
      add(path + ".headers", "more than " + std::to_string(failover::kHeadersMax));
    }
    for (const auto& [header, value] : receiver.headers) {
      if (failover::valid_header(header, value)) continue;
      add(path + ".headers." + header, in_quotes(header) + " is not a header that HTTP can carry");
    }
  }

  void snapshots() {
    const SnapshotsConfig& snapshots = config_.snapshots;
    if (snapshots.interval != Duration::zero()) {
      within("snapshots.interval", snapshots.interval, std::chrono::minutes(1),
             std::chrono::hours(24 * 365));
    }
    if (snapshots.keep < 1 || snapshots.keep > 10'000) {
      add("snapshots.keep", std::to_string(snapshots.keep) + " is not between 1 and 10000");
    }
    if (!snapshots.dir.empty()) absolute_path("snapshots.dir", snapshots.dir);
    if (!snapshots.passphrase_file.empty()) {
      absolute_path("snapshots.passphrase_file", snapshots.passphrase_file);
    }
  }

  void history() {
    const collector::HistoryOptions& history = config_.history;
    if (history.interval != Duration::zero()) {
      within("history.interval", history.interval, std::chrono::seconds(1),
             std::chrono::minutes(10));
    }
    constexpr Duration kLeast = std::chrono::minutes(10);
    constexpr Duration kMost = std::chrono::hours(24 * 31);
    within("history.keep", history.keep, kLeast, kMost);
    within("history.downsample_after", history.downsample_after, kLeast, kMost);
    constexpr std::uint64_t kBytesMin = std::uint64_t{4} << 20;
    constexpr std::uint64_t kBytesMax = std::uint64_t{4} << 30;
    if (history.max_bytes < kBytesMin || history.max_bytes > kBytesMax) {
      add("history.max_bytes", size_text(history.max_bytes) + " is not between " +
                                   size_text(kBytesMin) + " and " + size_text(kBytesMax));
    }
  }

  void output() {
    constexpr std::uint64_t kBytesMin = std::uint64_t{1} << 10;
    constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 40;
    if (config_.logs.max_bytes < kBytesMin || config_.logs.max_bytes > kBytesMax) {
      add("logs.max_bytes", size_text(config_.logs.max_bytes) + " is not between " +
                                size_text(kBytesMin) + " and " + size_text(kBytesMax));
    }
    if (config_.logs.keep < 1 || config_.logs.keep > 100) {
      add("logs.keep", std::to_string(config_.logs.keep) + " is not between 1 and 100");
    }
    one_of("log.level", config_.log.level, "trace, debug, info, warn or error");
    one_of("log.format", config_.log.format, "text or json");
  }

  const Config& config_;
  std::vector<Problem> problems_;
};

}  // namespace

std::string Config::advertised_host() const {
  return node.address.empty() ? listen.address : node.address;
}
Address Config::advertised_gossip() const { return {advertised_host(), listen.gossip_port}; }
Address Config::advertised_rpc() const { return {advertised_host(), listen.rpc_port}; }
Address Config::advertised_http() const { return {advertised_host(), listen.http_port}; }

bool Config::door_must_prove() const {
  return !metrics.listen.host.empty() && !on_loopback(metrics.listen.host) && !insecure;
}

bool Config::founds() const {
  return std::any_of(masters.begin(), masters.end(),
                     [&](const MasterConfig& master) { return master.name == node.name; });
}

std::uint64_t Config::masters_digest() const {
  if (secured() || (is_master() && !founds())) return 0;
  std::set<std::string> lines;
  for (const MasterConfig& master : masters) {
    lines.insert(master.name + "@" + master.rpc.text() + "\n");
  }
  std::uint64_t digest = fnv1a64(cluster + "\n");
  for (const std::string& line : lines) digest = fnv1a64(line, digest);
  return digest;
}

std::vector<Address> Config::seeds() const {
  std::vector<Address> seeds = join;
  for (const MasterConfig& master : masters) {
    seeds.push_back(master.gossip != Address{} ? master.gossip
                                               : Address{master.rpc.host, listen.gossip_port});
  }
  std::set<Address> seen{advertised_gossip(), {listen.address, listen.gossip_port}};
  std::erase_if(seeds, [&](const Address& seed) { return !seen.insert(seed).second; });
  return seeds;
}

std::vector<Problem> problems(const Config& config) { return Check(config).take(); }

std::vector<Error> check(const Config& config) {
  std::vector<Error> errors;
  for (const Problem& problem : problems(config)) {
    const bool fit = one_line_text(problem.path);  // it may end in a key of the user's own
    errors.push_back(to_error(fit ? problem : Problem{in_quotes(problem.path), problem.what}));
  }
  return errors;
}

}  // namespace muster::agent
