#include "collector/systemd_units.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

using std::chrono::milliseconds;
using enum UnitProperty;

// A systemd that answers what it is asked, when the test lets it.
struct Systemd {
  struct Unit {
    std::string load = "loaded", active = "active", type = "simple";
    std::uint64_t restarts = 3, entered = 1'700'000'000'500'000,
                  last_trigger = 1'600'000'000'250'000;
  };
  std::map<std::string, Unit> units{{"a.service", {}}, {"b.service", {.active = "failed"}}};
  SystemProperties manager{"252.39-1~deb12u2", "kvm", "running"};
  SystemdUnits watch{[] {
    SystemdOptions options;
    options.units = [](std::string_view name) { return !name.ends_with(".scope"); };
    return options;
  }()};
  Instant now{};
  std::vector<Question> asked;

  explicit Systemd(SystemdOptions options) : watch(std::move(options)) {}
  Systemd() = default;

  void take() {
    for (Question& question : watch.take_questions(now)) asked.push_back(std::move(question));
  }
  std::vector<UnitListing> listing(const std::vector<std::string>* only = nullptr) const {
    std::vector<UnitListing> out;
    for (const auto& [name, unit] : units) {
      if (only != nullptr && std::find(only->begin(), only->end(), name) == only->end()) continue;
      out.push_back({name, unit.load, unit.active});
    }
    return out;
  }
  void answer(const Question& question) {
    if (std::holds_alternative<ListUnits>(question)) return watch.on_list(listing());
    if (std::holds_alternative<AskSystem>(question)) return watch.on_manager(manager);
    if (const auto* list = std::get_if<ListNamed>(&question)) {
      return watch.on_named(list->names, listing(&list->names));
    }
    const auto& [name, property] = std::get<AskUnit>(question);
    const auto found = units.find(name);
    if (found == units.end()) return watch.on_property(name, property, std::nullopt);
    const Unit& unit = found->second;
    const auto number = property == Restarts      ? unit.restarts
                        : property == Entered     ? unit.entered
                        : property == LastTrigger ? unit.last_trigger
                                                  : 5 + static_cast<std::uint64_t>(property);
    watch.on_property(name, property, PropertyValue{unit.type, number});
  }
  void answer_all() {
    for (take(); !asked.empty(); take()) {
      const Question question = asked.front();
      asked.erase(asked.begin());
      answer(question);
    }
  }
  void connect() {
    watch.on_connected();
    answer_all();
  }
  void wait() {
    now += SystemdUnits::kDelay;
    answer_all();
  }
  // "family{labels}" by value, without the states that are 0.
  std::map<std::string, double> shown() const {
    const auto families = watch.families();
    EXPECT_TRUE(families) << families.error().text;
    std::map<std::string, double> out;
    if (!families) return out;
    for (const Family& family : *families) {
      for (const Sample& sample : family.samples) {
        std::string key = family.name.substr(std::string("node_systemd_").size());
        for (const auto& [label, value] : sample.labels) key.append(" ").append(value);
        if (sample.value != 0 || family.name != "node_systemd_unit_state") out[key] = sample.value;
      }
    }
    return out;
  }
  bool has(const std::string& key) const { return shown().contains(key); }
};

TEST(SystemdUnits, UnitsTheirSumsAndTheSystemAreShownAsNodeExporterDoes) {
  Systemd systemd;
  systemd.units["run-1.scope"] = {};
  systemd.units["x.service"] = {.load = "not-found", .active = "inactive"};
  systemd.units["t.timer"] = {.active = "inactive"};
  systemd.units["s.socket"] = {};
  systemd.connect();
  EXPECT_EQ(systemd.shown(), (std::map<std::string, double>{
                                 {"version 252.39-1~deb12u2", 252.39},
                                 {"virtualization_info kvm", 1},
                                 {"system_running", 1},
                                 {"units active", 3},
                                 {"units activating", 0},
                                 {"units deactivating", 0},
                                 {"units failed", 1},
                                 {"units inactive", 2},
                                 {"unit_state a.service active simple", 1},
                                 {"unit_state b.service failed simple", 1},
                                 {"unit_state s.socket active ", 1},
                                 {"unit_state t.timer inactive ", 1},
                                 {"unit_start_time_seconds a.service", 1700000000.5},
                                 {"unit_start_time_seconds b.service", 0},
                                 {"unit_start_time_seconds s.socket", 1700000000.5},
                                 {"unit_start_time_seconds t.timer", 0},
                                 {"service_restart_total a.service", 3},
                                 {"service_restart_total b.service", 3},
                                 {"timer_last_trigger_seconds t.timer", 1600000000.25},
                                 {"socket_accepted_connections_total s.socket", 10},
                                 {"socket_current_connections s.socket", 11},
                                 {"socket_refused_connections_total s.socket", 12},
                             }));
}

