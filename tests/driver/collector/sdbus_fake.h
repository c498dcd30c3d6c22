// A systemd that a test makes up, on a bus of its own.
//
// A dbus-daemon in a directory of its own, and a thread that answers there for
// org.freedesktop.systemd1 as systemd does: it loads, and announces, what it is asked about and
// does not have.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "collector/posix_wakeup.h"
#include "tests/driver/temp_dir.h"

namespace muster::collector {

class PrivateBus {
 public:
  PrivateBus() {
    address_ = "unix:path=" + directory_.file("socket");
    std::ofstream(directory_.file("config")) << R"(<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>)" << address_
                                             << R"(</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>)";
    start();
  }
  ~PrivateBus() { stop(); }
  [[nodiscard]] const std::string& address() const { return address_; }

  // Returns when it listens: it prints its address then.
  void start() {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const std::string config = "--config-file=" + directory_.file("config");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(ready[1], 1);
      ::execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address=1", config.c_str(),
               nullptr);
      ::_exit(127);
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "is there a dbus-daemon?";
    ::close(ready[0]);
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(std::exchange(pid_, 0), SIGKILL);
    ::wait(nullptr);
  }
  // A new connection; the caller owns it.
  [[nodiscard]] sd_bus* connect() const {
    sd_bus* bus = nullptr;
    EXPECT_GE(sd_bus_new(&bus), 0);
    EXPECT_GE(sd_bus_set_address(bus, address_.c_str()), 0);
    EXPECT_GE(sd_bus_set_bus_client(bus, 1), 0);
    EXPECT_GE(sd_bus_start(bus), 0);
    return bus;
  }

 private:
  TempDir directory_;
  std::string address_;
  pid_t pid_ = 0;
};

inline constexpr const char* kFakeManager = "org.freedesktop.systemd1.Manager";

