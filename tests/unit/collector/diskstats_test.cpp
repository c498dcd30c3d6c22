#include "collector/diskstats.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

struct Disks : MadeUpHost {
  UdevData udev;
  Disks() {
    files["/proc/diskstats"] =
        "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
        " 253       1 dm-1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"
        "   9     127 md127 1 2 3 4 5 6 7 8 9 10 11\n";
    files["/sys/block/sda/queue/rotational"] = "1\n";
    files["/run/udev/data/b8:0"] =
        "S:disk/by-id/ata-X\nE:ID_ATA=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\n"
        "E:ID_ATA_WRITE_CACHE=1\nE:ID_ATA_WRITE_CACHE_ENABLED=x\nE:ID_MODEL=A=B\n"
        "E:ID_SERIAL=Long_Z1\nE:ID_SERIAL_SHORT=Z1\nE:ID_PATH=pci-0\nE:ID_WWN=0x5\nE:broken\n";
    files["/run/udev/data/b253:1"] =
        "E:DM_NAME=vg-root\nE:DM_UUID=LVM-1\nE:DM_VG_NAME=vg\nE:DM_LV_NAME=root\n"
        "E:ID_FS_TYPE=ext4\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=6f8a\nE:ID_FS_VERSION=1.0\n";
    times["/run/udev/data/b8:0"] = 5;
  }

  std::string shown(const CollectorOptions& options = {}) {
    const auto families = collect_diskstats(*this, options, udev);
    return families ? exposition_text(*families) : families.error().text;
  }
};

TEST(Diskstats, ColumnsBecomeFamiliesInTheirUnits) {
  const std::string text = Disks().shown();
  const std::pair<const char*, const char*> expected[] = {
      {"reads_completed_total", "1"},
      {"reads_merged_total", "2"},
      {"read_bytes_total", "1536"},
      {"read_time_seconds_total", "0.004"},
      {"writes_completed_total", "5"},
      {"writes_merged_total", "6"},
      {"written_bytes_total", "3584"},
      {"write_time_seconds_total", "0.008"},
      {"io_now", "9"},
      {"io_time_seconds_total", "0.01"},
      {"io_time_weighted_seconds_total", "0.011"},
      {"discards_completed_total", "12"},
      {"discards_merged_total", "13"},
      {"discarded_sectors_total", "14"},
      {"discard_time_seconds_total", "0.015"},
      {"flush_requests_total", "16"},
      {"flush_requests_time_seconds_total", "0.017"}};
  std::size_t i = 0;
  for (const auto& [name, value] : expected) {
    const std::string family = std::string("node_disk_") + name;
    EXPECT_TRUE(has(text, family + "{device=\"sda\"} " + value)) << family;
    // Older kernels have fewer columns: those families say nothing of their disks.
    EXPECT_EQ(text.find(family + "{device=\"dm-1\"}") != std::string::npos, i < 15) << family;
    EXPECT_EQ(text.find(family + "{device=\"md127\"}") != std::string::npos, i < 11) << family;
    ++i;
  }
  EXPECT_TRUE(has(text, "# TYPE node_disk_io_now gauge"));
  EXPECT_TRUE(has(text, "# TYPE node_disk_read_bytes_total counter"));
}

TEST(Diskstats, UdevTellsWhatTheDeviceIs) {
  const std::string text = Disks().shown();
  EXPECT_TRUE(
      has(text,
          "node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"A=B\",path=\"pci-0\","
          "revision=\"\",rotational=\"1\",serial=\"Z1\",wwn=\"0x5\"} 1"));
  EXPECT_TRUE(has(text,
                  "node_disk_info{device=\"md127\",major=\"9\",minor=\"127\",model=\"\",path=\"\","
                  "revision=\"\",rotational=\"0\",serial=\"\",wwn=\"\"} 1"));
  EXPECT_TRUE(has(text,
                  "node_disk_filesystem_info{device=\"dm-1\",type=\"ext4\",usage=\"filesystem\","
                  "uuid=\"6f8a\",version=\"1.0\"} 1"));
  EXPECT_TRUE(has(text,
                  "node_disk_device_mapper_info{device=\"dm-1\",lv_layer=\"\",lv_name=\"root\","
                  "name=\"vg-root\",uuid=\"LVM-1\",vg_name=\"vg\"} 1"));
  EXPECT_TRUE(has(text, "node_disk_ata_rotation_rate_rpm{device=\"sda\"} 7200"));
  EXPECT_TRUE(has(text, "node_disk_ata_write_cache{device=\"sda\"} 1"));
  EXPECT_EQ(text.find("node_disk_ata_write_cache_enabled"), std::string::npos);
}

