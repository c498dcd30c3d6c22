// muster-sim: runs seeds and scenarios of the simulator.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "crowd_run.h"
#include "jobs.h"
#include "quorum_run.h"
#include "report.h"
#include "scenario.h"
#include "seed_run.h"

namespace muster::sim {
namespace {

struct Arguments {
  std::optional<std::uint64_t> seed;
  std::string seeds;  // A..B
  std::string scenario;
  std::size_t nodes = 0;
  std::size_t masters = 0;
  std::optional<double> seconds;
  std::string faults = "all";
  std::string mode = "agents";
  std::size_t jobs = 1;
  unsigned crowds = 0;
  unsigned loss = 1;
  bool json = false;
  bool until_violation = false;
};

class Stopwatch {
 public:
  [[nodiscard]] Effort effort() const {
    const auto wall = std::chrono::steady_clock::now() - begun_;
    return {std::chrono::duration<double>(wall).count(),
            static_cast<double>(std::clock() - cpu_begun_) / CLOCKS_PER_SEC};
  }

 private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::clock_t cpu_begun_ = std::clock();
};

// What went wrong is told with its history: the run is repeated with the trace on.
std::string run_one(SeedOptions options, std::uint64_t seed, bool json, bool& failed) {
  options.seed = seed;
  const Stopwatch watch;
  const auto run = [&options](bool traced) {
    return options.mode == Mode::Consensus ? run_quorum(options, traced)
                                           : run_seed(options, traced);
  };
  SeedReport report = run(false);
  const Effort effort = watch.effort();
  failed = !report.violations.empty();
  if (failed) {
    const std::uint64_t hash = report.trace_hash;
    report = run(true);
    if (report.trace_hash != hash) {
      report.violations.push_back({{}, "the same seed gives the same trace", "it did not", {}});
    }
  }
  const std::string command = command_of(options);
  return json ? to_json(report, effort, command) + "\n" : to_text(report, effort, command);
}

int run_seeds(const SeedOptions& options, std::uint64_t first, std::uint64_t last,
              const Arguments& arguments) {
  const Stopwatch watch;
  std::uint64_t bad = 0;
  double node_seconds = 0;
  double cpu = 0;
  double slowest = 0;
  double members_slowest = 0;
  std::uint64_t slowest_seed = first;
  run_jobs(
      first, last, arguments.jobs,
      [&](std::uint64_t seed) {
        bool failed = false;
        return run_one(options, seed, true, failed);
      },
      [&](std::uint64_t seed, const std::string& output, bool orderly) {
        SeedOptions repeated = options;
        repeated.seed = seed;
        if (bad > 0 && arguments.until_violation) return;
        if (!orderly || output.empty()) {
          ++bad;
          std::printf("seed %llu CRASHED; repeat with: %s\n", static_cast<unsigned long long>(seed),
                      command_of(repeated).c_str());
          return;
        }
        const auto report = nlohmann::json::parse(output);
        node_seconds += report["node_seconds"].get<double>();
        cpu += report["cpu_seconds"].get<double>();
        members_slowest = std::max(members_slowest, report["members_after"].get<double>());
        if (report["converged_after"].get<double>() > slowest) {
          slowest = report["converged_after"].get<double>();
          slowest_seed = seed;
        }
        const bool failed = !report["violations"].empty();
        if (failed) ++bad;
        if (arguments.json) {
          std::fputs(output.c_str(), stdout);
        } else if (failed) {
          for (const auto& line : report["tail"]) {
            std::printf("  %s\n", line.get<std::string>().c_str());
          }
          for (const auto& one : report["violations"]) {
            std::printf("VIOLATION in seed %llu at %.6f s: %s: %s\n",
                        static_cast<unsigned long long>(seed), one["at"].get<double>(),
                        one["rule"].get<std::string>().c_str(),
                        one["text"].get<std::string>().c_str());
          }
          std::printf("repeat with: %s\n", report["repeat"].get<std::string>().c_str());
        }
        std::fflush(stdout);
      },
      [&] { return bad > 0 && arguments.until_violation; });
  if (!arguments.json) {
    std::printf(
        "%llu seeds, %llu with violations; %.0f node-seconds in %.1f s, %.0f a second of processor "
        "time; after the last fault all tables agreed within %.1f s, everything within %.1f s "
        "(seed "
        "%llu)\n",
        static_cast<unsigned long long>(last - first + 1), static_cast<unsigned long long>(bad),
        node_seconds, watch.effort().wall_seconds, cpu > 0 ? node_seconds / cpu : 0,
        members_slowest, slowest, static_cast<unsigned long long>(slowest_seed));
  }
  return bad == 0 ? 0 : 1;
}

int run_scenario(const Arguments& arguments) {
  const Result<Scenario> scenario = read_scenario(arguments.scenario);
  if (!scenario) {
    std::fprintf(stderr, "muster-sim: %s\n", scenario.error().text.c_str());
    return 2;
  }
  const ScenarioReport report = run_scenario(*scenario, arguments.seed);
  for (const std::string& line : report.tail) std::printf("  %s\n", line.c_str());
  if (!report.failure.empty()) {
    std::printf("%s\n", report.failure.c_str());
    return 1;
  }
  std::printf("%s: as expected, %.1f s virtual, %llu events\n", arguments.scenario.c_str(),
              report.virtual_seconds, static_cast<unsigned long long>(report.events));
  return 0;
}

int usage_error(const std::string& why) {
  std::fprintf(stderr, "muster-sim: %s\n", why.c_str());
  return 2;
}

// Without seeds to check, --nodes asks what membership alone costs at that size.
int run_crowd(const Arguments& arguments) {
  CrowdPlan plan;
  plan.crowd.nodes = arguments.nodes;
  plan.crowd.loss_percent = arguments.loss;
  plan.seconds = arguments.seconds.value_or(plan.seconds);
  plan.crowds = arguments.crowds;
  const CrowdFigures figures = measure_crowd(plan);
  const std::string text = arguments.json ? to_json(figures, plan) + "\n" : to_text(figures, plan);
  std::fputs(text.c_str(), stdout);
  return 0;
}

int run(const Arguments& arguments) {
  if (!arguments.scenario.empty()) return run_scenario(arguments);
  const bool checks = arguments.seed || !arguments.seeds.empty() || arguments.masters > 0;
  if (arguments.nodes > 0 && !checks) return run_crowd(arguments);
  if (arguments.nodes > 1000)
    return usage_error("at most 1000 whole agents, --nodes without a seed runs more memberships");
  SeedOptions options;
  if (arguments.mode == "consensus") options.mode = Mode::Consensus;
  options.nodes = arguments.nodes;
  options.masters = arguments.masters;
  options.time = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(arguments.seconds.value_or(120)));
  if (arguments.faults == "none") {
    options.faults.emplace();
  } else if (arguments.faults != "all") {
    Result<std::set<Fault>> faults = parse_faults(arguments.faults);
    if (!faults) return usage_error(faults.error().text);
    options.faults = std::move(*faults);
  }
  if (options.masters > options.nodes && options.nodes != 0) {
    return usage_error("more masters than nodes");
  }
  if (arguments.seeds.empty()) {
    bool failed = false;
    std::fputs(run_one(options, arguments.seed.value_or(1), arguments.json, failed).c_str(),
               stdout);
    return failed ? 1 : 0;
  }
  unsigned long long first = 0;
  unsigned long long last = 0;
  if (std::sscanf(arguments.seeds.c_str(), "%llu..%llu", &first, &last) != 2 || last < first) {
    return usage_error("--seeds wants A..B, as in 1..200");
  }
  return run_seeds(options, first, last, arguments);
}

}  // namespace
}  // namespace muster::sim

