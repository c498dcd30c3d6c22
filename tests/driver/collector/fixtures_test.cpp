// The collectors on the machine in tests/fixtures, beside what node_exporter says of it.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "collector/collectors.h"
#include "collector/exposition.h"
#include "collector/posix_host_fs.h"

namespace muster::collector {
namespace {

// An exposition, whatever its order and the way its numbers are written.
struct Scrape {
  std::set<std::string> headers;         // lines HELP and TYPE
  std::map<std::string, double> values;  // by name and labels
};

Scrape parse(std::istream& text) {
  Scrape out;
  for (std::string line; std::getline(text, line);) {
    const std::size_t blank = line.rfind(' ');
    if (line.starts_with('#')) {
      out.headers.insert(line);
    } else {
      out.values[line.substr(0, blank)] = std::strtod(line.c_str() + blank, nullptr);
    }
  }
  return out;
}

// By the collectors that look at files only, and at none of a running kernel.
Scrape scrape(const CollectorOptions& options) {
  const std::set<std::string> wanted{"arp",      "conntrack",  "cpu",     "cpufreq",  "entropy",
                                     "filefd",   "loadavg",    "meminfo", "netstat",  "os",
                                     "pressure", "schedstat",  "selinux", "sockstat", "softnet",
                                     "stat",     "udp_queues", "vmstat"};
  const std::string root = FIXTURES;
  const PosixHostFs files({root + "/proc", root + "/sys", root});
  Families all;
  for (const Collector& collector : all_collectors(options)) {
    if (!wanted.contains(collector.name) && collector.name != "time") continue;
    Complaints complaints;
    const auto families = collector.collect(files, complaints);
    EXPECT_TRUE(families) << families.error().text;
    EXPECT_EQ(complaints, Complaints());
    if (families) all.insert(all.end(), families->begin(), families->end());
  }
  std::erase_if(all, [](const Family& family) {
    return family.name == "node_time_seconds" || family.name == "node_time_zone_offset_seconds";
  });
  std::istringstream text(exposition_text(all));
  return parse(text);
}

Filter matching(const std::string& pattern) {
  return [expression = std::regex(pattern)](std::string_view name) {
    return std::regex_match(name.begin(), name.end(), expression);
  };
}

// With node_exporter's defaults.
CollectorOptions like_newest() {
  CollectorOptions options;
  options.cpu_info = true;
  options.netstat_fields = matching(
      ".*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
      "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|Tcp_(ActiveOpens|InSegs|OutSegs|"
      "OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|"
      "RcvbufErrors|SndbufErrors)");
  options.vmstat_fields = matching("(oom_kill|pgpg|pswp|pg.*fault).*");
  return options;
}

CollectorOptions like_1_5() {
  CollectorOptions options = like_newest();
  options.compat_1_5 = true;
  return options;
}

TEST(Fixtures, TheKernelWideCollectorsShowWhatNodeExporter15ShowsAndNothingElse) {
  std::ifstream file(std::string(FIXTURES) + "/node_exporter_1_5.txt");
  const Scrape theirs = parse(file);
  ASSERT_GT(theirs.values.size(), 200U);
  Scrape ours = scrape(like_1_5());
  // Theirs looked at the SELinux of the machine that it ran on.
  std::erase_if(ours.headers, [](const std::string& line) {
    return line.find(" node_selinux_") != std::string::npos;
  });
  std::erase_if(ours.values,
                [](const auto& value) { return value.first.starts_with("node_selinux_"); });
  EXPECT_EQ(ours.headers, theirs.headers);
  EXPECT_EQ(ours.values, theirs.values);
}

TEST(Fixtures, LaterVersionsFamiliesComeOnTopOfThose) {
  const Scrape old = scrape(like_1_5());
  Scrape now = scrape(like_newest());
  for (const auto& [series, value] : old.values) {
    EXPECT_EQ(now.values.count(series), 1U) << series;
    EXPECT_EQ(now.values[series], value) << series;
    now.values.erase(series);
  }
  const std::map<std::string, double> added{
      {"node_cpu_frequency_avg_hertz{cpu=\"0\"}", 2400000000},
      {"node_cpu_frequency_avg_hertz{cpu=\"1\"}", 2500017000},
      {"node_cpu_frequency_avg_hertz{cpu=\"2\"}", 2600034000},
      {"node_cpu_online{cpu=\"0\"}", 1},
      {"node_cpu_online{cpu=\"1\"}", 1},
      {"node_cpu_online{cpu=\"2\"}", 1},
      {"node_cpu_online{cpu=\"3\"}", 0},
      {"node_cpu_scaling_governor{cpu=\"0\",governor=\"performance\"}", 0},
      {"node_cpu_scaling_governor{cpu=\"0\",governor=\"powersave\"}", 1},
      {"node_cpu_scaling_governor{cpu=\"1\",governor=\"performance\"}", 0},
      {"node_cpu_scaling_governor{cpu=\"1\",governor=\"powersave\"}", 1},
      {"node_cpu_scaling_governor{cpu=\"2\",governor=\"performance\"}", 0},
      {"node_cpu_scaling_governor{cpu=\"2\",governor=\"powersave\"}", 1},
      {"node_os_support_end_timestamp_seconds", 1969574400},
      {"node_pressure_irq_stalled_seconds_total", 2.750031},
      {"node_softnet_backlog_len{cpu=\"0\"}", 0},
      {"node_softnet_backlog_len{cpu=\"1\"}", 5},
      {"node_softnet_backlog_len{cpu=\"2\"}", 0},
      {"node_softnet_cpu_collision_total{cpu=\"0\"}", 0},
      {"node_softnet_cpu_collision_total{cpu=\"1\"}", 0},
      {"node_softnet_cpu_collision_total{cpu=\"2\"}", 1},
      {"node_softnet_flow_limit_count_total{cpu=\"0\"}", 0},
      {"node_softnet_flow_limit_count_total{cpu=\"1\"}", 2},
      {"node_softnet_flow_limit_count_total{cpu=\"2\"}", 0},
      {"node_softnet_received_rps_total{cpu=\"0\"}", 2576},
      {"node_softnet_received_rps_total{cpu=\"1\"}", 2335},
      {"node_softnet_received_rps_total{cpu=\"2\"}", 1988}};
  EXPECT_EQ(now.values, added);
}

}  // namespace
}  // namespace muster::collector
