#include "collector/sdbus_units.h"

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "tests/driver/collector/sdbus_fake.h"
#include "tests/driver/temp_dir.h"

namespace muster::collector {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class SdbusUnitsTest : public testing::Test {
 protected:
  SdbusUnitsTest() { ::setenv("DBUS_SYSTEM_BUS_ADDRESS", bus_.address().c_str(), 1); }
  ~SdbusUnitsTest() override { ::unsetenv("DBUS_SYSTEM_BUS_ADDRESS"); }

  void start_systemd(FakeSystemd::Units units = {{"a.service", {}},
                                                 {"b.service", {.type = "notify"}}}) {
    systemd_ = std::make_unique<FakeSystemd>(bus_, std::move(units));
  }
  // "name state type" of each unit; the error's text when it failed.
  std::set<std::string> states() {
    const auto families = units_.families(seconds(5));
    if (!families) return {families.error().text};
    std::set<std::string> out;
    for (const Family& family : *families) {
      if (family.name != "node_systemd_unit_state") continue;
      for (const Sample& sample : family.samples) {
        if (sample.value == 0) continue;
        std::string unit = sample.labels.at(0).second;
        out.insert(unit.append(" ") + sample.labels.at(1).second + " " +
                   sample.labels.at(2).second);
      }
    }
    return out;
  }
  bool failing(const std::string& why) {
    return eventually([&] { return states().begin()->find(why) != std::string::npos; });
  }
  bool shown(const std::string& state) {
    return eventually([&] { return states().contains(state); });
  }

  PrivateBus bus_;
  std::unique_ptr<FakeSystemd> systemd_;
  SdbusUnits units_{SystemdOptions()};
};

TEST_F(SdbusUnitsTest, TheFirstScrapeShowsTheUnits) {
  start_systemd();
  EXPECT_EQ(states(),
            (std::set<std::string>{"a.service active simple", "b.service active notify"}));
}

TEST_F(SdbusUnitsTest, AScrapeAsksNothing) {
  start_systemd();
  (void)states();
  const int before = systemd_->calls("Get") + systemd_->calls("ListUnits");
  for (int i = 0; i < 100; ++i) (void)states();
  EXPECT_EQ(systemd_->calls("Get") + systemd_->calls("ListUnits"), before);
}

TEST_F(SdbusUnitsTest, WhatHappensToUnitsIsFollowed) {
  start_systemd();
  (void)states();
  systemd_->change([](auto& units) { units["a.service"].active = "failed"; },
                   {{}, {}, {"a.service"}, false});
  EXPECT_TRUE(shown("a.service failed simple"));
  systemd_->change([](auto& units) { units["c.service"] = {.type = "exec"}; },
                   {{"c.service"}, {}, {}, false});
  EXPECT_TRUE(shown("c.service active exec"));
  systemd_->change([](auto& units) { units.erase("a.service"); }, {{}, {"a.service"}, {}, false});
  EXPECT_TRUE(eventually([&] { return !states().contains("a.service failed simple"); }));
  EXPECT_EQ(systemd_->calls("ListUnits"), 1);
  systemd_->change([](auto& units) { units["b.service"].type = "dbus"; }, {{}, {}, {}, true});
  EXPECT_TRUE(shown("b.service active dbus"));
  EXPECT_EQ(systemd_->calls("ListUnits"), 2);
}

TEST_F(SdbusUnitsTest, AskingAboutAUnitThatIsGoneDoesNotGoOnForEver) {
  start_systemd();
  (void)states();
  systemd_->change([](auto&) {}, {{"stub.service"}, {"stub.service"}, {}, false});
  // Known only later: it is asked about once, is loaded for that, announced and dropped again.
  systemd_->change([](auto&) {}, {{"late.service"}, {}, {}, false});
  EXPECT_TRUE(eventually([&] { return systemd_->calls("ListUnitsByNames") == 1; }));
  systemd_->change([](auto& units) { units["end.service"] = {}; },
                   {{"end.service"}, {}, {}, false});
  EXPECT_TRUE(shown("end.service active simple"));
  EXPECT_EQ(systemd_->calls("ListUnitsByNames"), 2);
}

TEST_F(SdbusUnitsTest, OnlyTheOwnerOfTheNameIsBelieved) {
  start_systemd();
  (void)states();
  sd_bus* intruder = bus_.connect();
  send_changed(intruder, systemd_->subscriber().c_str(), "b.service", "failed");
  send_changed(intruder, nullptr, "b.service", "failed");
  EXPECT_GE(sd_bus_flush(intruder), 0);
  // Not before the intruder's messages have passed the bus.
  EXPECT_GE(sd_bus_call_method(intruder, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "GetId", nullptr, nullptr, ""),
            0);
  systemd_->change([](auto& units) { units["a.service"].active = "failed"; },
                   {{}, {}, {"a.service"}, false});
  EXPECT_TRUE(shown("a.service failed simple"));
  EXPECT_TRUE(states().contains("b.service active notify"));
  sd_bus_flush_close_unref(intruder);
}

TEST_F(SdbusUnitsTest, WhenSystemdLeavesItFailsAndComesBackWithIt) {
  EXPECT_TRUE(failing("nobody on the bus is systemd"));
  start_systemd();
  EXPECT_TRUE(shown("a.service active simple"));
  systemd_.reset();
  EXPECT_TRUE(failing("systemd does not answer"));
  start_systemd({{"z.service", {}}});
  EXPECT_TRUE(shown("z.service active simple"));
  EXPECT_EQ(states().size(), 1U);
}

TEST_F(SdbusUnitsTest, ABusThatIsAwayFailsAtOnceAndIsFoundWhenItIsThere) {
  bus_.stop();
  const auto before = steady_clock::now();
  EXPECT_TRUE(failing("systemd does not answer"));
  EXPECT_LT(steady_clock::now() - before, seconds(4)) << "there is nothing to wait for";
  bus_.start();
  start_systemd();
  EXPECT_TRUE(shown("a.service active simple"));
  bus_.stop();
  EXPECT_TRUE(failing("systemd does not answer"));
}

TEST_F(SdbusUnitsTest, AnswersInAnotherFormFailByName) {
  start_systemd();
  systemd_->answer_garbage();
  EXPECT_TRUE(failing("systemd does not list its units"));
}

TEST_F(SdbusUnitsTest, WhatIsOfAnotherTypeIsNotThere) {
  start_systemd();
  EXPECT_TRUE(shown("a.service active simple"));
  systemd_->turn_types();
  systemd_->change([](auto& units) { units["c.service"] = {}; }, {{"c.service"}, {}, {}, false});
  EXPECT_TRUE(shown("c.service active "));
  EXPECT_TRUE(states().contains("a.service active simple"));
  systemd_->change([](auto& units) { units["a.service"].active = "failed"; },
                   {{}, {}, {"a.service"}, false});
  EXPECT_TRUE(shown("a.service failed simple"));
}

TEST_F(SdbusUnitsTest, ItCanGoWhileItIsBeingAnswered) {
  FakeSystemd::Units many;
  for (int i = 0; i < 2000; ++i) many["s" + std::to_string(i) + ".service"] = {};
  start_systemd(many);
  SdbusUnits units{SystemdOptions()};
  (void)units.families(Duration::zero());
}

}  // namespace
}  // namespace muster::collector
