#include "collector/prometheus_exposition.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "collector/collectors.h"
#include "collector/exposition.h"
#include "collector/posix_gathering.h"
#include "collector/posix_host_fs.h"
#include "tests/driver/temp_dir.h"

namespace muster::collector {
namespace {

struct Verdict {
  int exit_code;
  std::string complaints;
};

Verdict promtool(const std::string& text) {
  const TempDir directory;
  const std::string in = directory.file("in");
  const std::string out = directory.file("out");
  write_file(in, text);
  const int status =
      std::system(("/usr/bin/promtool check metrics < " + in + " > " + out + " 2>&1").c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_file(out)};
}

// One value in every family that muster declares.
void fill(Instruments& instruments) {
  for (const char* name :
       {"muster_insecure", "muster_disk_failing", "muster_is_coordinator", "muster_raft_has_leader",
        "muster_raft_term", "muster_raft_commit_index", "muster_raft_applied_index",
        "muster_rpc_streams", "muster_lease_remaining_seconds", "muster_clock_offset_seconds",
        "muster_alerts_firing", "muster_gossip_health_score", "muster_collectors_parked",
        "muster_certificate_expiry_timestamp_seconds"}) {
    instruments.set(name, {}, 1);
  }
  instruments.set("muster_members", {{"state", "alive"}}, 5);
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 5}});
  instruments.replace("muster_workload_instances",
                      {{{{"workload", "web"}, {"phase", "ready"}}, 2}});
  instruments.replace("muster_workload_wanted", {{{{"workload", "web"}}, 2}});
  instruments.set("muster_raft_last_index", {}, 7);
  for (const char* name :
       {"muster_master_vote", "muster_master_lag_entries", "muster_master_last_contact_seconds",
        "muster_master_certificate_expiry_timestamp_seconds"}) {
    instruments.replace(name, {{{{"master", "n1"}}, 1}});
  }
  instruments.count("muster_probe_results_total",
                    {{"workload", "web"}, {"probe", "liveness"}, {"result", "success"}});
  instruments.count("muster_restarts_total", {{"workload", "web"}});
  instruments.count("muster_gossip_packets_total", {{"direction", "in"}, {"kind", "ping"}});
  instruments.count("muster_gossip_dropped_total", {{"reason", "malformed"}});
  instruments.count("muster_rpc_dropped_total", {{"reason", "oversized"}});
  instruments.count("muster_rpc_bytes_total", {{"direction", "sent"}});
  instruments.count("muster_http_dropped_total", {{"reason", "tls_expired"}});
  instruments.count("muster_http_auth_failures_total", {});
  instruments.count("muster_audit_lost_total", {});
  instruments.count("muster_collector_timeouts_total", {{"collector", "filesystem"}});
  instruments.count("muster_alerts_notifications_total",
                    {{"receiver", "ops"}, {"outcome", "delivered"}});
  instruments.count("muster_commands_total", {{"kind", "node-failed"}});
  for (const char* name : {"muster_detection_seconds", "muster_election_seconds",
                           "muster_replacement_seconds", "muster_loop_lag_seconds"}) {
    instruments.observe(name, 0.6);
  }
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.find(part) != std::string::npos) out.push_back(line);
  }
  return out;
}

TEST(Instruments, AreCleanForPromtoolWhenNewAndWhenFull) {
  Instruments instruments;
  const Verdict fresh = promtool(instruments.text());
  EXPECT_EQ(fresh.exit_code, 0) << fresh.complaints;
  fill(instruments);
  const std::string text = instruments.text();
  const Verdict full = promtool(text);
  EXPECT_EQ(full.exit_code, 0) << full.complaints << text;
  EXPECT_EQ(lines_with(text, "# TYPE ").size(), 48U) << text;
}

TEST(Instruments, TogetherWithTheHostsMetricsOnlyNodeExportersNamesAreComplainedOf) {
  Instruments instruments;
  fill(instruments);
  PosixGathering gathering(std::make_shared<const PosixHostFs>(), all_collectors({}), {});
  const auto gathered = gathering.gather({}, std::chrono::seconds(30));
  const Verdict verdict =
      promtool(instruments.text() + exposition_text(gathered->report->families));
  EXPECT_EQ(verdict.exit_code, 3);
  for (const std::string& line : lines_with(verdict.complaints, "")) {
    EXPECT_TRUE(line.starts_with("node_")) << line;
  }
}

