#include "agent/cli_snapshot.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_found_identity.h"
#include "agent/cli_groups.h"
#include "agent/posix_clock.h"
#include "agent/posix_lock.h"
#include "agent/text_table.h"
#include "agent/yaml_config.h"
#include "base/problem.h"
#include "base/protobuf_codec.h"
#include "failover/found_anew.h"
#include "failover/openssl_seal.h"
#include "failover/posix_snapshots.h"
#include "failover/sqlite_log_store.h"
#include "identity/openssl_authority.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;
using failover::SnapshotFile;
using failover::SnapshotInfo;

constexpr const char* kOfSecured =
    "On a secured cluster: where identity.dir is missing, a new certificate of this node, the "
    "keys\n"
    "of gossip and an admin's token (identity.dir/admin.token, mode 600) are made from the "
    "snapshot.\n"
    "An identity that is there stays; one that the other nodes would not believe is refused.";
constexpr Duration kSavePatience = std::chrono::minutes(5);

std::string consensus_path(const Config& config) { return config.data_dir + "/consensus.db"; }

tl::unexpected<Error> about(const std::string& file, const Error& error) {
  return fail(error.code, file + " cannot be used: " + error.text);
}

std::string time_text(WallTime at) {
  const auto in_name = failover::snapshot_file_name({"x", "", 0, 0, at, "", {}, 1, 0});
  const std::string text = in_name.substr(15, 16);  // 20261121T101500Z
  return text.substr(0, 4) + "-" + text.substr(4, 2) + "-" + text.substr(6, 5) + ":" +
         text.substr(11, 2) + ":" + text.substr(13);
}

// The passphrase in `path`, does `work` with it, and forgets it.
template <class Work>
Result<std::string> with_passphrase(const std::string& path, const Work& work) {
  auto passphrase = failover::read_passphrase(path);
  if (!passphrase) return tl::unexpected(passphrase.error());
  Result<std::string> result = work(*passphrase);
  failover::forget(*passphrase);
  return result;
}

Result<std::pair<SnapshotFile, bool>> load(const SnapshotArguments& arguments) {
  auto bytes = failover::read_file_up_to(arguments.file, failover::kSnapshotBytesMax);
  if (!bytes) return tl::unexpected(bytes.error());
  const bool sealed = failover::kind_of(*bytes) == failover::SnapshotKind::Sealed;
  if (sealed && !arguments.passphrase_file.empty()) {
    bytes = with_passphrase(arguments.passphrase_file, [&](const std::string& passphrase) {
      return failover::unseal(*bytes, passphrase);
    });
    if (!bytes) return about(arguments.file, bytes.error());
  }
  auto snapshot = failover::decode_snapshot(*bytes);
  if (!snapshot) return about(arguments.file, snapshot.error());
  return std::pair(std::move(*snapshot), sealed);
}

Result<ClusterState> state_of(const SnapshotFile& snapshot, const std::string& file) {
  auto state = protobuf_codec().decode_state(snapshot.state);
  if (!state) return about(file, state.error());
  return state;
}

Status save(const Target& target, const SnapshotArguments& arguments) {
  std::error_code error;
  if (fs::exists(arguments.file, error)) {
    return fail(Code::Conflict, arguments.file + " is there already: it is not replaced");
  }
  auto bytes =
      AgentClient(target).download("/v1/snapshot", failover::kSnapshotBytesMax, kSavePatience);
  if (!bytes) return tl::unexpected(bytes.error());
  const auto snapshot = failover::decode_snapshot(*bytes);
  if (!snapshot) return about("what " + target.address + " answered", snapshot.error());
  const bool sealed = !arguments.passphrase_file.empty();
  if (sealed) {
    bytes = with_passphrase(arguments.passphrase_file, [&](const std::string& passphrase) {
      return failover::seal(*bytes, passphrase);
    });
    if (!bytes) return tl::unexpected(bytes.error());
  }
  if (Status written = failover::write_private_file(arguments.file, *bytes); !written) {
    return written;
  }
  std::printf(
      "%s: cluster %s at index %llu, %zu bytes%s\n", arguments.file.c_str(),
      snapshot->info.cluster.c_str(), static_cast<unsigned long long>(snapshot->info.index),
      bytes->size(),
      sealed ? ", encrypted" : "; it holds the cluster's keys: keep it where nobody else reads it");
  return {};
}

