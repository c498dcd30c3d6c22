// The collectors of devices on the machine in tests/fixtures, beside what node_exporter says of it.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "collector/collectors.h"
#include "collector/exposition.h"
#include "collector/posix_host_fs.h"

namespace muster::collector {
namespace {

// What changes with the file system that the tests lie on is 1 in both.
bool moves(std::string_view series) {
  constexpr std::string_view kMoving[] = {
      "node_filesystem_avail_bytes{", "node_filesystem_files{",
      "node_filesystem_files_free{",  "node_filesystem_free_bytes{",
      "node_filesystem_size_bytes{",  "node_textfile_mtime_seconds{"};
  return std::any_of(std::begin(kMoving), std::end(kMoving),
                     [&](std::string_view name) { return series.starts_with(name); });
}

struct Text {
  std::set<std::string> headers;              // lines HELP and TYPE
  std::map<std::string, std::string> values;  // by name and labels, as numbers are written here
  bool operator==(const Text&) const = default;
};

Text parse(std::istream& lines) {
  Text text;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.rfind(' ');
    if (line.starts_with('#')) {
      text.headers.insert(line);
      continue;
    }
    const std::string series = line.substr(0, blank);
    const double value = std::stod(line.substr(blank));
    EXPECT_TRUE(text.values.emplace(series, moves(series) ? "1" : number_text(value)).second);
  }
  return text;
}

Text scrape(bool compat_1_5) {
  const std::set<std::string> wanted{
      "bonding", "diskstats", "dmi",         "edac", "filesystem",
      "hwmon",   "mdadm",     "netclass",    "nvme", "powersupplyclass",
      "rapl",    "textfile",  "thermal_zone"};
  CollectorOptions options;
  options.compat_1_5 = compat_1_5;
  options.textfiles = "/srv/metrics";
  options.disk_devices = [](std::string_view device) {
    return device != "loop0" && device != "sda1";
  };
  options.fs_types = [](std::string_view type) { return type != "proc"; };
  options.mount_points = [](std::string_view point) { return point != "/run"; };
  const std::string root = FIXTURES;
  const PosixHostFs files({root + "/proc", root + "/sys", root});
  Families families;
  for (const Collector& each : all_collectors(options)) {
    if (!wanted.contains(each.name)) continue;
    Complaints complaints;
    auto some = each.collect(files, complaints);
    EXPECT_TRUE(some) << some.error().text;
    EXPECT_EQ(complaints, Complaints());
    if (some) std::move(some->begin(), some->end(), std::back_inserter(families));
  }
  std::istringstream lines(exposition_text(families));
  return parse(lines);
}

TEST(DeviceFixtures, ShowWhatNodeExporter15ShowsAndNothingElse) {
  std::ifstream file(std::string(FIXTURES) + "/node_exporter_1_5_devices.txt");
  const Text theirs = parse(file);
  ASSERT_GT(theirs.values.size(), 300U);
  const Text ours = scrape(true);
  EXPECT_EQ(ours.headers, theirs.headers);
  EXPECT_EQ(ours.values, theirs.values);
}

TEST(DeviceFixtures, LaterVersionsAddLabelsAndFamilies) {
  const Text now = scrape(false);
  for (const char* series :
       {"node_disk_info{device=\"nvme0n1\",major=\"259\",minor=\"0\",model=\"SAMSUNG "
        "MZVL21T0HCLR-00B00\",path=\"pci-0000:01:00.0-nvme-1\",revision=\"GXA7601Q\","
        "rotational=\"0\",serial=\"S676NX0R1\",wwn=\"eui.002538b111b0a1f2\"}",
        "node_filesystem_device_error{device=\"/dev/sda1\",device_error=\"no such file or "
        "directory\",fstype=\"xfs\",mountpoint=\"/var/not there\"}",
        "node_filesystem_mount_info{device=\"/dev/nvme0n1p2\",major=\"259\",minor=\"2\","
        "mountpoint=\"/srv\"}",
        "node_md_degraded{device=\"md1\"}", "node_md_raid_disks{device=\"md127\"}",
        "node_network_info{address=\"3c:ec:ef:10:20:31\",adminstate=\"down\",broadcast=\"ff:ff:ff:"
        "ff:ff:ff\",device=\"eno2\",duplex=\"unknown\",ifalias=\"\",operstate=\"down\"}"}) {
    EXPECT_TRUE(now.values.contains(series)) << series;
  }
}

}  // namespace
}  // namespace muster::collector