TEST(Instruments, SayTheirVersionAndNothingThatNobodyHasMeasured) {
  const std::string text = Instruments().text();
  EXPECT_EQ(lines_with(text, "muster_build_info{").size(), 1U);
  EXPECT_EQ(lines_with(text, "muster_is_coordinator").size(), 0U);
  EXPECT_EQ(lines_with(text, "muster_detection_seconds_count"),
            std::vector<std::string>{"muster_detection_seconds_count 0"});
}

TEST(Instruments, CountersAddAndGaugesAreSet) {
  Instruments instruments;
  instruments.count("muster_restarts_total", {{"workload", "web"}});
  instruments.count("muster_restarts_total", {{"workload", "web"}}, 2.5);
  instruments.count("muster_restarts_total", {{"workload", "db"}});
  instruments.set("muster_raft_term", {}, 7);
  instruments.set("muster_raft_term", {}, 6);
  const std::string text = instruments.text();
  EXPECT_EQ(lines_with(text, "muster_restarts_total{"),
            (std::vector<std::string>{"muster_restarts_total{workload=\"db\"} 1",
                                      "muster_restarts_total{workload=\"web\"} 3.5"}));
  EXPECT_EQ(lines_with(text, "muster_raft_term "),
            (std::vector<std::string>{
                "# HELP muster_raft_term Term of the consensus group that this master is in.",
                "# TYPE muster_raft_term gauge", "muster_raft_term 6"}));
}

TEST(Instruments, ASeriesThatWasLookedUpOnceCountsIntoTheSame) {
  Instruments instruments;
  const auto web = instruments.counter("muster_restarts_total", {{"workload", "web"}});
  EXPECT_EQ(lines_with(instruments.text(), "muster_restarts_total{"),
            std::vector<std::string>{"muster_restarts_total{workload=\"web\"} 0"});
  web.add();
  instruments.count("muster_restarts_total", {{"workload", "web"}});
  instruments.counter("muster_restarts_total", {{"workload", "web"}}).add(2.5);
  EXPECT_EQ(lines_with(instruments.text(), "muster_restarts_total{"),
            std::vector<std::string>{"muster_restarts_total{workload=\"web\"} 4.5"});
  const auto lag = instruments.histogram("muster_loop_lag_seconds");
  lag.observe(0.5);
  lag.observe(-1);
  instruments.observe("muster_loop_lag_seconds", 1);
  EXPECT_EQ(lines_with(instruments.text(), "muster_loop_lag_seconds_count"),
            std::vector<std::string>{"muster_loop_lag_seconds_count 3"});
}

TEST(Instruments, ReplacingAGaugeFamilyRemovesWhatIsNotInTheList) {
  Instruments instruments;
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 4}, {{{"state", "failed"}}, 1}});
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 3}, {{{"state", "left"}}, 2}});
  EXPECT_EQ(lines_with(instruments.text(), "muster_nodes{"),
            (std::vector<std::string>{"muster_nodes{state=\"alive\"} 3",
                                      "muster_nodes{state=\"left\"} 2"}));
  instruments.replace("muster_nodes", {});
  EXPECT_EQ(lines_with(instruments.text(), "muster_nodes").size(), 0U);
  instruments.set("muster_nodes", {{"state", "failed"}}, 1);
  EXPECT_EQ(lines_with(instruments.text(), "muster_nodes{").size(), 1U);
}

TEST(Instruments, HistogramsAreCumulativeWithInfinitySumAndCount) {
  Instruments instruments;
  for (const double value : {0.001, 0.5, 0.5, 2.0, 100.0}) {
    instruments.observe("muster_loop_lag_seconds", value);
  }
  instruments.observe("muster_loop_lag_seconds", -1);
  instruments.observe("muster_loop_lag_seconds", std::nan(""));
  const std::string name = "muster_loop_lag_seconds";
  EXPECT_EQ(lines_with(instruments.text(), name + "_"),
            (std::vector<std::string>{
                name + "_bucket{le=\"0.001\"} 3", name + "_bucket{le=\"0.005\"} 3",
                name + "_bucket{le=\"0.01\"} 3", name + "_bucket{le=\"0.025\"} 3",
                name + "_bucket{le=\"0.05\"} 3", name + "_bucket{le=\"0.1\"} 3",
                name + "_bucket{le=\"0.25\"} 3", name + "_bucket{le=\"0.5\"} 5",
                name + "_bucket{le=\"1\"} 5", name + "_bucket{le=\"5\"} 6",
                name + "_bucket{le=\"+Inf\"} 7", name + "_sum 103.001", name + "_count 7"}));
}