void print_json(const SnapshotInfo& info, const ClusterState& state, bool sealed) {
  auto masters = nlohmann::json::array();
  for (const auto& [name, address] : info.masters) {
    masters.push_back({{"name", name}, {"rpc", address}});
  }
  const nlohmann::json json = {{"cluster", info.cluster},
                               {"cluster_id", info.cluster_id},
                               {"index", info.index},
                               {"term", info.term},
                               {"taken_at", time_text(info.taken_at)},
                               {"taken_by", info.taken_by},
                               {"masters", masters},
                               {"encrypted", sealed},
                               {"state_version", info.state_version},
                               {"state_bytes", info.state_bytes},
                               {"nodes", state.nodes.size()},
                               {"workloads", state.workloads.size()},
                               {"placements", state.placements.size()},
                               {"keys", state.kv.size()}};
  std::puts(json.dump(2, ' ', true, nlohmann::json::error_handler_t::replace).c_str());
}

Status inspect(const Target& target, const SnapshotArguments& arguments) {
  const auto loaded = load(arguments);
  if (!loaded) return tl::unexpected(loaded.error());
  const auto& [snapshot, sealed] = *loaded;
  const auto state = state_of(snapshot, arguments.file);
  if (!state) return tl::unexpected(state.error());
  const SnapshotInfo& info = snapshot.info;
  if (target.json()) {
    print_json(info, *state, sealed);
    return {};
  }
  std::string masters;
  for (const auto& [name, address] : info.masters) {
    masters += (masters.empty() ? "" : ", ") + name + " (" + address + ")";
  }
  std::printf(
      "cluster     %s (id %s)\nindex       %llu\nterm        %llu\ntaken       %s by %s\n"
      "masters     %s\nencrypted   %s\nstate       format %llu, %llu bytes, whole\n"
      "in it       %zu nodes, %zu workloads, %zu placed copies, %zu keys\n",
      info.cluster.c_str(), info.cluster_id.empty() ? "none" : info.cluster_id.c_str(),
      static_cast<unsigned long long>(info.index), static_cast<unsigned long long>(info.term),
      time_text(info.taken_at).c_str(), info.taken_by.c_str(), masters.c_str(),
      sealed ? "yes" : "no", static_cast<unsigned long long>(info.state_version),
      static_cast<unsigned long long>(info.state_bytes), state->nodes.size(),
      state->workloads.size(), state->placements.size(), state->kv.size());
  return {};
}

Status restore(const SnapshotArguments& arguments) {
  const auto config = config_of(arguments.config, arguments.data_dir);
  if (!config) return tl::unexpected(config.error());
  auto loaded = load(arguments);
  if (!loaded) return tl::unexpected(loaded.error());
  const SnapshotInfo& info = loaded->first.info;
  if (info.cluster != config->cluster) {
    return fail(Code::Conflict, arguments.file + " is of cluster " + info.cluster + ", but " +
                                    arguments.config + " names cluster " + config->cluster +
                                    ": nothing was changed");
  }
  auto state = state_of(loaded->first, arguments.file);
  if (!state) return tl::unexpected(state.error());
  std::error_code error;
  if (!fs::is_directory(config->data_dir, error)) {
    fs::create_directories(config->data_dir, error);
    if (!error) fs::permissions(config->data_dir, fs::perms::owner_all, error);
    if (error) {
      return fail(Code::PermissionDenied,
                  "cannot make " + config->data_dir + ": " + error.message());
    }
  }
  const auto lock = lock_file(config->data_dir + "/lock");
  if (!lock) return tl::unexpected(lock.error());
  for (const char* end : {"", "-mark"}) {
    const std::string path = consensus_path(*config) + end;
    if (!fs::exists(path, error)) continue;
    return fail(Code::Conflict, path +
                                    " is there already: a snapshot is restored where there is no "
                                    "log; move " +
                                    consensus_path(*config) + "* away first");
  }
  const auto identity = prove(*config, *state);
  if (!identity) return tl::unexpected(identity.error());
  const auto begun =
      begin_anew(*config, std::move(*state),
                 {info.term, "a snapshot of " + time_text(info.taken_at) + " by " + info.taken_by});
  if (!begun) return tl::unexpected(begun.error());
  if (Status kept = keep(*config, *identity); !kept) return kept;
  std::printf(
      "%s restored in %s: cluster %s begins again at index %llu with %s as its only "
      "master\n",
      arguments.file.c_str(), config->data_dir.c_str(), info.cluster.c_str(),
      static_cast<unsigned long long>(begun->index), config->node.name.c_str());
  say_what_next(*config);
  return {};
}

