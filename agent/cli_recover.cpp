#include "agent/cli_recover.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_client.h"
#include "agent/cli_found_identity.h"
#include "agent/cli_groups.h"
#include "agent/cli_snapshot.h"
#include "agent/posix_clock.h"
#include "agent/posix_lock.h"
#include "base/curl_transfers.h"
#include "base/protobuf_codec.h"
#include "failover/found_anew.h"
#include "failover/posix_snapshots.h"
#include "failover/raft_check.h"
#include "failover/sqlite_log_store.h"

namespace muster::agent {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);

struct Other {
  std::string name;
  std::string address;
  bool voter = false;
  bool answers = false;
};

struct Survivor {
  raft::Stored stored;
  ClusterState state;
  bool voter = false;
  std::vector<Other> others;

  [[nodiscard]] std::size_t voters() const {
    return static_cast<std::size_t>(std::count_if(others.begin(), others.end(),
                                                  [](const Other& one) { return one.voter; })) +
           (voter ? 1 : 0);
  }
  // With this one.
  [[nodiscard]] std::size_t reachable() const {
    return static_cast<std::size_t>(
               std::count_if(others.begin(), others.end(),
                             [](const Other& one) { return one.voter && one.answers; })) +
           (voter ? 1 : 0);
  }
  [[nodiscard]] raft::Index last() const { return stored.first + stored.entries.size() - 1; }
};

// Whoever takes the connection is there, whatever it says then.
bool answers(const std::string& address) {
  HttpRequest request;
  request.url = "http://" + address + "/";
  request.timeout = kPatience;
  request.connect_only = true;
  return run(std::move(request)).reached;
}

std::string name_of(const ClusterState& state, const raft::Server& server) {
  for (const auto& [name, master] : state.masters) {
    if (master.id == server.id) return name;
  }
  for (const auto& [name, node] : state.nodes) {
    if (master_id(name) == server.id) return name;  // a founder
  }
  return "a master";
}

Result<Survivor> read_survivor(const Config& config) {
  const std::string path = config.data_dir + "/consensus.db";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return fail(Code::NotFound, path +
                                    " is not there: this node is no master that survived; restore "
                                    "a snapshot instead (muster snapshot restore)");
  }
  auto store = failover::SqliteLogStore::open({path, config.cluster});
  if (!store) return tl::unexpected(store.error());
  auto stored = (*store)->load();
  if (!stored) return tl::unexpected(stored.error());
  auto state = failover::replay(*stored, protobuf_codec());
  if (!state) {
    return fail(state.error().code, path + " cannot be used: " + state.error().text);
  }
  const MasterId self = stored->self != 0 ? stored->self : master_id(config.node.name);
  Survivor survivor{std::move(*stored), std::move(*state), false, {}};
  for (const raft::Server& server : failover::newest_configuration(survivor.stored)) {
    if (server.id == self) {
      survivor.voter = server.voter;
    } else {
      survivor.others.push_back(
          {name_of(survivor.state, server), server.address, server.voter, answers(server.address)});
    }
  }
  return survivor;
}

void explain(const Config& config, const Survivor& survivor) {
  std::printf("%s holds the state of cluster %s up to entry %llu, of term %llu.\n",
              config.node.name.c_str(), config.cluster.c_str(),
              static_cast<unsigned long long>(survivor.last()),
              static_cast<unsigned long long>(survivor.stored.term));
  std::printf("The other masters, by the last list that it knows:\n");
  for (const Other& other : survivor.others) {
    std::printf("  %s at %s: %s\n", other.name.c_str(), other.address.c_str(),
                other.answers ? "answers" : "does not answer");
  }
  if (survivor.others.empty()) std::printf("  none\n");
  std::printf(
      "What this does: %s becomes the only master and goes on from there.\n"
      "What may be lost: what the others acknowledged and this one had not heard of yet.\n"
      "What may come true: what this one had stored and no majority had agreed on yet.\n"
      "What must be certain: the others never run again with what they have now. Each of them, or\n"
      "two of them together, would lead a second cluster beside this one.\n",
      config.node.name.c_str());
}

