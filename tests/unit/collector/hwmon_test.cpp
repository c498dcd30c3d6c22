#include "collector/hwmon.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

struct OneChip : MadeUpHost {
  OneChip() {
    links["/sys/class/hwmon/hwmon1"] = "../../devices/platform/coretemp.0/hwmon/hwmon1";
    links["/sys/class/hwmon/hwmon1/device"] = "../../../coretemp.0";
    files["/sys/class/hwmon/hwmon1/name"] = "Core-Temp\n";
  }
  void set(const std::string& file, const std::string& content) {
    files["/sys/class/hwmon/hwmon1/" + file] = content + "\n";
  }
  std::string shown(const CollectorOptions& options = {}) const {
    const auto families = collect_hwmon(*this, options);
    return families ? exposition_text(*families) : families.error().text;
  }
};

constexpr const char* kTemp1 = "{chip=\"platform_coretemp_0\",sensor=\"temp1\"} ";

TEST(Hwmon, AChipIsNamedAfterItsDevice) {
  OneChip host;
  EXPECT_EQ(host.shown(),
            "# HELP node_hwmon_chip_names Annotation metric for human-readable chip names\n"
            "# TYPE node_hwmon_chip_names gauge\n"
            "node_hwmon_chip_names{chip=\"platform_coretemp_0\",chip_name=\"core_temp\"} 1\n");
}

TEST(Hwmon, WithoutADeviceItsNameAndThenItsNumberAreTaken) {
  OneChip host;
  host.set("temp1_input", "1000");
  host.links.erase("/sys/class/hwmon/hwmon1/device");
  EXPECT_TRUE(has(host.shown(), "node_hwmon_temp_celsius{chip=\"core_temp\",sensor=\"temp1\"} 1"));
  host.files.erase("/sys/class/hwmon/hwmon1/name");
  EXPECT_TRUE(has(host.shown(), "node_hwmon_temp_celsius{chip=\"hwmon1\",sensor=\"temp1\"} 1"));
}

TEST(Hwmon, ValuesAreInTheUnitOfTheirName) {
  const std::pair<std::pair<const char*, const char*>, std::string> cases[] = {
      {{"temp1_input", "48000"}, std::string("temp_celsius") + kTemp1 + "48"},
      {{"temp1_crit_alarm", "1"}, std::string("temp_crit_alarm_celsius") + kTemp1 + "0.001"},
      {{"temp1_alarm", "1"}, std::string("temp_alarm") + kTemp1 + "1"},
      {{"temp1_type", "4"}, std::string("temp_type") + kTemp1 + "4"},
      {{"temp1_beep", "1"}, std::string("temp_beep_enabled") + kTemp1 + "1"},
      {{"temp1", "-5500"}, std::string("temp_celsius") + kTemp1 + "-5.5"},
      {{"in0_max", "1744"}, "in_max_volts{chip=\"platform_coretemp_0\",sensor=\"in0\"} 1.744"},
      {{"cpu0_vid", "1100"}, "cpu_vid_volts{chip=\"platform_coretemp_0\",sensor=\"cpu0\"} 1.1"},
      {{"curr1_input", "850"}, "curr_amps{chip=\"platform_coretemp_0\",sensor=\"curr1\"} 0.85"},
      {{"energy1_input", "45200000"},
       "energy_joule_total{chip=\"platform_coretemp_0\",sensor=\"energy1\"} 45.2"},
      {{"power1_input", "5150000"},
       "power_watt{chip=\"platform_coretemp_0\",sensor=\"power1\"} 5.15"},
      {{"power1_accuracy", "990000"},
       "power_accuracy{chip=\"platform_coretemp_0\",sensor=\"power1\"} 0.99"},
      {{"power1_average_interval", "1000"},
       "power_average_interval_seconds{chip=\"platform_coretemp_0\",sensor=\"power1\"} 1"},
      {{"humidity1_input", "412000"},
       "humidity{chip=\"platform_coretemp_0\",sensor=\"humidity1\"} 0.412"},
      {{"fan1_min", "300"}, "fan_min_rpm{chip=\"platform_coretemp_0\",sensor=\"fan1\"} 300"},
      {{"fan1_pulses", "2"}, "fan_pulses{chip=\"platform_coretemp_0\",sensor=\"fan1\"} 2"},
      {{"pwm1", "153"}, "pwm{chip=\"platform_coretemp_0\",sensor=\"pwm1\"} 153"},
      {{"pwm1_enable", "5"}, "pwm_enable{chip=\"platform_coretemp_0\",sensor=\"pwm1\"} 5"},
      {{"beep_enable", "1"},
       "beep_enabled{chip=\"platform_coretemp_0\",sensor=\"beep_enable0\"} 1"},
      {{"vrm", "120"},
       "voltage_regulator_version{chip=\"platform_coretemp_0\",sensor=\"vrm0\"} 120"},
      {{"update_interval", "1500"},
       "update_interval_seconds{chip=\"platform_coretemp_0\",sensor=\"update_interval0\"} 1.5"},
  };
  for (const auto& [file, expected] : cases) {
    OneChip host;
    host.set(file.first, file.second);
    EXPECT_TRUE(has(host.shown(), "node_hwmon_" + expected)) << file.first << "\n" << host.shown();
  }
}

