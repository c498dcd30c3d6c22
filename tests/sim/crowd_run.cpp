#include "crowd_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace muster::sim {
namespace {

constexpr double kSettle = 5;           // seconds before anything is counted
constexpr double kQuiet = 15;           // of counting traffic
constexpr double kBetween = 4;          // kills
constexpr double kLast = 8;             // after the last kill
constexpr std::size_t kJoinMax = 2000;  // members of a join storm

double resident_bytes() {
  long pages = 0;
  long resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double at_rank(std::vector<double> values, double share) {  // nearest rank
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(1.0, rank)) - 1];
}

struct Times {
  std::vector<double> first, each, all;
  std::size_t kills = 0;
  std::size_t undetected = 0;

  void add(const Detection& detection) {
    ++kills;
    undetected += detection.missing;
    if (detection.seconds.empty()) return;
    const auto [least, most] =
        std::minmax_element(detection.seconds.begin(), detection.seconds.end());
    first.push_back(*least);
    if (detection.missing == 0) all.push_back(*most);
    each.insert(each.end(), detection.seconds.begin(), detection.seconds.end());
  }
  [[nodiscard]] DetectionFigures figures() const {
    return {kills,
            undetected,
            at_rank(first, 0.5),
            at_rank(first, 0.99),
            at_rank(each, 0.5),
            at_rank(each, 0.99),
            at_rank(all, 0.5),
            at_rank(all, 0.99)};
  }
};

Duration of_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

std::size_t kills_in(const CrowdPlan& plan) {
  const double room = std::floor((plan.seconds - kSettle - kQuiet - kLast) / kBetween);
  const auto most = std::max<std::size_t>(1, plan.crowd.nodes / 3);  // a majority stays
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::max(1.0, room)), 1, most);
}

void run_crowd(const CrowdPlan& plan, std::uint64_t seed, CrowdFigures& figures, Times& killed,
               Times& silent) {
  const double before = resident_bytes();
  Crowd crowd(plan.crowd, seed);
  crowd.run_for(of_seconds(kSettle));
  crowd.forget_traffic();
  crowd.run_for(of_seconds(kQuiet));
  const CrowdReport quiet = crowd.report();
  Rng rng(seed + 1);
  double left = plan.seconds - kSettle - kQuiet;
  for (std::size_t kills = kills_in(plan); kills > 0; --kills) {
    std::size_t victim = 0;
    do {
      victim = static_cast<std::size_t>(rng.below(plan.crowd.nodes));
    } while (crowd.dead(victim));
    crowd.kill(victim, kills % 2 == 0);
    const double wait = std::min(left, kBetween + seconds(rng.below(of_seconds(0.2))));
    crowd.run_for(of_seconds(wait));
    left -= wait;
  }
  crowd.run_for(of_seconds(std::max(0.0, left)));
  figures.last = crowd.report();
  figures.last.packets = quiet.packets;
  figures.last.datagram_bytes = quiet.datagram_bytes;
  figures.last.table_bytes = quiet.table_bytes;
  for (const Detection& detection : figures.last.detections) {
    (detection.silent ? silent : killed).add(detection);
  }
  figures.false_failures += figures.last.false_failures;
  figures.false_suspicions += figures.last.false_suspicions;
  figures.node_seconds += figures.last.virtual_seconds * static_cast<double>(plan.crowd.nodes);
  figures.memory_per_node = std::max(
      figures.memory_per_node, (resident_bytes() - before) / static_cast<double>(plan.crowd.nodes));
}

}  // namespace

