#include "collector/sdbus_connection.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <systemd/sd-bus.h>

namespace muster::collector {
namespace {

constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kBusPath = "/org/freedesktop/DBus";
constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kUnitPath = "/org/freedesktop/systemd1/unit";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
constexpr std::uint64_t kAnswerMicros = 10'000'000;

struct Named {
  const char* interface;
  const char* name;
  char type;  // of the bus: s string, u and t numbers
};

Named named(UnitProperty property) {
  using enum UnitProperty;
  switch (property) {
    case ServiceType: return {"org.freedesktop.systemd1.Service", "Type", 's'};
    case MountType: return {"org.freedesktop.systemd1.Mount", "Type", 's'};
    case Restarts: return {"org.freedesktop.systemd1.Service", "NRestarts", 'u'};
    case Entered: return {"org.freedesktop.systemd1.Unit", "ActiveEnterTimestamp", 't'};
    case LastTrigger: return {"org.freedesktop.systemd1.Timer", "LastTriggerUSec", 't'};
    case Accepted: return {"org.freedesktop.systemd1.Socket", "NAccepted", 'u'};
    case Connections: return {"org.freedesktop.systemd1.Socket", "NConnections", 'u'};
    case Refused: return {"org.freedesktop.systemd1.Socket", "NRefused", 'u'};
  }
  CHECK(false);
  return {};
}

std::optional<std::string> read_text(sd_bus_message* message) {
  const char* text = nullptr;
  if (sd_bus_message_read(message, "s", &text) <= 0) return std::nullopt;
  return text;
}

std::optional<std::string> text_variant(sd_bus_message* message) {
  const char* text = nullptr;
  if (sd_bus_message_read(message, "v", "s", &text) <= 0) return std::nullopt;
  return text;
}

std::optional<std::uint64_t> number_variant(sd_bus_message* message, char type) {
  std::uint32_t narrow = 0;
  std::uint64_t wide = 0;
  const int got = type == 'u' ? sd_bus_message_read(message, "v", "u", &narrow)
                              : sd_bus_message_read(message, "v", "t", &wide);
  if (got <= 0) return std::nullopt;
  return type == 'u' ? narrow : wide;
}

// Nothing: it is no list of units.
std::optional<std::vector<UnitListing>> read_units(sd_bus_message* message) {
  constexpr const char* kUnit = "(ssssssouso)";
  if (sd_bus_message_enter_container(message, 'a', kUnit) < 0) return std::nullopt;
  std::vector<UnitListing> units;
  for (;;) {
    const char *name = nullptr, *load = nullptr, *active = nullptr;
    const char *text = nullptr, *path = nullptr;
    std::uint32_t job = 0;
    const int got = sd_bus_message_read(message, kUnit, &name, &text, &load, &active, &text, &text,
                                        &path, &job, &text, &path);
    if (got < 0) return std::nullopt;
    if (got == 0) return units;
    // One more than can be taken shows that there are too many.
    if (units.size() <= SystemdUnits::kUnitsMax) units.push_back({name, load, active});
  }
}

std::optional<std::string> unit_of(const char* path) {
  char* name = nullptr;
  if (path == nullptr || sd_bus_path_decode(path, kUnitPath, &name) <= 0) return std::nullopt;
  std::string out(name);
  std::free(name);
  return out;
}

std::string path_of(const std::string& unit) {
  char* path = nullptr;
  if (sd_bus_path_encode(kUnitPath, unit.c_str(), &path) < 0) return kUnitPath;
  std::string out(path);
  std::free(path);
  return out;
}

std::string refusal(sd_bus_message* message) {
  const sd_bus_error* error = sd_bus_message_get_error(message);
  return error == nullptr || error->name == nullptr ? "no reason given" : error->name;
}
}  // namespace

struct SdbusConnection::Library {
  static int on_signal(sd_bus_message* message, void* match, sd_bus_error*) {
    const Match& what = *static_cast<const Match*>(match);
    what.connection->on_signal(what.signal, message);
    return 0;
  }
  static int on_answer(sd_bus_message* message, void* waiting, sd_bus_error*) {
    Call& call = *static_cast<Call*>(waiting);
    SdbusConnection& connection = *call.connection;
    connection.on_answer(call, message);
    connection.calls_.erase(call.self);
    return 0;
  }
};

Result<std::unique_ptr<SdbusConnection>> SdbusConnection::open(SystemdUnits& units) {
  std::unique_ptr<SdbusConnection> connection(new SdbusConnection(units));
  if (const Status begun = connection->begin(); !begun) return tl::unexpected(begun.error());
  return connection;
}

Status SdbusConnection::begin() {
  if (const int opened = sd_bus_open_system(&bus_); opened < 0) {
    return fail(Code::Unavailable,
                "cannot reach the system bus: " + std::generic_category().message(-opened));
  }
  sd_bus_set_method_call_timeout(bus_, kAnswerMicros);
  // First, so that no change of the owner is missed.
  std::string rule = "type='signal',member='NameOwnerChanged',sender='";
  rule.append(kBus).append("',arg0='").append(kName).append("'");
  match(rule, Signal::Owner);
  call(AskOwner{}, kBus, kBusPath, kBus, "GetNameOwner", {kName});
  if (!failed_.empty()) return fail(Code::Unavailable, failed_);
  return {};
}

SdbusConnection::~SdbusConnection() { sd_bus_close_unref(bus_); }

void SdbusConnection::fail_with(std::string why) {
  if (failed_.empty()) failed_ = std::move(why);
}

void SdbusConnection::match(const std::string& rule, Signal signal) {
  matches_.push_back({this, signal});
  const int added = sd_bus_add_match_async(bus_, nullptr, rule.c_str(), Library::on_signal, nullptr,
                                           &matches_.back());
  if (added < 0) fail_with("the bus: " + std::generic_category().message(-added));
}

void SdbusConnection::call(decltype(Call::what) what, const char* destination, const char* path,
                           const char* interface, const char* member,
                           const std::vector<std::string>& arguments) {
  sd_bus_message* message = nullptr;
  int done = sd_bus_message_new_method_call(bus_, &message, destination, path, interface, member);
  const bool list = std::string_view(member) == "ListUnitsByNames";  // takes them as one argument
  if (done >= 0 && list) done = sd_bus_message_open_container(message, 'a', "s");
  for (std::size_t i = 0; done >= 0 && i < arguments.size(); ++i) {
    done = sd_bus_message_append(message, "s", arguments[i].c_str());
  }
  if (done >= 0 && list) done = sd_bus_message_close_container(message);
  if (done >= 0) {
    calls_.push_back({this, std::move(what)});
    calls_.back().self = std::prev(calls_.end());
    done = sd_bus_call_async(bus_, nullptr, message, Library::on_answer, &calls_.back(), 0);
  }
  sd_bus_message_unref(message);
  if (done < 0) fail_with("the bus: " + std::generic_category().message(-done));
}

Result<bool> SdbusConnection::process(Instant now) {
  now_ = now;
  const int done = sd_bus_process(bus_, nullptr);
  if (done < 0) fail_with("the connection ended: " + std::generic_category().message(-done));
  if (!failed_.empty()) return fail(Code::Unavailable, failed_);
  return done > 0;
}

int SdbusConnection::descriptor() const { return sd_bus_get_fd(bus_); }
int SdbusConnection::events() const { return std::max(0, sd_bus_get_events(bus_)); }

Duration SdbusConnection::patience(Instant now) const {
  Duration most = std::chrono::hours(1);
  std::uint64_t micros = UINT64_MAX;
  if (sd_bus_get_timeout(bus_, &micros) >= 0 && micros < INT64_MAX / 1000) {
    const Instant due{Duration(std::chrono::microseconds(micros))};
    most = std::min(most, due - now);
  }
  if (units_.deadline() != kNever) most = std::min(most, units_.deadline() - now);
  return std::max(most, Duration::zero());
}

void SdbusConnection::ask(Instant now) {
  if (!failed_.empty()) return;  // process() says so
  for (const Question& question : units_.take_questions(now)) send(question);
}

void SdbusConnection::send(const Question& question) {
  if (std::holds_alternative<ListUnits>(question)) {
    call(question, kName, kPath, kManager, "ListUnits", {});
  } else if (const auto* list = std::get_if<ListNamed>(&question)) {
    call(question, kName, kPath, kManager, "ListUnitsByNames", list->names);
  } else if (const auto* unit = std::get_if<AskUnit>(&question)) {
    const Named what = named(unit->property);
    call(question, kName, path_of(unit->name).c_str(), kProperties, "Get",
         {what.interface, what.name});
  } else {
    const auto get = [&](const char* name, std::string SystemProperties::*into) {
      ++manager_asked_;
      call(AskSystemProperty{into}, kName, kPath, kProperties, "Get", {kManager, name});
    };
    get("SystemState", &SystemProperties::state);
    if (!manager_.version.empty()) return;  // those stay as they are
    get("Version", &SystemProperties::version);
    get("Virtualization", &SystemProperties::virtualization);
  }
}

// --- answers ---

void SdbusConnection::on_answer(const Call& call, sd_bus_message* message) {
  std::visit([&](const auto& what) { answer(what, message); }, call.what);
}

void SdbusConnection::answer(const AskOwner& /*what*/, sd_bus_message* message) {
  const auto owner = read_text(message);
  if (sd_bus_message_is_method_error(message, nullptr) > 0 || !owner) {
    return fail_with("nobody on the bus is systemd: " + refusal(message));
  }
  owner_ = *owner;
  std::string from = "type='signal',sender='";
  from.append(owner_).append("',");
  const auto manager = [&](const char* member, Signal signal) {
    std::string rule = from;
    rule.append("interface='").append(kManager).append("',member='").append(member).append("'");
    match(rule, signal);
  };
  manager("UnitNew", Signal::UnitNew);
  manager("UnitRemoved", Signal::UnitRemoved);
  manager("Reloading", Signal::Reloading);
  manager("JobRemoved", Signal::Manager);
  manager("StartupFinished", Signal::Manager);
  for (const char* kind : {"Unit", "Service", "Timer"}) {
    std::string rule = from;
    rule.append("interface='").append(kProperties).append("',member='PropertiesChanged',");
    rule.append("path_namespace='").append(kUnitPath).append("',arg0='");
    rule.append(kName).append(".").append(kind).append("'");
    match(rule, Signal::Changed);
  }
  call(Subscribe{}, kName, kPath, kManager, "Subscribe", {});
  units_.on_connected();
}

void SdbusConnection::answer(const Subscribe& /*what*/, sd_bus_message* message) {
  if (sd_bus_message_is_method_error(message, nullptr) <= 0) return;
  if (sd_bus_message_is_method_error(message, "org.freedesktop.systemd1.AlreadySubscribed") > 0) {
    return;
  }
  fail_with("systemd does not tell what happens: " + refusal(message));
}

void SdbusConnection::answer(const AskSystemProperty& what, sd_bus_message* message) {
  const bool refused = sd_bus_message_is_method_error(message, nullptr) > 0;
  manager_.*what.into = refused ? "" : text_variant(message).value_or("");
  if (--manager_asked_ == 0) units_.on_manager(manager_);
}

void SdbusConnection::answer(const Question& what, sd_bus_message* message) {
  const bool refused = sd_bus_message_is_method_error(message, nullptr) > 0;
  if (const auto* unit = std::get_if<AskUnit>(&what)) {
    std::optional<PropertyValue> value;
    const char type = named(unit->property).type;
    if (!refused && type == 's') {
      if (auto text = text_variant(message)) value = PropertyValue{std::move(*text), 0};
    } else if (!refused) {
      if (const auto number = number_variant(message, type)) value = PropertyValue{{}, *number};
    }
    return units_.on_property(unit->name, unit->property, value);
  }
  std::optional<std::vector<UnitListing>> units;
  if (!refused) units = read_units(message);
  if (const auto* list = std::get_if<ListNamed>(&what)) return units_.on_named(list->names, units);
  if (!units) return fail_with("systemd does not list its units: " + refusal(message));
  units_.on_list(*units);
}

// --- signals ---

void SdbusConnection::on_signal(Signal signal, sd_bus_message* message) {
  switch (signal) {
    case Signal::UnitNew:
      if (const auto name = read_text(message)) units_.on_new(*name, now_);
      return;
    case Signal::UnitRemoved:
      if (const auto name = read_text(message)) units_.on_removed(*name, now_);
      return;
    case Signal::Changed: return on_changed(message);
    case Signal::Reloading: {
      int active = 0;
      if (sd_bus_message_read(message, "b", &active) > 0) units_.on_reloading(active != 0);
      return;
    }
    case Signal::Manager: return units_.on_manager_changed(now_);
    case Signal::Owner: {
      const char *name = nullptr, *before = nullptr, *owner = nullptr;
      if (sd_bus_message_read(message, "sss", &name, &before, &owner) <= 0) return;
      if (!owner_.empty() && owner_ != owner) fail_with("systemd began anew or left the bus");
      return;
    }
  }
}

void SdbusConnection::on_changed(sd_bus_message* message) {
  const auto unit = unit_of(sd_bus_message_get_path(message));
  if (!unit || !read_text(message)) return;  // the interface: names do not clash
  if (sd_bus_message_enter_container(message, 'a', "{sv}") <= 0) return;
  UnitChange change;
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const std::string name = read_text(message).value_or("");
    if (name == "ActiveState") {
      change.active = text_variant(message);
    } else if (name == "ActiveEnterTimestamp") {
      change.entered = number_variant(message, 't');
    } else if (name == "NRestarts") {
      change.restarts = number_variant(message, 'u');
    } else if (name == "LastTriggerUSec") {
      change.last_trigger = number_variant(message, 't');
    } else if (sd_bus_message_skip(message, "v") < 0) {
      return;
    }
    if (sd_bus_message_exit_container(message) < 0) return;
  }
  units_.on_changed(*unit, change, now_);
}

}  // namespace muster::collector