TEST(Hwmon, AFileWithoutPropertyMovesTheInputAside) {
  OneChip host;
  host.set("temp1", "1000");
  host.set("temp1_input", "2000");
  EXPECT_TRUE(has(host.shown(), std::string("node_hwmon_temp_celsius") + kTemp1 + "1"));
  EXPECT_TRUE(has(host.shown(), std::string("node_hwmon_temp_input_celsius") + kTemp1 + "2"));
}

TEST(Hwmon, ASensorsLabelIsASeriesOfItsOwn) {
  OneChip host;
  host.set("temp1_label", "Package id \"0\"");
  EXPECT_TRUE(has(host.shown(),
                  "node_hwmon_sensor_label{chip=\"platform_coretemp_0\",label=\"Package id "
                  "\\\"0\\\"\",sensor=\"temp1\"} 1"));
}

TEST(Hwmon, FrequenciesOfGraphicsChipsCameAfter15) {
  OneChip host;
  host.set("freq1_input", "1500000000");
  host.set("freq1_label", "sclk");
  CollectorOptions options;
  EXPECT_TRUE(has(host.shown(options),
                  "node_hwmon_freq_freq_mhz{chip=\"platform_coretemp_0\",sensor=\"sclk\"} 1500"));
  options.compat_1_5 = true;
  EXPECT_EQ(host.shown(options).find("freq"), std::string::npos);
}

TEST(Hwmon, WhatIsNoNumberOrNoSensorIsLeftOutAndTheRestStays) {
  OneChip host;
  host.set("temp1_input", "48000");
  host.set("temp2_input", "N/A");
  host.set("temp3_input", "");
  host.set("temp4_input", "nan");
  host.set("temp5x", "1");
  host.set("temp99999999999_input", "1");
  host.set("uevent", "1");
  host.broken["/sys/class/hwmon/hwmon1/temp6_input"] = {Code::Internal, "no data"};
  host.set("temp6_input", "1");
  const std::string text = host.shown();
  EXPECT_EQ(text.find("temp_celsius{"), text.rfind("temp_celsius{"));
  EXPECT_TRUE(has(text, std::string("node_hwmon_temp_celsius") + kTemp1 + "48"));
}

TEST(Hwmon, TwoEntriesOfOneDeviceMakeNoSeriesTwice) {
  OneChip host;
  host.set("temp1_input", "1000");
  host.links["/sys/class/hwmon/hwmon2"] = "../../devices/platform/coretemp.0/hwmon/hwmon2";
  host.links["/sys/class/hwmon/hwmon2/device"] = "../../../coretemp.0";
  host.files["/sys/class/hwmon/hwmon2/temp1_input"] = "2000\n";
  host.files["/sys/class/hwmon/hwmon2/temp2_input"] = "3000\n";
  const std::string text = host.shown();
  EXPECT_EQ(text.find("sensor=\"temp1\"}"), text.rfind("sensor=\"temp1\"}"));
  EXPECT_NE(text.find("sensor=\"temp2\"} 3\n"), std::string::npos);
}

TEST(Hwmon, AnOversizedFileIsRefusedAndNoClassIsNoData) {
  OneChip host;
  host.set("temp1_input", std::string(10 << 20, '1'));
  EXPECT_EQ(host.shown(),
            "collector hwmon: /sys/class/hwmon/hwmon1/temp1_input is larger than a page; its "
            "metrics are left out");
  EXPECT_EQ(collect_hwmon(MadeUpHost(), {}).error().code, Code::NotFound);
}

TEST(Hwmon, FileNamesAreATypeANumberAndAProperty) {
  EXPECT_EQ(parse_sensor_file("temp1_crit_alarm"), (SensorFile{"temp", 1, "crit_alarm"}));
  EXPECT_EQ(parse_sensor_file("pwm1"), (SensorFile{"pwm", 1, ""}));
  EXPECT_EQ(parse_sensor_file("beep_enable"), (SensorFile{"beep_enable", 0, ""}));
  EXPECT_EQ(parse_sensor_file("in_input"), (SensorFile{"in_input", 0, ""}));
  for (const char* name : {"", "1", "temp1x", "temp1_", "1_input"}) {
    EXPECT_FALSE(parse_sensor_file(name)) << name;
  }
  EXPECT_EQ(clean_metric_name("__Core 0/a:B_"), "core_0_a:b");
  EXPECT_EQ(clean_metric_name("__"), "");
}

}  // namespace
}  // namespace muster::collector