CrowdFigures measure_crowd(const CrowdPlan& plan) {
  const auto begun = std::chrono::steady_clock::now();
  CrowdFigures figures;
  Times killed;
  Times silent;
  const std::size_t kills = kills_in(plan);
  const std::size_t wanted =
      plan.crowds > 0 ? plan.crowds : std::clamp<std::size_t>(40 / kills, 1, 20);
  const std::size_t crowds =
      plan.crowds == 0 && plan.crowd.nodes > 1000 ? std::min<std::size_t>(wanted, 1) : wanted;
  std::vector<double> joins;
  for (std::size_t i = 0; i < crowds; ++i) {
    run_crowd(plan, plan.seed + 1000 * i, figures, killed, silent);
    if (plan.crowd.nodes > kJoinMax) continue;
    CrowdOptions storm = plan.crowd;
    storm.join = true;
    Crowd crowd(storm, plan.seed + 1000 * i);
    crowd.run_until_joined(std::chrono::minutes(1));
    joins.push_back(crowd.report().join_seconds);
  }
  figures.killed = killed.figures();
  figures.silent = silent.figures();
  figures.join_p50 = at_rank(joins, 0.5);
  const bool never = std::find(joins.begin(), joins.end(), -1) != joins.end();
  figures.join_max = never ? -1 : at_rank(joins, 1);
  figures.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return figures;
}

std::string to_json(const CrowdFigures& figures, const CrowdPlan& plan) {
  const auto detection = [](const DetectionFigures& d) {
    return nlohmann::json{{"kills", d.kills},         {"undetected", d.undetected},
                          {"first_p50", d.first_p50}, {"first_p99", d.first_p99},
                          {"each_p50", d.each_p50},   {"each_p99", d.each_p99},
                          {"all_p50", d.all_p50},     {"all_p99", d.all_p99}};
  };
  return nlohmann::json{{"nodes", plan.crowd.nodes},
                        {"seed", plan.seed},
                        {"loss_percent", plan.crowd.loss_percent},
                        {"virtual_seconds", plan.seconds},
                        {"killed", detection(figures.killed)},
                        {"silent", detection(figures.silent)},
                        {"false_failures", figures.false_failures},
                        {"false_suspicions", figures.false_suspicions},
                        {"join_p50", figures.join_p50},
                        {"join_max", figures.join_max},
                        {"packets_per_node_second", figures.last.packets},
                        {"datagram_bytes_per_node_second", figures.last.datagram_bytes},
                        {"table_bytes_per_node_second", figures.last.table_bytes},
                        {"memory_per_node_bytes", figures.memory_per_node},
                        {"node_seconds", figures.node_seconds},
                        {"wall_seconds", figures.wall_seconds},
                        {"events", figures.last.events},
                        {"trace_hash", figures.last.trace_hash}}
      .dump();
}

std::string to_text(const CrowdFigures& figures, const CrowdPlan& plan) {
  char line[256];
  std::string text;
  const auto add = [&](const char* format, auto... values) {
    std::snprintf(line, sizeof line, format, values...);
    text += line;
    text += '\n';
  };
  add("membership of %zu nodes, seed %llu, %u %% loss, %.0f s virtual", plan.crowd.nodes,
      static_cast<unsigned long long>(plan.seed), plan.crowd.loss_percent, plan.seconds);
  const auto detection = [&](const char* what, const DetectionFigures& d) {
    if (d.kills == 0) return;
    add("  %s (%zu kills): first to know p50 %.3f p99 %.3f s; each member p50 %.3f p99 %.3f s; "
        "all know p50 %.3f p99 %.3f s; undetected %zu",
        what, d.kills, d.first_p50, d.first_p99, d.each_p50, d.each_p99, d.all_p50, d.all_p99,
        d.undetected);
  };
  detection("agent killed", figures.killed);
  detection("machine gone", figures.silent);
  add("  living members declared failed: %llu, suspected: %llu",
      static_cast<unsigned long long>(figures.false_failures),
      static_cast<unsigned long long>(figures.false_suspicions));
  if (figures.join_p50 != 0) {
    add("  all started at once: all see all after p50 %.2f s, at most %.2f s", figures.join_p50,
        figures.join_max);
  }
  add("  each node and second: %.1f packets of %.0f bytes in all, %.0f bytes of tables",
      figures.last.packets, figures.last.datagram_bytes, figures.last.table_bytes);
  add("  %.0f KiB of memory a node; %.0f node-seconds in %.1f s (%.0f a second), %llu events, "
      "trace %016llx",
      figures.memory_per_node / 1024, figures.node_seconds, figures.wall_seconds,
      figures.node_seconds / figures.wall_seconds,
      static_cast<unsigned long long>(figures.last.events),
      static_cast<unsigned long long>(figures.last.trace_hash));
  return text;
}

}  // namespace muster::sim