// What a scrape keeps is at every moment what somebody who comes anew is told.
TEST(Instruments, AReadingThatIsKeptIsUpToDate) {
  Instruments instruments;
  Instruments::Reading kept;
  const auto up_to_date = [&] {
    instruments.read(kept);
    return exposition_text(kept.families()) == instruments.text();
  };
  EXPECT_TRUE(up_to_date());
  EXPECT_NE(instruments.text().find("muster_detection_seconds_count 0\n"), std::string::npos);
  instruments.observe("muster_detection_seconds", 0.6);
  EXPECT_TRUE(up_to_date());
  EXPECT_NE(exposition_text(kept.families()).find("muster_detection_seconds_count 1\n"),
            std::string::npos);
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 4}, {{{"state", "failed"}}, 1}});
  EXPECT_TRUE(up_to_date());
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 3}, {{{"state", "failed"}}, 2}});
  EXPECT_TRUE(up_to_date());
  instruments.replace("muster_nodes", {{{{"state", "alive"}}, 3}, {{{"state", "left"}}, 2}});
  EXPECT_TRUE(up_to_date());
  instruments.replace("muster_nodes", {});
  EXPECT_TRUE(up_to_date());
  instruments.count("muster_restarts_total", {{"workload", "web"}}, 2);
  EXPECT_TRUE(up_to_date());
  instruments.set("muster_raft_term", {}, 7);
  instruments.count("muster_restarts_total", {{"workload", "web"}});
  EXPECT_TRUE(up_to_date());
}

TEST(Instruments, LabelValuesFromOutsideCannotBreakTheScrape) {
  Instruments instruments;
  instruments.count("muster_restarts_total", {{"workload", "a\"} 1\nevil 2\\\xFF"}});
  const std::string text = instruments.text();
  EXPECT_EQ(lines_with(text, "muster_restarts_total{"),
            std::vector<std::string>{
                "muster_restarts_total{workload=\"a\\\"} 1\\nevil 2\\\\\xEF\xBF\xBD\"} 1"});
  EXPECT_EQ(promtool(text).exit_code, 0);
}

TEST(Instruments, AFamilyStopsGrowingAndSaysSo) {
  Instruments instruments;
  for (std::size_t i = 0; i < Instruments::kSeriesMax + 3; ++i) {
    instruments.count("muster_restarts_total", {{"workload", std::to_string(i)}});
  }
  instruments.count("muster_restarts_total", {{"workload", "0"}});
  const std::string text = instruments.text();
  EXPECT_EQ(lines_with(text, "muster_restarts_total{").size(), Instruments::kSeriesMax);
  EXPECT_EQ(lines_with(text, "muster_restarts_total{workload=\"0\"} 2").size(), 1U);
  EXPECT_EQ(
      lines_with(text, "muster_series_dropped_total{"),
      std::vector<std::string>{"muster_series_dropped_total{metric=\"muster_restarts_total\"} 3"});
}

TEST(Instruments, MayBeUsedFromManyThreads) {
  Instruments instruments;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&instruments, t] {
        for (int i = 0; i < 500; ++i) {
          instruments.count("muster_commands_total", {{"kind", std::to_string(i % 7)}});
          instruments.observe("muster_detection_seconds", 1);
          instruments.replace("muster_nodes", {{{{"state", std::to_string((i + t) % 3)}}, 1}});
          if (i % 50 != 0) continue;
          EXPECT_EQ(lines_with(instruments.text(), "muster_nodes{").size(), 1U);
        }
      });
    }
  }
  EXPECT_EQ(lines_with(instruments.text(), "muster_detection_seconds_count"),
            std::vector<std::string>{"muster_detection_seconds_count 2000"});
}

TEST(InstrumentsDeathTest, MistakesOfOurOwnAbort) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Instruments instruments;
  EXPECT_DEATH(instruments.count("muster_no_such_total"), "invariant broken");
  EXPECT_DEATH(instruments.observe("muster_no_such_seconds", 1), "invariant broken");
  EXPECT_DEATH(instruments.count("muster_raft_term"), "invariant broken");
  EXPECT_DEATH(instruments.set("muster_members", {{"phase", "x"}}, 1), "invariant broken");
  EXPECT_DEATH(instruments.set("muster_members", {}, 1), "invariant broken");
  EXPECT_DEATH(instruments.count("muster_commands_total", {{"kind", "x"}}, -1), "invariant broken");
}

}  // namespace
}  // namespace muster::collector
