#include "agent/asio_start.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include "agent/asio_processes.h"
#include "agent/history_families.h"
#include "agent/node_options.h"
#include "agent/posix_clock.h"
#include "agent/posix_lock.h"
#include "agent/re2_filters.h"
#include "agent/spdlog_journal.h"
#include "collector/host.h"
#include "failover/posix_processes.h"
#include "failover/sqlite_log_store.h"
#include "health/posix_keyring.h"
#include "identity/openssl_authority.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

Status make_directory(const std::string& path, fs::perms mode) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (!error && made) fs::permissions(path, mode, error);
  if (!error && !fs::is_directory(path, error) && !error) {
    return fail(Code::Internal, "data directory " + path + " is not a directory: set data_dir");
  }
  if (error) {
    return fail(Code::PermissionDenied, "cannot make data directory " + path + ": " +
                                            error.message() + "; set data_dir or its owner");
  }
  return {};
}

// Nothing is asked of a machine of which the configuration says all.
Result<Resources> measure_machine(const Config& config) {
  if (config.resources.cpu_millis != 0 && config.resources.memory_bytes != 0) return Resources{};
  const collector::PosixHostFs files(host_roots(config.metrics));
  const auto with_remedy = [](Error error) {
    error.text +=
        ": metrics.procfs must name what /proc is here, or resources.cpu and "
        "resources.memory say how large this machine is";
    return tl::unexpected(std::move(error));
  };
  const auto stat = files.read("/proc/stat");
  if (!stat) return with_remedy(stat.error());
  const auto meminfo = files.read("/proc/meminfo");
  if (!meminfo) return with_remedy(meminfo.error());
  return collector::parse_capacity(*stat, *meminfo);
}

Result<Circumstances> circumstances(const Config& config) {
  auto machine = measure_machine(config);
  if (!machine) return tl::unexpected(machine.error());
  std::random_device entropy;
  Circumstances here;
  here.machine = *machine;
  here.seed = (std::uint64_t{entropy()} << 32) | entropy();
  char boot[17];
  std::snprintf(boot, sizeof boot, "%08x%08x", entropy(), entropy());
  here.boot = boot;
  return here;
}

Status load_identity(const Config& config, Prepared& prepared) {
  prepared.options.master.sha256 = identity::sha256;
  if (!config.secured()) return {};
  auto own = OwnIdentity::open(config);
  if (!own) return tl::unexpected<Error>(own.error());
  prepared.own = std::move(*own);
  prepared.options.certificate = prepared.own->certificate();
  if (!config.is_master()) return {};
  auto issuing = prepared.own->issuing();
  if (!issuing) return tl::unexpected<Error>(issuing.error());
  prepared.options.master.issuing = std::move(*issuing);
  return {};
}

// What a master goes on with. A history that cannot be read says so when it is to be written.
std::optional<Leaderless> leaderless_of(collector::SqliteHistory& history) {
  const auto newest = history.newest(kLeaderlessSeries);
  return leaderless_before(newest ? *newest : std::nullopt, wall_now());
}

}  // namespace

collector::HostRoots host_roots(const MetricsConfig& metrics) {
  return {metrics.procfs, metrics.sysfs, metrics.rootfs};
}

collector::PosixRelay::Limits relay_limits(const MetricsConfig& metrics) {
  collector::PosixRelay::Limits limits;
  limits.each = metrics.deadline;
  limits.overtaken_after = std::min(limits.overtaken_after, limits.each);
  return limits;
}

Result<Prepared> prepare(const Config& config) {
  constexpr fs::perms kOwner = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;
  if (Status made = make_directory(config.data_dir, kOwner); !made) {
    return tl::unexpected(made.error());
  }
  if (Status made = make_directory(config.data_dir + "/logs", kOwner); !made) {
    return tl::unexpected(made.error());
  }
  Prepared prepared;
  auto lock = lock_file(config.data_dir + "/lock");
  if (!lock) return tl::unexpected(lock.error());
  prepared.lock = std::move(*lock);

  auto here = circumstances(config);
  if (!here) return tl::unexpected(here.error());
  prepared.options = node_options(config, *here);
  if (Status own = load_identity(config, prepared); !own) {
    return tl::unexpected<Error>(own.error());
  }

  auto choices = collector_options(config.metrics);
  if (!choices) return tl::unexpected(choices.error());
  prepared.collectors = std::move(*choices);

  auto instances =
      SqliteInstances::open(config.data_dir + "/instances.db", failover::kernel_boot_id());
  if (!instances) return tl::unexpected(instances.error());
  prepared.instances = std::make_unique<SqliteInstances>(std::move(*instances));
  auto stored = prepared.instances->load();
  if (!stored) return tl::unexpected(stored.error());
  prepared.recovered.instances = recover(std::move(*stored), config.cluster);
  auto cluster = prepared.instances->cluster();
  if (!cluster) return tl::unexpected(cluster.error());
  prepared.recovered.cluster_id = std::move(*cluster);

  if (config.history.interval > Duration::zero()) {
    prepared.history.emplace(config.data_dir + "/history.db", config.history);
  }
  if (!config.is_master()) return prepared;
  const std::string path = config.data_dir + "/consensus.db";
  if (failover::was_retired(path)) {
    say(Level::Warning,
        "this node was a master and was taken away: it is an agent now; to make it a "
        "master again, remove " +
            path + ".retired* and restart it");
    prepared.options.info.master = false;
    return prepared;
  }
  auto log = failover::SqliteLog::open(path, config.cluster);
  if (!log) return tl::unexpected(log.error());
  prepared.log = std::move(*log);
  auto consensus = prepared.log->load();
  if (!consensus) return tl::unexpected(consensus.error());
  prepared.recovered.consensus = std::move(*consensus);
  if (prepared.history) prepared.recovered.leaderless = leaderless_of(*prepared.history);
  return prepared;
}

int exit_code(const Error& error) {
  switch (error.code) {
    case Code::Unavailable:
    case Code::Exhausted:
    case Code::Timeout:
    case Code::Internal: return 1;
    default: return 78;
  }
}

Result<std::shared_ptr<health::OpensslSealer>> open_sealer(const Config& config) {
  if (config.gossip.keyring.empty()) return std::shared_ptr<health::OpensslSealer>();
  const auto ring = health::load_keyring(config.gossip.keyring);
  if (!ring) return tl::unexpected(ring.error());
  auto sealer = health::OpensslSealer::make(ring->keys());
  if (!sealer) return tl::unexpected(sealer.error());
  return std::shared_ptr<health::OpensslSealer>(std::move(*sealer));
}

Status reload_sealer(const Config& config, health::OpensslSealer& sealer) {
  const auto refuse = [](const Error& error) {
    return fail(error.code, "keyring not reloaded, the keys stay as they were: " + error.text);
  };
  const auto ring = health::load_keyring(config.gossip.keyring);
  if (!ring) return refuse(ring.error());
  if (const Status taken = sealer.rekey(ring->keys()); !taken) return refuse(taken.error());
  return {};
}

std::string sealer_text(const Config& config, const health::OpensslSealer& sealer) {
  const auto ids = sealer.key_ids();
  const std::size_t others = ids.size() - 1;
  std::string text = "keyring " + config.gossip.keyring + ", key ";
  text += health::key_id_text(ids.front()) + " seals";
  if (others > 0)
    text += ", " + std::to_string(others) + (others == 1 ? " more opens" : " more open");
  return text;
}

}  // namespace muster::agent
