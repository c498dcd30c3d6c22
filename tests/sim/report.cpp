#include "report.h"

#include <cstdio>

#include <nlohmann/json.hpp>

namespace muster::sim {
namespace {

using Json = nlohmann::ordered_json;

template <class... Args>
std::string formatted(const char* format, Args... args) {
  char line[256];
  std::snprintf(line, sizeof line, format, args...);
  return line;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "none" : text;
}

std::string hex(std::uint64_t number) {
  return formatted("%016llx", static_cast<unsigned long long>(number));
}

}  // namespace

std::string command_of(const SeedOptions& options) {
  std::string command = "muster-sim";
  if (options.mode == Mode::Consensus) command += " --mode consensus";
  command += " --seed " + std::to_string(options.seed);
  if (options.nodes != 0) command += " --nodes " + std::to_string(options.nodes);
  if (options.masters != 0) command += " --masters " + std::to_string(options.masters);
  if (options.time != SeedOptions{}.time) {
    command += formatted(" --seconds %g", seconds(options.time));
  }
  if (!options.faults) return command;
  std::vector<std::string> kinds;
  for (const Fault kind : *options.faults) kinds.emplace_back(to_text(kind));
  return command + " --faults " + joined(kinds);
}

std::string to_text(const SeedReport& report, const Effort& effort, const std::string& command) {
  std::string text = formatted(
      "seed %llu: %zu nodes, %zu masters, %.0f s virtual in %.2f s, %llu events, ",
      static_cast<unsigned long long>(report.seed), report.nodes, report.masters,
      report.virtual_seconds, effort.wall_seconds, static_cast<unsigned long long>(report.events));
  text += formatted(
      "%.0f node-seconds/s of processor time, %zu reigns, %zu writes, %zu reads, %zu changes, %zu "
      "installs, members agreed after %.1f s, all after %.1f s, trace ",
      report.node_seconds / effort.cpu_seconds, report.reigns, report.acknowledged, report.reads,
      report.changes, report.installs, report.members_after, report.converged_after);
  text += hex(report.trace_hash) + ", faults " + joined(report.faults) + "\n";
  if (report.violations.empty()) return text;
  for (const std::string& line : report.tail) text += "  " + line + "\n";
  for (const Violation& violation : report.violations) {
    text += formatted("VIOLATION at %.6f s: ", seconds(violation.at.time_since_epoch()));
    text += violation.rule + ": " + violation.text + "\n";
  }
  return text + "repeat with: " + command + "\n";
}

std::string to_json(const SeedReport& report, const Effort& effort, const std::string& command) {
  Json violations = Json::array();
  for (const Violation& violation : report.violations) {
    violations.push_back({{"at", seconds(violation.at.time_since_epoch())},
                          {"rule", violation.rule},
                          {"text", violation.text},
                          {"about", violation.about}});
  }
  return Json{{"seed", report.seed},
              {"nodes", report.nodes},
              {"masters", report.masters},
              {"faults", report.faults},
              {"virtual_seconds", report.virtual_seconds},
              {"wall_seconds", effort.wall_seconds},
              {"cpu_seconds", effort.cpu_seconds},
              {"node_seconds", report.node_seconds},
              {"node_seconds_per_second", report.node_seconds / effort.cpu_seconds},
              {"events", report.events},
              {"trace_hash", hex(report.trace_hash)},
              {"reigns", report.reigns},
              {"acknowledged", report.acknowledged},
              {"reads", report.reads},
              {"changes", report.changes},
              {"installs", report.installs},
              {"members_after", report.members_after},
              {"converged_after", report.converged_after},
              {"violations", violations},
              {"tail", report.tail},
              {"repeat", command}}
      .dump();
}

}  // namespace muster::sim