TEST(SystemdUnits, EveryUnitHasASampleOfEachOfFiveStates) {
  Systemd systemd;
  systemd.units = {{"a.service", {.active = "reloading"}}};
  systemd.connect();
  const Families families = *systemd.watch.families();
  const auto states = std::find_if(families.begin(), families.end(), [](const Family& family) {
    return family.name == "node_systemd_unit_state";
  });
  ASSERT_NE(states, families.end());
  ASSERT_EQ(states->samples.size(), 5U);
  EXPECT_EQ(states->samples[1],
            (Sample{{{"name", "a.service"}, {"state", "activating"}, {"type", "simple"}}, 0}));
  EXPECT_TRUE(systemd.has("units reloading")) << "others are only counted";
}

TEST(SystemdUnits, NothingIsShownBeforeEverythingWasAnsweredOnce) {
  Systemd systemd;
  EXPECT_EQ(systemd.watch.families().error().code, Code::Unavailable);
  systemd.watch.on_connected();
  systemd.take();
  while (!systemd.asked.empty()) {
    EXPECT_FALSE(systemd.watch.families());
    const Question question = systemd.asked.front();
    systemd.asked.erase(systemd.asked.begin());
    systemd.answer(question);
    systemd.take();
  }
  EXPECT_TRUE(systemd.watch.families());
}

TEST(SystemdUnits, AScrapeAndARestingSystemAskNothing) {
  Systemd systemd;
  systemd.connect();
  (void)systemd.shown();
  systemd.now += std::chrono::hours(1);
  EXPECT_TRUE(systemd.watch.take_questions(systemd.now).empty());
  EXPECT_EQ(systemd.watch.deadline(), kNever);
}

TEST(SystemdUnits, AtMostThirtyTwoQuestionsAreUnderWay) {
  Systemd systemd;
  for (int i = 0; i < 500; ++i) systemd.units["s" + std::to_string(i) + ".service"] = {};
  systemd.watch.on_connected();
  systemd.take();
  std::size_t most = 0;
  while (!systemd.asked.empty()) {
    most = std::max(most, systemd.asked.size());
    const Question question = systemd.asked.front();
    systemd.asked.erase(systemd.asked.begin());
    systemd.answer(question);
    systemd.take();
  }
  EXPECT_EQ(most, SystemdUnits::kAskedMax);
  EXPECT_EQ(systemd.shown().at("units active"), 501);
}