int main(int argc, char** argv) {
  using muster::sim::Arguments;
  CLI::App app{
      "Runs whole clusters of production agents in virtual time and checks them at every event.\n"
      "Exit status: 0 when nothing was found, 1 after a violation, 2 for wrong arguments.",
      "muster-sim"};
  Arguments arguments;
  auto* seed = app.add_option("--seed", arguments.seed, "run this seed");
  auto* seeds = app.add_option("--seeds", arguments.seeds, "run the seeds A..B")->excludes(seed);
  app.add_option("--scenario", arguments.scenario, "run this script")->excludes(seeds);
  app.add_option(
         "--nodes", arguments.nodes,
         "agents; 5 to 7 by the seed when not given. Without --seed, --seeds and --masters:\n"
         "measures the membership of so many, up to 60000, without the rest of an agent")
      ->check(CLI::Range(1, 60'000));
  app.add_option("--mode", arguments.mode,
                 "agents: whole ones; consensus: of masters nothing but that, and much more of it")
      ->check(CLI::IsMember({"agents", "consensus"}))
      ->capture_default_str();
  app.add_option("--crowds", arguments.crowds, "of those memberships, one after another")
      ->check(CLI::Range(1, 1000));
  app.add_option("--loss", arguments.loss, "percent of their datagrams")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--masters", arguments.masters, "of them; 3 or 5 by the seed when not given")
      ->check(CLI::IsMember({1, 3, 5}));
  app.add_option("--seconds", arguments.seconds,
                 "virtual time: 120, of which two thirds are with faults; 60 of a membership")
      ->check(CLI::Range(1.0, 9000.0));
  app.add_option("--faults", arguments.faults,
                 "all (each kind is on in half of the seeds), none, or a list: kill,freeze,...")
      ->capture_default_str();
  app.add_option("--jobs", arguments.jobs, "seeds at the same time")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_flag("--until-violation", arguments.until_violation, "end after the first one");
  app.add_flag("--json", arguments.json, "one line of JSON a seed");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return muster::sim::run(arguments);
}