inline void send_changed(sd_bus* bus, const char* to, const std::string& unit, const char* active) {
  char* path = nullptr;
  sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
  sd_bus_message* signal = nullptr;
  sd_bus_message_new_signal(bus, &signal, path, "org.freedesktop.DBus.Properties",
                            "PropertiesChanged");
  if (to != nullptr) sd_bus_message_set_destination(signal, to);
  sd_bus_message_append(signal, "sa{sv}as", "org.freedesktop.systemd1.Unit", 3, "Other", "(uo)", 1U,
                        "/x", "ActiveState", "s", active, "ActiveEnterTimestamp", "t",
                        std::uint64_t{1'800'000'000'000'000}, 0);
  EXPECT_GE(sd_bus_send(bus, signal, nullptr), 0);
  sd_bus_message_unref(signal);
  std::free(path);
}

class FakeSystemd {
 public:
  struct Unit {
    std::string load = "loaded", active = "active", type = "simple";
    std::uint32_t restarts = 0;
  };
  using Units = std::map<std::string, Unit>;
  struct Signals {
    std::vector<std::string> created, removed, changed;
    bool reload = false;
  };

  FakeSystemd(const PrivateBus& bus, Units units) : units_(std::move(units)), bus_(bus.connect()) {
    sd_bus_add_filter(bus_, nullptr, &FakeSystemd::filter, this);
    EXPECT_GE(sd_bus_request_name(bus_, "org.freedesktop.systemd1", 0), 0);
    thread_ = std::thread([this] { run(); });
  }
  ~FakeSystemd() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wakeup_.wake();
    thread_.join();
    sd_bus_flush_close_unref(bus_);
  }
  // Changes the units and, when they are changed, tells; in the order of the members of `signals`.
  void change(const std::function<void(Units&)>& how, const Signals& signals) {
    const std::lock_guard lock(mutex_);
    how(units_);
    emit(signals);
    sd_bus_flush(bus_);
  }
  // How often a method was called, "ListUnits" or "Get" ...
  int calls(const std::string& member) {
    const std::lock_guard lock(mutex_);
    return calls_[member];
  }
  std::string subscriber() {  // on the bus
    const std::lock_guard lock(mutex_);
    return subscriber_;
  }
  void answer_garbage() {
    const std::lock_guard lock(mutex_);
    garbage_ = true;
  }
  // From now on properties are of types that they do not have; and so are those of these signals.
  void turn_types() {
    const std::lock_guard lock(mutex_);
    turned_ = true;
    constexpr const char* kManager = "/org/freedesktop/systemd1";
    constexpr const char* kUnit = "/org/freedesktop/systemd1/unit/a_2eservice";
    constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
    sd_bus_emit_signal(bus_, kManager, kFakeManager, "UnitNew", "tu", std::uint64_t{1}, 2U);
    sd_bus_emit_signal(bus_, kManager, kFakeManager, "UnitRemoved", "");
    sd_bus_emit_signal(bus_, kManager, kFakeManager, "Reloading", "s", "no");
    sd_bus_emit_signal(bus_, kUnit, kProperties, "PropertiesChanged", "as", 1, "ActiveState");
    sd_bus_emit_signal(bus_, kUnit, kProperties, "PropertiesChanged", "sa{sv}as",
                       "org.freedesktop.systemd1.Unit", 2, "ActiveState", "u", 7U,
                       "ActiveEnterTimestamp", "(ss)", "a", "b", 0);
    sd_bus_flush(bus_);
  }

 private:
  void run() {
    for (;;) {
      int busy = 0;
      {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        busy = sd_bus_process(bus_, nullptr);
      }
      if (busy < 0) return;
      if (busy == 0) wakeup_.wait(sd_bus_get_fd(bus_), sd_bus_get_events(bus_), kLook);
    }
  }
  static int filter(sd_bus_message* message, void* self, sd_bus_error* /*error*/) {
    if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) return 0;
    return static_cast<FakeSystemd*>(self)->answer(message);
  }
  int answer(sd_bus_message* message) {
    const std::string member = sd_bus_message_get_member(message);
    ++calls_[member];
    if (garbage_) return sd_bus_reply_method_return(message, "at", 2, std::uint64_t{1}, UINT64_MAX);
    if (member == "Subscribe") {
      subscriber_ = sd_bus_message_get_sender(message);
      return sd_bus_reply_method_return(message, "");
    }
    if (member == "Get") return answer_get(message);
    std::vector<std::string> names;
    if (member == "ListUnitsByNames") {
      sd_bus_message_enter_container(message, 'a', "s");
      const char* name = nullptr;
      while (sd_bus_message_read(message, "s", &name) > 0) names.emplace_back(name);
    } else {
      for (const auto& [name, unit] : units_) names.push_back(name);
    }
    sd_bus_message* reply = nullptr;
    sd_bus_message_new_method_return(message, &reply);
    sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
    for (const std::string& name : names) append(reply, name);
    sd_bus_message_close_container(reply);
    const int sent = sd_bus_send(bus_, reply, nullptr);
    sd_bus_message_unref(reply);
    return sent < 0 ? sent : 1;
  }
  void append(sd_bus_message* reply, const std::string& name) {
    const auto found = units_.find(name);
    // What it does not have is loaded as a stub and dropped again, which it announces.
    if (found == units_.end()) emit({{name}, {name}, {}, false});
    const Unit unit = found != units_.end() ? found->second : Unit{"not-found", "inactive", "", 0};
    sd_bus_message_append(reply, "(ssssssouso)", name.c_str(), "", unit.load.c_str(),
                          unit.active.c_str(), "", "", "/x", 0U, "", "/");
  }
  int answer_get(sd_bus_message* message) {
    const char *interface = nullptr, *property = nullptr;
    sd_bus_message_read(message, "ss", &interface, &property);
    const std::string name = property;
    if (turned_) return sd_bus_reply_method_return(message, "v", "as", 1, "none");
    char* decoded = nullptr;
    sd_bus_path_decode(sd_bus_message_get_path(message), "/org/freedesktop/systemd1/unit",
                       &decoded);
    const Unit unit = decoded == nullptr ? Unit() : units_[decoded];
    std::free(decoded);
    const auto text = [&](const char* value) {
      return sd_bus_reply_method_return(message, "v", "s", value);
    };
    if (name == "Version") return text("252.39-1");
    if (name == "SystemState") return text("running");
    if (name == "Virtualization") return text("");
    if (name == "Type") return text(unit.type.c_str());
    if (name == "NRestarts") return sd_bus_reply_method_return(message, "v", "u", unit.restarts);
    if (name == "ActiveEnterTimestamp" || name == "LastTriggerUSec") {
      return sd_bus_reply_method_return(message, "v", "t", std::uint64_t{1'700'000'000'000'000});
    }
    if (name == "NAccepted") return sd_bus_reply_method_return(message, "v", "u", 17U);
    if (name == "NConnections") return sd_bus_reply_method_return(message, "v", "u", 2U);
    if (name == "NRefused") return sd_bus_reply_method_return(message, "v", "u", 1U);
    return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_PROPERTY, "no %s", property);
  }
  void emit(const Signals& signals) {
    const auto tell = [&](const char* member, const std::string& unit) {
      sd_bus_emit_signal(bus_, "/org/freedesktop/systemd1", kFakeManager, member, "so",
                         unit.c_str(), "/x");
    };
    const auto reloading = [&](int active) {
      sd_bus_emit_signal(bus_, "/org/freedesktop/systemd1", kFakeManager, "Reloading", "b", active);
    };
    if (signals.reload) reloading(1);
    for (const std::string& unit : signals.created) tell("UnitNew", unit);
    for (const std::string& unit : signals.removed) tell("UnitRemoved", unit);
    for (const std::string& unit : signals.changed) {
      send_changed(bus_, nullptr, unit, units_[unit].active.c_str());
    }
    if (signals.reload) reloading(0);
  }

  static constexpr Duration kLook = std::chrono::seconds(1);
  std::mutex mutex_;  // of what follows but for the last two
  Units units_;
  std::map<std::string, int> calls_;
  std::string subscriber_;
  bool garbage_ = false;
  bool turned_ = false;
  bool stopping_ = false;
  sd_bus* bus_ = nullptr;
  Wakeup wakeup_;
  std::thread thread_;
};

}  // namespace muster::collector