TEST(SystemdUnits, WhatASignalSaysIsSeenAtOnce) {
  Systemd systemd;
  systemd.connect();
  systemd.watch.on_changed("b.service",
                           {.active = "active", .entered = 1'800'000'000'000'000, .restarts = 4},
                           systemd.now);
  EXPECT_TRUE(systemd.watch.take_questions(systemd.now).empty());
  const auto shown = systemd.shown();
  EXPECT_TRUE(shown.contains("unit_state b.service active simple"));
  EXPECT_EQ(shown.at("unit_start_time_seconds b.service"), 1.8e9);
  EXPECT_EQ(shown.at("service_restart_total b.service"), 4);
  EXPECT_EQ(shown.at("units failed"), 0);
}

TEST(SystemdUnits, TheStateOfTheSystemIsAskedForOnceAfterABurstOfChanges) {
  Systemd systemd;
  systemd.connect();
  systemd.manager.state = "degraded";
  for (int i = 0; i < 100; ++i) {
    systemd.watch.on_changed("a.service", {.active = "failed"}, systemd.now);
    systemd.take();
  }
  EXPECT_TRUE(systemd.asked.empty());
  EXPECT_EQ(systemd.watch.deadline(), systemd.now + SystemdUnits::kDelay);
  systemd.now += SystemdUnits::kDelay;
  systemd.take();
  EXPECT_EQ(systemd.asked.size(), 1U);
  systemd.answer_all();
  EXPECT_EQ(systemd.shown().at("system_running"), 0);
}

TEST(SystemdUnits, ANewUnitIsShownWhenAllIsKnownOfIt) {
  Systemd systemd;
  systemd.connect();
  systemd.units["c.service"] = {.type = "notify"};
  systemd.watch.on_new("c.service", systemd.now);
  systemd.now += SystemdUnits::kDelay;
  systemd.take();
  ASSERT_EQ(systemd.asked.size(), 2U);  // it, and the system
  for (const Question& question : std::exchange(systemd.asked, {})) systemd.answer(question);
  EXPECT_FALSE(systemd.has("unit_state c.service active "));
  systemd.answer_all();
  EXPECT_TRUE(systemd.has("unit_state c.service active notify"));
}

TEST(SystemdUnits, AUnitThatIsGoneAtOnceIsNotAskedAbout) {
  Systemd systemd;
  systemd.connect();
  systemd.watch.on_new("stub.service", systemd.now);
  systemd.watch.on_removed("stub.service", systemd.now);
  systemd.now += SystemdUnits::kDelay;
  systemd.take();
  for (const Question& question : systemd.asked) {
    EXPECT_TRUE(std::holds_alternative<AskSystem>(question));
  }
}

TEST(SystemdUnits, ARemovedUnitIsGone) {
  Systemd systemd;
  systemd.connect();
  systemd.watch.on_removed("b.service", systemd.now);
  EXPECT_FALSE(systemd.has("unit_state b.service failed simple"));
  EXPECT_EQ(systemd.shown().at("units failed"), 0);
  systemd.watch.on_property("b.service", ServiceType, PropertyValue{"late", 0});
  EXPECT_EQ(systemd.shown().at("units failed"), 0);
}

TEST(SystemdUnits, AChangeOfAUnitThatIsNotKnownMakesItBeAskedAbout) {
  Systemd systemd;
  systemd.connect();
  systemd.units["c.service"] = {};
  systemd.watch.on_changed("c.service", {.active = "active"}, systemd.now);
  systemd.wait();
  EXPECT_TRUE(systemd.has("unit_state c.service active simple"));
}

TEST(SystemdUnits, AUnitThatWasNotLoadedIsLookedAtAgainWhenItStarts) {
  Systemd systemd;
  systemd.units["x.service"] = {.load = "not-found", .active = "inactive"};
  systemd.connect();
  systemd.units["x.service"] = {};
  systemd.watch.on_changed("x.service", {.active = "active"}, systemd.now);
  systemd.wait();
  EXPECT_TRUE(systemd.has("unit_state x.service active simple"));
}

TEST(SystemdUnits, TheCountersOfASocketAreAskedForAgainWhenItChanges) {
  Systemd systemd;
  systemd.units["s.socket"] = {};
  systemd.connect();
  systemd.watch.on_changed("s.socket", {}, systemd.now);
  systemd.now += SystemdUnits::kDelay;
  systemd.take();
  EXPECT_EQ(systemd.asked.size(), 4U);
  systemd.asked.clear();
  systemd.watch.on_property("s.socket", Accepted, PropertyValue{{}, 99});
  EXPECT_EQ(systemd.shown().at("socket_accepted_connections_total s.socket"), 99);
}

TEST(SystemdUnits, AReloadIsWaitedForAndThenEverythingIsAskedAnew) {
  Systemd systemd;
  systemd.connect();
  systemd.watch.on_reloading(true);
  systemd.watch.on_removed("a.service", systemd.now);
  systemd.watch.on_new("z.service", systemd.now);
  EXPECT_TRUE(systemd.has("unit_state a.service active simple"));
  systemd.units["a.service"].type = "exec";
  systemd.units.erase("b.service");
  systemd.units["c.service"] = {};
  systemd.watch.on_reloading(false);
  EXPECT_TRUE(systemd.has("unit_state a.service active simple")) << "until the answers are here";
  systemd.answer_all();
  const auto shown = systemd.shown();
  EXPECT_TRUE(shown.contains("unit_state a.service active exec"));
  EXPECT_TRUE(shown.contains("unit_state c.service active simple"));
  EXPECT_FALSE(shown.contains("unit_state b.service failed simple"));
}

TEST(SystemdUnits, WithoutAConnectionItFailsAndSaysWhy) {
  Systemd systemd;
  systemd.connect();
  systemd.watch.on_lost("the connection ended");
  const auto families = systemd.watch.families();
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().code, Code::Unavailable);
  EXPECT_EQ(families.error().text, "systemd does not answer: the connection ended");
  systemd.watch.on_changed("a.service", {.active = "active"}, systemd.now);
  EXPECT_TRUE(systemd.watch.take_questions(systemd.now + SystemdUnits::kDelay).empty());
  systemd.units.erase("a.service");
  systemd.connect();
  EXPECT_FALSE(systemd.has("unit_state a.service active simple"));
  EXPECT_TRUE(systemd.has("unit_state b.service failed simple")) << "the filter is still there";
}

