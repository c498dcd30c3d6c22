// What can be set on the metrics of this machine, and what does it default to?
//
// Pure values; agent/yaml_metrics.h fills them from the section `metrics` of the configuration,
// whose keys have these names. What a pattern means is node_exporter's: a regular expression of
// RE2 that is searched for, so that ^ and $ have to be written; that of a systemd unit must be
// the whole name.
#pragma once

#include <string>
#include <vector>

#include "base/ids.h"
#include "base/problem.h"
#include "base/time.h"
#include "collector/collector.h"

namespace muster::agent {

struct Choice {         // of devices, units ...
  std::string include;  // empty: all
  std::string exclude;  // empty: none
};

struct MetricsConfig {
  // A port that has /metrics alone, for scrapers that know nothing of the cluster; a numeric IPv4
  // address. No host: there is none.
  Address listen;
  // TLS and passwords of that port, in the file's format of exporters (agent/yaml_web_config.h);
  // absolute. Empty: plain HTTP for everybody.
  std::string web_config;
  std::string procfs = "/proc";  // absolute; also --path.procfs, as node_exporter has it
  std::string sysfs = "/sys";    // --path.sysfs
  std::string rootfs = "/";      // --path.rootfs
  // Names of collectors, besides or without those that run by default.
  std::vector<std::string> enable;
  std::vector<std::string> disable;
  Duration deadline = std::chrono::seconds(1);  // of one collector in one scrape; 10ms to 1m
  std::string compat;  // "1.5": labels as node_exporter 1.5 had them; empty: as its newest has them

  Choice arp;  // devices; one of both at most, as for diskstats and netdev
  bool cpu_info = false;
  Choice diskstats{"", R"(^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$)"};
  std::string mount_points_exclude =
      "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
  std::string fs_types_exclude =
      "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
      "iso9660|"
      "mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|"
      "tracefs)$";
  std::string netclass_ignored = "^$";
  Choice netdev;
  std::string netstat_fields =
      "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|"
      "TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|Tcp_(ActiveOpens|InSegs|OutSegs|"
      "OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|"
      "RcvbufErrors|SndbufErrors))$";
  Choice systemd{".+", R"(.+\.(automount|device|mount|scope|slice))"};  // units: both count
  std::string textfile_directory;                                       // absolute; empty: none
  std::string vmstat_fields = "^(oom_kill|pgpg|pswp|pg.*fault).*";
};

// What cannot work, by path ("metrics.deadline"). Whether a pattern is one is not known here.
[[nodiscard]] std::vector<Problem> problems(const MetricsConfig& config);

// Those of `all` that shall run: what runs by default, with `enable` and without `disable`.
[[nodiscard]] std::vector<collector::Collector> chosen(std::vector<collector::Collector> all,
                                                       const MetricsConfig& config);

}  // namespace muster::agent
