#include "collector/diskstats.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "collector/family_table.h"
#include "collector/proc_text.h"
#include "collector/sys_attributes.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"diskstats", "/proc/diskstats"};
constexpr std::array<std::size_t, 3> kColumnCounts{17, 15, 11};  // since 5.5, since 4.18, before

enum class Unit { One, Sectors, Milliseconds };
struct Column {
  FamilyRow family;
  Unit unit = Unit::One;
};
constexpr MetricType kCounter = MetricType::Counter;
// In the order of the file. Discarded sectors stay sectors, as node_exporter's users have them.
constexpr std::array<Column, 17> kColumns{{
    {{"node_disk_reads_completed_total", "The total number of reads completed successfully.",
      kCounter}},
    {{"node_disk_reads_merged_total", "The total number of reads merged.", kCounter}},
    {{"node_disk_read_bytes_total", "The total number of bytes read successfully.", kCounter},
     Unit::Sectors},
    {{"node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.",
      kCounter},
     Unit::Milliseconds},
    {{"node_disk_writes_completed_total", "The total number of writes completed successfully.",
      kCounter}},
    {{"node_disk_writes_merged_total", "The number of writes merged.", kCounter}},
    {{"node_disk_written_bytes_total", "The total number of bytes written successfully.", kCounter},
     Unit::Sectors},
    {{"node_disk_write_time_seconds_total",
      "This is the total number of seconds spent by all writes.", kCounter},
     Unit::Milliseconds},
    {{"node_disk_io_now", "The number of I/Os currently in progress."}},
    {{"node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", kCounter},
     Unit::Milliseconds},
    {{"node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.",
      kCounter},
     Unit::Milliseconds},
    {{"node_disk_discards_completed_total", "The total number of discards completed successfully.",
      kCounter}},
    {{"node_disk_discards_merged_total", "The total number of discards merged.", kCounter}},
    {{"node_disk_discarded_sectors_total", "The total number of sectors discarded successfully.",
      kCounter}},
    {{"node_disk_discard_time_seconds_total",
      "This is the total number of seconds spent by all discards.", kCounter},
     Unit::Milliseconds},
    {{"node_disk_flush_requests_total", "The total number of flush requests completed successfully",
      kCounter}},
    {{"node_disk_flush_requests_time_seconds_total",
      "This is the total number of seconds spent by all flush requests.", kCounter},
     Unit::Milliseconds},
}};

enum Described : std::size_t { kInfo, kFilesystem, kDeviceMapper, kCache, kCacheOn, kRotation };
constexpr std::array<FamilyRow, 6> kDescribed{{
    {"node_disk_info", "Info of /sys/block/<block_device>."},
    {"node_disk_filesystem_info", "Info about disk filesystem."},
    {"node_disk_device_mapper_info", "Info about disk device mapper."},
    {"node_disk_ata_write_cache", "ATA disk has a write cache."},
    {"node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled."},
    {"node_disk_ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs)."},
}};

double in_unit(double value, Unit unit) {
  switch (unit) {
    case Unit::One: return value;
    case Unit::Sectors: return value * 512;  // whatever the device's own sectors are
    case Unit::Milliseconds: return value * 0.001;
  }
  return value;
}

// What is printed on the disk, if it says so; virtio has only ID_SERIAL.
const std::string& serial(const UdevProperties& udev, bool compat_1_5) {
  for (const char* name : {"SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT"}) {
    if (compat_1_5 && name == std::string_view("SCSI_IDENT_SERIAL")) continue;
    if (const std::string& found = property(udev, name); !found.empty()) return found;
  }
  return property(udev, "ID_SERIAL");
}

std::string rotational(SysAttributes& sys, std::string device) {
  std::replace(device.begin(), device.end(), '/', '!');  // as /sys names cciss/c0d0
  const auto turns = sys.count("/sys/block/" + device + "/queue/rotational");
  return turns.value_or(0) == 0 ? "0" : "1";  // partitions have no queue
}

void add_info(Family& family, SysAttributes& sys, const DiskStats& disk, const UdevProperties& udev,
              bool compat_1_5) {
  SampleLabels labels{{"device", disk.device},
                      {"major", disk.major},
                      {"minor", disk.minor},
                      {"model", property(udev, "ID_MODEL")},
                      {"path", property(udev, "ID_PATH")},
                      {"revision", property(udev, "ID_REVISION")}};
  if (!compat_1_5) labels.emplace_back("rotational", rotational(sys, disk.device));
  labels.emplace_back("serial", serial(udev, compat_1_5));
  labels.emplace_back("wwn", property(udev, "ID_WWN"));
  family.samples.push_back({std::move(labels), 1});
}