// Of what is in files of the operator's.
Exit exit_of_file(Code code) {
  switch (code) {
    case Code::DataLoss:
    case Code::InvalidArgument:
    case Code::NotFound:
    case Code::PermissionDenied: return Exit::BadConfiguration;
    default: return exit_of(code);
  }
}

}  // namespace

void add_configuration(CLI::App& to, std::string& config, std::string& data_dir) {
  to.add_option("-c,--config", config, "configuration of this node")
      ->type_name("FILE")
      ->capture_default_str();
  to.add_option("--data-dir", data_dir, "instead of the configuration's")->type_name("DIR");
}

Result<Config> config_of(const std::string& path, const std::string& data_dir) {
  ConfigContext context;
  context.offline = true;
  auto config = load_config(path, context);
  if (!config) return config;
  if (!data_dir.empty()) config->data_dir = fs::absolute(data_dir).lexically_normal().string();
  return config;
}

Result<failover::SnapshotInfo> begin_anew(const Config& config, ClusterState state,
                                          const Beginning& beginning) {
  const NodeName& self = config.node.name;
  const Address rpc = config.advertised_rpc();
  // A new id: nobody can take this log for one that it had before, here or elsewhere.
  const MasterId id = master_id(self, identity::random_bytes(16));
  const ClusterState begun =
      failover::found_anew(std::move(state), {self, id, rpc, wall_now(), beginning.from});
  const raft::Term term = std::max(beginning.term, begun.term) + failover::kTermsAhead;
  const raft::SnapshotMeta meta{begun.index, term, begun.index, {{id, rpc.text()}}};
  auto store = failover::SqliteLogStore::open({consensus_path(config), config.cluster});
  if (!store) return tl::unexpected(store.error());
  if (const auto loaded = (*store)->load(); !loaded) return tl::unexpected(loaded.error());
  const Status done = (*store)->begin_anew(term, id, meta, protobuf_codec().encode_state(begun));
  if (!done) return tl::unexpected(done.error());
  store->reset();
  for (const char* name : {"/consensus.db", "/consensus.db-mark", "/lock"}) {
    if (Status given = failover::give_to_owner_of_directory(config.data_dir + name); !given) {
      return tl::unexpected(given.error());
    }
  }
  return failover::info_of(begun, config.cluster, term, self, wall_now());
}

void say_what_next(const Config& config) {
  std::printf(
      "next: start the agent here; it finds by itself which workloads still run.\n"
      "Never start another former master with what it still has: it would lead a second cluster.\n"
      "On each of them stop the agent, delete DATA_DIR/consensus.db*, and add it again: it gets "
      "everything from %s.\n",
      config.node.name.c_str());
  if (!config.secured()) return;
  std::printf(
      "One whose identity.dir is lost too, or whose machine is: `muster revoke NAME` and\n"
      "`muster token create --role master` here, then `muster join` there. Ask this master at "
      "https://%s.\n",
      config.advertised_http().text().c_str());
}

Exit run_snapshot(const Target& target, const SnapshotArguments& arguments) {
  const auto run = [&]() -> Status {
    if (arguments.verb == "save") return save(target, arguments);
    if (arguments.verb == "inspect") return inspect(target, arguments);
    return restore(arguments);
  };
  const Status done = run();
  if (done) return Exit::Done;
  return complain(done.error(), arguments.verb == "save" ? exit_of(done.error().code)
                                                         : exit_of_file(done.error().code));
}

void add_snapshot(CLI::App& app, Chosen& chosen) {
  CLI::App* snapshot =
      app.add_subcommand("snapshot", "keep the cluster's state in a file")->fallthrough();
  snapshot->require_subcommand(1);
  const auto given = std::make_shared<SnapshotArguments>();
  const auto verb = [&](const char* word, const char* what) {
    CLI::App* made = snapshot->add_subcommand(word, what)->fallthrough();
    made->add_option("file", given->file, "the snapshot")->required();
    made->add_option("--passphrase-file", given->passphrase_file,
                     "its first line encrypts and decrypts it")
        ->type_name("FILE");
    made->callback([&chosen, given, word] {
      given->verb = word;
      chosen.run = [given](const Target& target) { return run_snapshot(target, *given); };
    });
    return made;
  };
  verb("save", "take one of the running cluster");
  verb("inspect", "whether it is whole, and what is in it");
  CLI::App* restore =
      verb("restore",
           "begin the cluster again from it, with this node as its only master; its "
           "agent does not run");
  add_configuration(*restore, given->config, given->data_dir);
  restore->footer(kOfSecured);
}

}  // namespace muster::agent