TEST(SystemdUnits, AnOldSystemdThatCannotListByNameIsAskedForAll) {
  Systemd systemd;
  systemd.connect();
  systemd.units["c.service"] = {};
  systemd.watch.on_new("c.service", systemd.now);
  systemd.now += SystemdUnits::kDelay;
  systemd.take();
  for (const Question& question : std::exchange(systemd.asked, {})) {
    const auto* list = std::get_if<ListNamed>(&question);
    if (list != nullptr) {
      systemd.watch.on_named(list->names, std::nullopt);
    } else {
      systemd.answer(question);
    }
  }
  systemd.answer_all();
  EXPECT_TRUE(systemd.has("unit_state c.service active simple"));
}

TEST(SystemdUnits, WhatIsNotAnsweredIsLeftOut) {
  Systemd systemd;
  systemd.units = {{"a.service", {}}};
  systemd.watch.on_connected();
  systemd.take();
  for (; !systemd.asked.empty(); systemd.take()) {
    const Question question = systemd.asked.front();
    systemd.asked.erase(systemd.asked.begin());
    if (const auto* unit = std::get_if<AskUnit>(&question)) {
      systemd.watch.on_property(unit->name, unit->property, std::nullopt);
    } else if (std::holds_alternative<AskSystem>(question)) {
      systemd.watch.on_manager(std::nullopt);
    } else {
      systemd.answer(question);
    }
  }
  const auto shown = systemd.shown();
  EXPECT_TRUE(shown.contains("unit_state a.service active "));
  EXPECT_FALSE(shown.contains("service_restart_total a.service"));
  EXPECT_EQ(shown.at("version "), 0);
}

TEST(SystemdUnits, MoreUnitsThanCanBeKeptFailByNumber) {
  Systemd systemd;
  systemd.units.clear();
  for (std::size_t i = 0; i < SystemdUnits::kUnitsMax; ++i) {
    systemd.units[std::to_string(i) + ".scope"] = {};
  }
  systemd.connect();
  EXPECT_TRUE(systemd.watch.families());
  systemd.units["one-more.scope"] = {};
  systemd.watch.on_new("one-more.scope", systemd.now);
  systemd.wait();
  const auto families = systemd.watch.families();
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().code, Code::Exhausted);
}

TEST(SystemdUnits, NamesThatSystemdCannotGiveAreNotTaken) {
  Systemd systemd;
  const std::string name(SystemdUnits::kNameMax + 1, 'x');
  systemd.units[name] = {};
  systemd.units[""] = {};
  systemd.connect();
  EXPECT_EQ(systemd.shown().at("units active"), 1);
  systemd.watch.on_new(name, systemd.now);
  EXPECT_EQ(systemd.watch.deadline(), kNever);
}

TEST(SystemdUnits, TheVersionIsItsFirstNumberOfThreeDigits) {
  for (const auto& [text, number] : std::map<std::string, double>{{"249", 249},
                                                                  {"v255.4-1ubuntu8", 255.4},
                                                                  {"12 257~rc1", 257},
                                                                  {"252.", 252},
                                                                  {"219-78.el7", 219},
                                                                  {"99", 0},
                                                                  {"", 0},
                                                                  {"x", 0}}) {
    Systemd systemd;
    systemd.manager.version = text;
    systemd.connect();
    EXPECT_EQ(systemd.shown().at("version " + (number > 0 ? text : "")), number) << text;
  }
}

TEST(SystemdUnits, WhatWasNotAskedForIsNotShown) {
  SystemdOptions options;
  options.restarts = options.start_times = false;
  options.compat_1_5 = true;
  Systemd systemd(options);
  systemd.connect();
  for (const auto& [key, value] : systemd.shown()) {
    EXPECT_FALSE(key.starts_with("service_restart_total")) << key;
    EXPECT_FALSE(key.starts_with("unit_start_time")) << key;
    EXPECT_FALSE(key.starts_with("virtualization")) << key;
  }
}

}  // namespace
}  // namespace muster::collector