void add_described(Families& families, const std::string& device, const UdevProperties& udev) {
  if (const std::string& type = property(udev, "ID_FS_TYPE"); !type.empty()) {
    families[kFilesystem].samples.push_back({{{"device", device},
                                              {"type", type},
                                              {"usage", property(udev, "ID_FS_USAGE")},
                                              {"uuid", property(udev, "ID_FS_UUID")},
                                              {"version", property(udev, "ID_FS_VERSION")}},
                                             1});
  }
  if (const std::string& name = property(udev, "DM_NAME"); !name.empty()) {
    families[kDeviceMapper].samples.push_back({{{"device", device},
                                                {"lv_layer", property(udev, "DM_LV_LAYER")},
                                                {"lv_name", property(udev, "DM_LV_NAME")},
                                                {"name", name},
                                                {"uuid", property(udev, "DM_UUID")},
                                                {"vg_name", property(udev, "DM_VG_NAME")}},
                                               1});
  }
  if (property(udev, "ID_ATA").empty()) return;
  constexpr std::pair<Described, std::string_view> kAta[] = {
      {kCache, "ID_ATA_WRITE_CACHE"},
      {kCacheOn, "ID_ATA_WRITE_CACHE_ENABLED"},
      {kRotation, "ID_ATA_ROTATION_RATE_RPM"}};
  for (const auto& [family, name] : kAta) {
    const auto value = parse_float(property(udev, name));
    if (value) families[family].samples.push_back({{{"device", device}}, *value});
  }
}
}  // namespace

Result<std::vector<DiskStats>> parse_diskstats(std::string_view text) {
  std::vector<DiskStats> disks;
  if (text.empty()) return disks;  // a machine without block devices
  const auto lines = split_lines(kSource, text);
  if (!lines) return tl::unexpected(lines.error());
  std::set<std::string_view> devices;
  for (std::size_t i = 0; i < lines->size(); ++i) {
    const auto fields = split_fields((*lines)[i]);
    const std::size_t numbers = fields.size() < 3 ? 0 : fields.size() - 3;
    const auto columns = std::find_if(kColumnCounts.begin(), kColumnCounts.end(),
                                      [&](std::size_t count) { return count <= numbers; });
    if (columns == kColumnCounts.end()) {
      return refuse_line(kSource, i, (*lines)[i], "has too few columns");
    }
    if (!parse_count(fields[0]) || !parse_count(fields[1])) {
      return refuse_line(kSource, i, (*lines)[i], "does not begin with a device's numbers");
    }
    if (!devices.insert(fields[2]).second) {
      return refuse_line(kSource, i, (*lines)[i], "names a device for the second time");
    }
    DiskStats disk{std::string(fields[2]), std::string(fields[0]), std::string(fields[1]), {}};
    disk.columns.reserve(*columns);
    for (std::size_t column = 0; column < *columns; ++column) {
      const auto value = parse_count(fields[3 + column]);
      if (!value) return refuse_line(kSource, i, (*lines)[i], "holds something that is no number");
      disk.columns.push_back(static_cast<double>(*value));
    }
    disks.push_back(std::move(disk));
  }
  return disks;
}

Result<Families> collect_diskstats(const HostFs& fs, const CollectorOptions& options,
                                   UdevData& udev) {
  const auto text = fs.read(kSource.path);
  if (!text) return tl::unexpected(text.error());
  const auto disks = parse_diskstats(*text);
  if (!disks) return tl::unexpected(disks.error());

  Families described = empty_families(kDescribed);
  Families families;
  families.reserve(kColumns.size() + described.size());
  for (const auto& [row, unit] : kColumns) {
    Family family{std::string(row.name), std::string(row.help), row.type, {}};
    family.samples.reserve(disks->size());
    families.push_back(std::move(family));
  }
  SysAttributes sys(fs, kSource.collector);
  for (const DiskStats& disk : *disks) {
    if (!kept(options.disk_devices, disk.device)) continue;
    const UdevProperties& known = udev.of(fs, disk.major + ":" + disk.minor);
    add_info(described[kInfo], sys, disk, known, options.compat_1_5);
    add_described(described, disk.device, known);
    for (std::size_t i = 0; i < disk.columns.size(); ++i) {
      families[i].samples.push_back(
          {{{"device", disk.device}}, in_unit(disk.columns[i], kColumns[i].unit)});
    }
  }
  udev.forget_others();
  if (sys.error()) return tl::unexpected(*sys.error());
  std::move(described.begin(), described.end(), std::back_inserter(families));
  return families;
}

}  // namespace muster::collector