Status check_survivor(const Config& config, const Survivor& survivor) {
  const std::size_t majority = survivor.voters() / 2 + 1;
  if (!survivor.voter) {
    return fail(Code::Conflict, config.node.name +
                                    " had no vote among the masters: what it holds may be far "
                                    "behind; nothing was changed: use a master that had one, or "
                                    "restore a snapshot");
  }
  if (survivor.others.empty()) {
    return fail(Code::Conflict, config.node.name +
                                    " is the only master already: nothing was changed; start its "
                                    "agent");
  }
  if (survivor.reachable() < majority) return {};
  return fail(Code::Conflict, "a majority of the masters is there, " +
                                  std::to_string(survivor.reachable()) + " of " +
                                  std::to_string(survivor.voters()) +
                                  " with this one: nothing was changed; start this agent, and "
                                  "they go on by themselves without losing anything");
}

// What there was, in case that this was the wrong master.
Result<std::string> keep_a_copy(const Config& config, const Survivor& survivor) {
  const auto info = failover::info_of(survivor.state, config.cluster, survivor.stored.term,
                                      config.node.name, wall_now());
  const std::string path =
      config.data_dir + "/before-recovery-" + failover::snapshot_file_name(info);
  const Status written = failover::write_private_file(
      path, failover::encode_snapshot(info, protobuf_codec().encode_state(survivor.state)));
  if (!written) return tl::unexpected(written.error());
  return path;
}

Exit exit_of_recovery(Code code) {
  switch (code) {
    case Code::DataLoss:
    case Code::InvalidArgument:
    case Code::NotFound:
    case Code::PermissionDenied: return Exit::BadConfiguration;
    default: return exit_of(code);
  }
}

Status recover(const Config& config, bool yes) {
  const auto lock = lock_file(config.data_dir + "/lock");
  if (!lock) {
    if (lock.error().code != Code::Unavailable) return tl::unexpected(lock.error());
    return fail(Code::Conflict, lock.error().text + ": stop the agent first");
  }
  auto survivor = read_survivor(config);
  if (!survivor) return tl::unexpected(survivor.error());
  explain(config, *survivor);
  if (Status possible = check_survivor(config, *survivor); !possible) return possible;
  ClusterState next = survivor->state;
  const auto identity = prove(config, next);
  if (!identity) return tl::unexpected(identity.error());
  if (!yes) {
    return fail(Code::Conflict,
                "nothing was changed: if the other masters are gone for good, run this again with "
                "--yes");
  }
  const auto copy = keep_a_copy(config, *survivor);
  if (!copy) return tl::unexpected(copy.error());
  const auto begun = begin_anew(config, std::move(next),
                                {survivor->stored.term, "what " + config.node.name +
                                                            " held when the other masters were "
                                                            "lost"});
  if (!begun) return tl::unexpected(begun.error());
  if (Status kept = keep(config, *identity); !kept) return kept;
  std::printf("Done: %s is the only master, at index %llu. What it held before is in %s.\n",
              config.node.name.c_str(), static_cast<unsigned long long>(begun->index),
              copy->c_str());
  say_what_next(config);
  return {};
}

}  // namespace

Exit run_recover(const RecoverArguments& arguments) {
  if (!arguments.from_surviving_master) {
    return complain({Code::InvalidArgument,
                     "recover needs --from-surviving-master: there is no other way than from the "
                     "log of a master (or muster snapshot restore)"},
                    Exit::Usage);
  }
  const auto config = config_of(arguments.config, arguments.data_dir);
  if (!config) return complain(config.error(), Exit::BadConfiguration);
  const Status done = recover(*config, arguments.yes);
  return done ? Exit::Done : complain(done.error(), exit_of_recovery(done.error().code));
}

void add_recover(CLI::App& app, Chosen& chosen) {
  CLI::App* recover =
      app.add_subcommand("recover",
                         "go on with this master alone when most are gone for good; its agent does "
                         "not run")
          ->fallthrough();
  const auto given = std::make_shared<RecoverArguments>();
  recover->add_flag("--from-surviving-master", given->from_surviving_master,
                    "from what this master has on its disk");
  recover->add_flag("--yes", given->yes, "do it, and not only say what would be done");
  add_configuration(*recover, given->config, given->data_dir);
  recover->footer(
      "On a secured cluster: the master keeps its identity, and tokens to use the API stay good.\n"
      "Where identity.dir is missing it is made anew, with an admin's token, as by\n"
      "`muster snapshot restore`. A machine that is gone is replaced with `muster revoke` and "
      "`muster join`.");
  recover->callback(
      [&chosen, given] { chosen.run = [given](const Target&) { return run_recover(*given); }; });
}

}  // namespace muster::agent
