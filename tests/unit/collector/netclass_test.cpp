#include "collector/netclass.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/exposition.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

struct OneDevice : MadeUpHost {
  OneDevice() {
    const std::string directory = "/sys/class/net/eth0/";
    for (const auto& [file, content] : {std::pair{"operstate", "up"},
                                        {"flags", "0x1003"},
                                        {"address", "02:00:00:00:00:01"},
                                        {"speed", "1000"},
                                        {"carrier_changes", "7"},
                                        {"ifalias", ""}}) {
      files[directory + file] = std::string(content) + "\n";
    }
    files["/sys/class/net/bonding_masters"] = "bond0\n";
  }

  std::string shown(const CollectorOptions& options = {}) const {
    const auto families = collect_netclass(*this, options);
    return families ? exposition_text(*families) : families.error().text;
  }
};

constexpr const char* kNumbers =
    "# HELP node_network_carrier_changes_total Network device property: carrier_changes_total\n"
    "# TYPE node_network_carrier_changes_total counter\n"
    "node_network_carrier_changes_total{device=\"eth0\"} 7\n"
    "# HELP node_network_speed_bytes Network device property: speed_bytes\n"
    "# TYPE node_network_speed_bytes gauge\n"
    "node_network_speed_bytes{device=\"eth0\"} 1.25e+08\n"
    "# HELP node_network_flags Network device property: flags\n"
    "# TYPE node_network_flags gauge\n"
    "node_network_flags{device=\"eth0\"} 4099\n"
    "# HELP node_network_info Non-numeric data from /sys/class/net/<iface>, value is always 1.\n"
    "# TYPE node_network_info gauge\n";
constexpr const char* kUp =
    "# HELP node_network_up Value is 1 if operstate is 'up', 0 otherwise.\n"
    "# TYPE node_network_up gauge\n"
    "node_network_up{device=\"eth0\"} 1\n";

TEST(Netclass, ShowsWhatADriverTellsAndLeavesOutTheRest) {
  EXPECT_EQ(OneDevice().shown(),
            std::string(kNumbers) +
                "node_network_info{address=\"02:00:00:00:00:01\",adminstate=\"up\",broadcast=\"\","
                "device=\"eth0\",duplex=\"\",ifalias=\"\",operstate=\"up\"} 1\n" +
                kUp);
}

TEST(Netclass, TheAdministrativeStateCameAfter15) {
  CollectorOptions options;
  options.compat_1_5 = true;
  EXPECT_EQ(OneDevice().shown(options),
            std::string(kNumbers) +
                "node_network_info{address=\"02:00:00:00:00:01\",broadcast=\"\",device=\"eth0\","
                "duplex=\"\",ifalias=\"\",operstate=\"up\"} 1\n" +
                kUp);
}

TEST(Netclass, AnUnknownSpeedIsNegativeAsTheKernelHasIt) {
  OneDevice host;
  host.files["/sys/class/net/eth0/speed"] = "-1\n";
  EXPECT_NE(host.shown().find("node_network_speed_bytes{device=\"eth0\"} -125000\n"),
            std::string::npos);
}

TEST(Netclass, ADeviceThatIsDownOrWithoutFlagsSaysSo) {
  OneDevice host;
  host.files["/sys/class/net/eth0/operstate"] = "down\n";
  host.files["/sys/class/net/eth0/flags"] = "0x1002\n";
  EXPECT_NE(host.shown().find("adminstate=\"down\""), std::string::npos);
  EXPECT_NE(host.shown().find("node_network_up{device=\"eth0\"} 0\n"), std::string::npos);
  host.files.erase("/sys/class/net/eth0/flags");
  EXPECT_NE(host.shown().find("adminstate=\"unknown\""), std::string::npos);
  EXPECT_EQ(host.shown().find("node_network_flags"), std::string::npos);
}

TEST(Netclass, DevicesThatAreGoneOrNotWantedAreLeftOut) {
  OneDevice host;
  CollectorOptions options;
  options.netclass_devices = [](std::string_view device) { return device != "eth0"; };
  EXPECT_EQ(host.shown(options), "");
  host.files.erase("/sys/class/net/eth0/operstate");
  EXPECT_EQ(host.shown(), "");
}

TEST(Netclass, GarbageIsRefusedAndNoClassIsNoData) {
  OneDevice host;
  host.files["/sys/class/net/eth0/mtu"] = "1500 bytes\n";
  EXPECT_EQ(host.shown(),
            "collector netclass: /sys/class/net/eth0/mtu does not hold a whole number; its metrics "
            "are left out");
  EXPECT_EQ(collect_netclass(MadeUpHost(), {}).error().code, Code::NotFound);
}

}  // namespace
}  // namespace muster::collector
