// The collectors of devices that are a few files each.
#include <string>

#include <gtest/gtest.h>

#include "collector/bonding.h"
#include "collector/collectors.h"
#include "collector/dmi.h"
#include "collector/edac.h"
#include "collector/exposition.h"
#include "collector/nvme.h"
#include "collector/power_supply.h"
#include "collector/rapl.h"
#include "collector/thermal_zone.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

std::string text_of(const Result<Families>& families) {
  return families ? exposition_text(*families) : families.error().text;
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(ThermalZone, ShowsZonesAndWhatCoolsThem) {
  MadeUpHost host;
  const std::string base = "/sys/class/thermal/";
  host.files = {{base + "thermal_zone0/type", "acpitz\n"},
                {base + "thermal_zone0/temp", "-5500\n"},
                {base + "thermal_zone1/type", "off\n"},
                {base + "thermal_zone1/temp", "1000\n"},
                {base + "thermal_zone1/mode", "disabled\n"},
                {base + "thermal_zone2/type", "gone\n"},
                {base + "thermal_zonex/type", "none\n"},
                {base + "cooling_device3/type", "intel_powerclamp\n"},
                {base + "cooling_device3/cur_state", "-1\n"},
                {base + "cooling_device3/max_state", "50\n"}};
  const std::string now = text_of(collect_thermal_zone(host, {}));
  EXPECT_EQ(now,
            "# HELP node_thermal_zone_temp Zone temperature in Celsius\n"
            "# TYPE node_thermal_zone_temp gauge\n"
            "node_thermal_zone_temp{type=\"acpitz\",zone=\"0\"} -5.5\n"
            "# HELP node_cooling_device_cur_state Current throttle state of the cooling device\n"
            "# TYPE node_cooling_device_cur_state gauge\n"
            "node_cooling_device_cur_state{name=\"3\",type=\"intel_powerclamp\"} -1\n"
            "# HELP node_cooling_device_max_state Maximum throttle state of the cooling device\n"
            "# TYPE node_cooling_device_max_state gauge\n"
            "node_cooling_device_max_state{name=\"3\",type=\"intel_powerclamp\"} 50\n");
  CollectorOptions options;
  options.compat_1_5 = true;
  EXPECT_TRUE(has(text_of(collect_thermal_zone(host, options)),
                  "node_thermal_zone_temp{type=\"off\",zone=\"1\"} 1"));
  host.files[base + "thermal_zone0/temp"] = "warm\n";
  EXPECT_EQ(text_of(collect_thermal_zone(host, {})),
            "collector thermal_zone: /sys/class/thermal/thermal_zone0/temp does not hold a whole "
            "number; its metrics are left out");
  EXPECT_EQ(text_of(collect_thermal_zone(MadeUpHost(), {})), "");
}

TEST(Dmi, LabelsAreThoseThatCanBeRead) {
  MadeUpHost host;
  host.files = {{"/sys/class/dmi/id/sys_vendor", "Super \xFFmicro \n"},
                {"/sys/class/dmi/id/bios_date", "04/07/2023\n"},
                {"/sys/class/dmi/id/product_serial", "secret\n"},
                {"/sys/class/dmi/id/modalias", "dmi:bvn\n"}};
  host.broken["/sys/class/dmi/id/product_serial"] = {Code::PermissionDenied, "root's"};
  EXPECT_TRUE(has(text_of(collect_dmi(host)),
                  "node_dmi_info{bios_date=\"04/07/2023\",system_vendor=\"Super "
                  "\xEF\xBF\xBDmicro\"} 1"));
  EXPECT_EQ(collect_dmi(MadeUpHost()).error().code, Code::NotFound);
  host.files["/sys/class/dmi/id/sys_vendor"] = std::string(5000, 'x');
  EXPECT_EQ(collect_dmi(host).error().code, Code::DataLoss);
}

TEST(Dmi, IsAskedOnceInTheLifeOfACollector) {
  MadeUpHost host;
  host.files = {{"/sys/class/dmi/id/sys_vendor", "A\n"}};
  for (const Collector& collector : all_collectors({})) {
    if (collector.name != "dmi") continue;
    Complaints complaints;
    EXPECT_EQ(collector.collect(MadeUpHost(), complaints).error().code, Code::NotFound);
    const std::string first = text_of(collector.collect(host, complaints));
    EXPECT_TRUE(has(first, "node_dmi_info{system_vendor=\"A\"} 1"));
    host.files.clear();
    EXPECT_EQ(text_of(collector.collect(host, complaints)), first);
  }
}

TEST(Nvme, ShowsControllersThatAreStillThere) {
  MadeUpHost host;
  host.files = {{"/sys/class/nvme/nvme0/model", "Disk 1  \n"},
                {"/sys/class/nvme/nvme0/serial", "S1\n"},
                {"/sys/class/nvme/nvme0/firmware_rev", "GX\n"},
                {"/sys/class/nvme/nvme0/state", "live\n"},
                {"/sys/class/nvme/nvme1/other", "x\n"}};
  host.files["/sys/class/nvme/nvme0/cntlid"] = "6\n";
  CollectorOptions options;
  EXPECT_TRUE(has(text_of(collect_nvme(host, options)),
                  "node_nvme_info{cntlid=\"6\",device=\"nvme0\",firmware_revision=\"GX\","
                  "model=\"Disk 1\",serial=\"S1\",state=\"live\"} 1"));
  options.compat_1_5 = true;
  EXPECT_EQ(
      text_of(collect_nvme(host, options)),
      "# HELP node_nvme_info Non-numeric data from /sys/class/nvme/<device>, value is always "
      "1.\n# TYPE node_nvme_info gauge\n"
      "node_nvme_info{device=\"nvme0\",firmware_revision=\"GX\",model=\"Disk 1\",serial=\"S1\","
      "state=\"live\"} 1\n");
  EXPECT_EQ(collect_nvme(MadeUpHost(), options).error().code, Code::NotFound);
}

TEST(Bonding, CountsSlavesWhoseLinkIsUp) {
  MadeUpHost host;
  const std::string bond = "/sys/class/net/bond0/";
  host.files = {{"/sys/class/net/bonding_masters", "bond0 bond1 gone\n"},
                {bond + "bonding/slaves", "eth0 eth1 eth2 lost\n"},
                {bond + "lower_eth0/bonding_slave/mii_status", "up\n"},
                {bond + "lower_eth1/bonding_slave/mii_status", "down\n"},
                {bond + "slave_eth2/bonding_slave/mii_status", "up\n"},
                {"/sys/class/net/bond1/bonding/slaves", "\n"}};
  const std::string text = text_of(collect_bonding(host));
  EXPECT_TRUE(has(text, "node_bonding_slaves{master=\"bond0\"} 3"));
  EXPECT_TRUE(has(text, "node_bonding_active{master=\"bond0\"} 2"));
  EXPECT_TRUE(has(text, "node_bonding_slaves{master=\"bond1\"} 0"));
  EXPECT_EQ(text.find("gone"), std::string::npos);
  EXPECT_EQ(collect_bonding(MadeUpHost()).error().code, Code::NotFound);
}

TEST(Edac, ShowsEachControllerAndItsRows) {
  MadeUpHost host;
  const std::string mc = "/sys/devices/system/edac/mc/mc0/";
  host.files = {{mc + "ce_count", "12\n"},        {mc + "ce_noinfo_count", "1\n"},
                {mc + "ue_count", "2\n"},         {mc + "ue_noinfo_count", "0\n"},
                {mc + "csrow3/ce_count", "11\n"}, {mc + "csrow3/ue_count", "2\n"},
                {mc + "csrows/ce_count", "7\n"},  {"/sys/devices/system/edac/mc/power/x", "\n"}};
  const std::string text = text_of(collect_edac(host));
  EXPECT_TRUE(has(text, "node_edac_correctable_errors_total{controller=\"0\"} 12"));
  EXPECT_TRUE(has(text, "node_edac_uncorrectable_errors_total{controller=\"0\"} 2"));
  EXPECT_TRUE(
      has(text, "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"unknown\"} 1"));
  EXPECT_TRUE(
      has(text, "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"3\"} 11"));
  EXPECT_TRUE(
      has(text, "node_edac_csrow_uncorrectable_errors_total{controller=\"0\",csrow=\"3\"} 2"));
  EXPECT_EQ(text.find("csrow=\"s\""), std::string::npos);
  host.files[mc + "ue_count"] = "-1\n";
  EXPECT_EQ(collect_edac(host).error().code, Code::DataLoss);
  EXPECT_EQ(text_of(collect_edac(MadeUpHost())), "");
}

TEST(PowerSupply, NumbersAreInTheirUnitsAndTextsAreLabels) {
  MadeUpHost host;
  const std::string battery = "/sys/class/power_supply/BAT0/";
  host.files = {{battery + "cycle_count", "117\n"},   {battery + "voltage_now", "12229000\n"},
                {battery + "temp", "301\n"},          {battery + "type", "Battery\n"},
                {battery + "manufacturer", "LGC\n"},  {battery + "health", "\n"},
                {battery + "uevent", "whatever\n"},   {battery + "energy_full", "50060000\n"},
                {battery + "charge_now", "refused\n"}};
  host.broken[battery + "charge_now"] = {Code::Internal, "no such device"};
  const std::string text = text_of(collect_power_supply(host));
  EXPECT_TRUE(has(text, "node_power_supply_cyclecount{power_supply=\"BAT0\"} 117"));
  EXPECT_TRUE(has(text, "node_power_supply_voltage_volt{power_supply=\"BAT0\"} 12.229"));
  EXPECT_TRUE(has(text, "node_power_supply_temp_celsius{power_supply=\"BAT0\"} 30.1"));
  EXPECT_TRUE(has(text, "node_power_supply_energy_full{power_supply=\"BAT0\"} 50.06"));
  EXPECT_TRUE(
      has(text,
          "node_power_supply_info{manufacturer=\"LGC\",power_supply=\"BAT0\",type=\"Battery\""
          "} 1"));
  EXPECT_TRUE(has(text,
                  "# HELP node_power_supply_cyclecount cyclecount value of "
                  "/sys/class/power_supply/<power_supply>."));
  host.files[battery + "online"] = "yes\n";
  EXPECT_EQ(collect_power_supply(host).error().code, Code::DataLoss);
  EXPECT_EQ(collect_power_supply(MadeUpHost()).error().code, Code::NotFound);
}

TEST(Rapl, ZonesAreNumberedByTheirNameOrByCounting) {
  MadeUpHost host;
  const std::string base = "/sys/class/powercap/";
  host.files = {{base + "intel-rapl/enabled", "1\n"},
                {base + "intel-rapl:0/name", "package-0\n"},
                {base + "intel-rapl:0/energy_uj", "1500000\n"},
                {base + "intel-rapl:0:0/name", "dram\n"},
                {base + "intel-rapl:0:0/energy_uj", "1\n"},
                {base + "intel-rapl:1:0/name", "dram\n"},
                {base + "intel-rapl:1:0/energy_uj", "2\n"},
                {base + "mmio/name", "psys a-b-c\n"},
                {base + "mmio/energy_uj", "18446744073709551615\n"}};
  const std::string text = text_of(collect_rapl(host));
  EXPECT_TRUE(has(text,
                  "node_rapl_package_joules_total{index=\"0\",path=\"/sys/class/powercap/"
                  "intel-rapl:0\"} 1.5"));
  EXPECT_TRUE(has(text,
                  "node_rapl_dram_joules_total{index=\"1\",path=\"/sys/class/powercap/"
                  "intel-rapl:1:0\"} 2e-06"));
  EXPECT_TRUE(has(text, "# TYPE node_rapl_psys_a_b_c_joules_total counter"));
  host.files[base + "mmio/energy_uj"] = "\n";
  EXPECT_EQ(collect_rapl(host).error().code, Code::DataLoss);
  host.broken[base + "intel-rapl:0/energy_uj"] = {Code::PermissionDenied, "root's"};
  EXPECT_EQ(collect_rapl(host).error().code, Code::NotFound);
  EXPECT_EQ(collect_rapl(MadeUpHost()).error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