TEST(Diskstats, In15TheInfoHasFewerLabels) {
  Disks host;
  host.files["/run/udev/data/b8:0"] += "E:SCSI_IDENT_SERIAL=on the label\n";
  CollectorOptions options;
  EXPECT_NE(host.shown(options).find("serial=\"on the label\""), std::string::npos);
  options.compat_1_5 = true;
  EXPECT_TRUE(
      has(host.shown(options),
          "node_disk_info{device=\"sda\",major=\"8\",minor=\"0\",model=\"A=B\",path=\"pci-0\","
          "revision=\"\",serial=\"Z1\",wwn=\"0x5\"} 1"));
}

TEST(Diskstats, UdevIsReadAgainOnlyWhenItWroteAgain) {
  Disks host;
  EXPECT_NE(host.shown().find("model=\"A=B\""), std::string::npos);
  host.files["/run/udev/data/b8:0"] = "E:ID_MODEL=New\n";
  EXPECT_NE(host.shown().find("model=\"A=B\""), std::string::npos);
  host.times["/run/udev/data/b8:0"] = 6;
  EXPECT_NE(host.shown().find("model=\"New\""), std::string::npos);
  host.files.erase("/run/udev/data/b8:0");
  host.times.erase("/run/udev/data/b8:0");
  EXPECT_EQ(host.shown().find("model=\"New\""), std::string::npos);
}

TEST(Diskstats, AnotherDiskUnderTheSameNumbersIsNotTakenForTheOneThatLeft) {
  Disks host;
  const std::string all = host.files["/proc/diskstats"];
  EXPECT_NE(host.shown().find("model=\"A=B\""), std::string::npos);
  host.files["/proc/diskstats"] = "";
  EXPECT_EQ(host.shown(), "");
  EXPECT_EQ(host.shown(), "");
  host.files["/proc/diskstats"] = all;
  host.files["/run/udev/data/b8:0"] = "E:ID_MODEL=Other\n";  // written in the same moment
  EXPECT_NE(host.shown().find("model=\"Other\""), std::string::npos);
}

TEST(Diskstats, DevicesThatAreNotWantedAreLeftOut) {
  Disks host;
  CollectorOptions options;
  options.disk_devices = [](std::string_view device) { return device == "md127"; };
  const std::string text = host.shown(options);
  EXPECT_EQ(text.find("sda"), std::string::npos);
  EXPECT_NE(text.find("md127"), std::string::npos);
}

TEST(Diskstats, WhatIsNotUnderstoodIsRefusedWithTheReason) {
  const std::string numbers = " 1 2 3 4 5 6 7 8 9 10 11\n";
  const std::pair<std::string, std::string> cases[] = {
      {"8 0 sda" + numbers + "8 0 sdb 1", "is cut off"},
      {"8 0 sda 1 2 3\n", "has too few columns"},
      {"\n", "has too few columns"},
      {"8 0 sda 1 2 3 4 5 6 7 8 9 10 -1\n", "holds something that is no number"},
      {"8 0 sda 1 2 3 4 5 6 7 8 9 10 99999999999999999999\n", "holds something that is no number"},
      {"x 0 sda" + numbers, "does not begin with a device's numbers"},
      {"8 0 sda" + numbers + "8 0 sda" + numbers, "names a device for the second time"},
      {std::string("\0\xFF\x80 \n", 5), "has too few columns"},
  };
  for (const auto& [text, why] : cases) {
    const auto disks = parse_diskstats(text);
    ASSERT_FALSE(disks) << text;
    EXPECT_EQ(disks.error().code, Code::DataLoss);
    EXPECT_EQ(disks.error().text.find("collector diskstats: /proc/diskstats "), 0U);
    EXPECT_NE(disks.error().text.find(why), std::string::npos) << disks.error().text;
  }
  Disks host;
  host.files["/sys/block/sda/queue/rotational"] = "fast\n";
  EXPECT_EQ(host.shown(),
            "collector diskstats: /sys/block/sda/queue/rotational does not hold a count; its "
            "metrics are left out");
}

TEST(Diskstats, WhatNewerKernelsAddIsNotLookedAt) {
  const auto disks = parse_diskstats("8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x\n");
  ASSERT_TRUE(disks);
  EXPECT_EQ(disks->at(0).columns.size(), 17U);
}

}  // namespace
}  // namespace muster::collector
