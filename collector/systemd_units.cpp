#include "collector/systemd_units.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::collector {
namespace {

// Those that every unit has a sample of; systemd has more, which are only counted.
constexpr std::array<std::string_view, 5> kStates{"active", "activating", "deactivating",
                                                  "inactive", "failed"};

bool sound(std::string_view name) { return !name.empty() && name.size() <= SystemdUnits::kNameMax; }

// The first number of three digits or more, as "252" or "252.38"; 0: there is none.
double version_number(std::string_view text) {
  const auto digits = [&](std::size_t from) {
    std::size_t end = from;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    return end;
  };
  for (std::size_t begin = 0; begin < text.size(); begin = digits(begin) + 1) {
    std::size_t end = digits(begin);
    if (end - begin < 3) continue;
    if (end + 1 < text.size() && text[end] == '.' && digits(end + 1) > end + 1) {
      end = digits(end + 1);
    }
    double number = 0;
    const auto [stop, error] =
        std::from_chars(text.data() + begin, text.data() + end, number, std::chars_format::fixed);
    return error == std::errc() ? number : 0;
  }
  return 0;
}

double number(std::uint64_t value) { return static_cast<double>(value); }
}  // namespace

void SystemdUnits::on_connected() {
  on_lost("it has not answered yet");
  connected_ = true;
  list_due_ = true;
  manager_due_ = true;
}

void SystemdUnits::on_lost(std::string why) {
  SystemdOptions options = std::move(options_);
  *this = SystemdUnits(std::move(options));
  why_ = std::move(why);
}

// --- signals ---

void SystemdUnits::later(Instant now) {
  if (look_at_ == kNever) look_at_ = now + kDelay;
}

void SystemdUnits::on_new(const std::string& name, Instant now) {
  if (!listening() || !sound(name) || fresh_.size() >= kUnitsMax) return;
  fresh_.insert(name);
  manager_stale_ = true;
  later(now);
}

void SystemdUnits::on_removed(const std::string& name, Instant now) {
  if (!listening()) return;
  fresh_.erase(name);
  sockets_.erase(name);
  units_.erase(name);
  on_manager_changed(now);
}

void SystemdUnits::on_changed(const std::string& name, const UnitChange& change, Instant now) {
  if (!listening()) return;
  const auto found = units_.find(name);
  // What was not loaded may be so now; no signal says that.
  if (found == units_.end() || found->second.load != "loaded") on_new(name, now);
  if (found == units_.end()) return;
  Unit& unit = found->second;
  if (change.active) unit.active = *change.active;
  if (change.entered) unit.entered = change.entered;
  if (change.restarts && unit.restarts) unit.restarts = change.restarts;
  if (change.last_trigger) unit.last_trigger = change.last_trigger;
  // The counters of a socket come with no signal, but one is sent when they change.
  if (shown(name, unit) && name.ends_with(".socket")) sockets_.insert(name);
  on_manager_changed(now);
}

void SystemdUnits::on_reloading(bool active) {
  if (!connected_) return;
  reloading_ = active;
  if (!active) list_due_ = manager_due_ = true;
}

void SystemdUnits::on_manager_changed(Instant now) {
  if (!connected_) return;
  manager_stale_ = true;
  later(now);
}

// --- answers ---

bool SystemdUnits::shown(const std::string& name, const Unit& unit) const {
  return unit.load == "loaded" && kept(options_.units, name);
}

std::vector<UnitProperty> SystemdUnits::details(const std::string& name) const {
  using enum UnitProperty;
  std::vector<UnitProperty> all;
  if (options_.start_times) all.push_back(Entered);
  if (name.ends_with(".service")) {
    all.push_back(ServiceType);
    if (options_.restarts) all.push_back(Restarts);
  }
  if (name.ends_with(".mount")) all.push_back(MountType);
  if (name.ends_with(".timer")) all.push_back(LastTrigger);
  if (name.ends_with(".socket")) all.insert(all.end(), {Accepted, Connections, Refused});
  return all;
}

// `before`: what was known of it; it is shown until the answers come.
void SystemdUnits::add(const UnitListing& listing, Units& to, const Unit& before) {
  if (!sound(listing.name)) return;
  if (to.size() >= kUnitsMax && !to.contains(listing.name)) {
    too_many_ = true;
    return;
  }
  Unit unit = before;
  unit.load = listing.load;
  unit.active = listing.active;
  unit.waiting = 0;
  if (shown(listing.name, unit)) {
    for (const UnitProperty property : details(listing.name)) {
      to_ask_.emplace(listing.name, property);
      ++unit.waiting;
    }
  }
  if (unit.waiting == 0) unit.known = true;
  to.insert_or_assign(listing.name, std::move(unit));
}

void SystemdUnits::answered() {
  if (asked_ > 0) --asked_;
  if (ready_ || !listed_ || !manager_known_) return;
  ready_ = asked_ == 0 && to_ask_.empty() && to_list_.empty();
}

void SystemdUnits::on_list(const std::vector<UnitListing>& all) {
  too_many_ = false;
  to_ask_.clear();
  to_list_.clear();
  fresh_.clear();
  sockets_.clear();
  Units next;
  for (const UnitListing& listing : all) {
    const auto before = units_.find(listing.name);
    add(listing, next, before == units_.end() ? Unit() : before->second);
  }
  units_ = std::move(next);
  listed_ = true;
  answered();
}

void SystemdUnits::on_named(const std::vector<std::string>& asked,
                            const std::optional<std::vector<UnitListing>>& found) {
  // An old systemd cannot list by name.
  if (!found) list_due_ = true;
  for (const UnitListing& listing : found.value_or(std::vector<UnitListing>())) {
    // Only what was asked about and was not removed meanwhile.
    if (std::find(asked.begin(), asked.end(), listing.name) == asked.end()) continue;
    const auto before = units_.find(listing.name);
    add(listing, units_, before == units_.end() ? Unit() : before->second);
  }
  answered();
}

void SystemdUnits::set(Unit& unit, UnitProperty property, const PropertyValue& value) const {
  using enum UnitProperty;
  switch (property) {
    case ServiceType:
    case MountType: unit.type = value.text; break;
    case Restarts: unit.restarts = value.number; break;
    case Entered: unit.entered = value.number; break;
    case LastTrigger: unit.last_trigger = value.number; break;
    case Accepted: unit.accepted = value.number; break;
    case Connections: unit.connections = value.number; break;
    case Refused: unit.refused = value.number; break;
  }
}

void SystemdUnits::on_property(const std::string& name, UnitProperty property,
                               const std::optional<PropertyValue>& value) {
  const auto found = units_.find(name);
  if (found != units_.end()) {
    Unit& unit = found->second;
    if (value) set(unit, property, *value);
    if (unit.waiting > 0 && --unit.waiting == 0) unit.known = true;
  }
  answered();
}

void SystemdUnits::on_manager(const std::optional<SystemProperties>& properties) {
  if (properties) manager_ = *properties;
  manager_known_ = true;
  answered();
}

// --- questions ---

void SystemdUnits::look() {
  look_at_ = kNever;
  if (!listening()) return;  // the list that is to come says it all
  std::vector<std::string> names;
  for (const std::string& name : fresh_) {
    names.push_back(name);
    if (names.size() == kNamedMax) to_list_.push_back(std::exchange(names, {}));
  }
  if (!names.empty()) to_list_.push_back(std::move(names));
  fresh_.clear();
  for (const std::string& name : sockets_) {
    for (const auto property :
         {UnitProperty::Accepted, UnitProperty::Connections, UnitProperty::Refused}) {
      to_ask_.emplace(name, property);
    }
  }
  sockets_.clear();
  manager_due_ = manager_due_ || std::exchange(manager_stale_, false);
}

std::vector<Question> SystemdUnits::take_questions(Instant now) {
  std::vector<Question> questions;
  if (!connected_) return questions;
  if (now >= look_at_) look();
  const auto ask = [&](auto question) {
    questions.emplace_back(std::move(question));
    ++asked_;
  };
  if (std::exchange(list_due_, false)) ask(ListUnits{});
  if (std::exchange(manager_due_, false)) ask(AskSystem{});
  while (asked_ < kAskedMax && !to_list_.empty()) {
    ask(ListNamed{std::move(to_list_.back())});
    to_list_.pop_back();
  }
  while (asked_ < kAskedMax && !to_ask_.empty()) {
    auto next = to_ask_.extract(to_ask_.begin());
    if (!units_.contains(next.value().first)) continue;  // removed since
    ask(AskUnit{std::move(next.value().first), next.value().second});
  }
  return questions;
}

// --- what is shown ---

Families SystemdUnits::unit_families() const {
  using enum MetricType;
  enum : std::size_t { State, Start, Restart, Trigger, Sockets };
  Families out{
      {"node_systemd_unit_state", "Systemd unit", Gauge, {}},
      {"node_systemd_unit_start_time_seconds",
       "Start time of the unit since unix epoch in seconds.",
       Gauge,
       {}},
      {"node_systemd_service_restart_total", "Service unit count of Restart triggers", Counter, {}},
      {"node_systemd_timer_last_trigger_seconds",
       "Seconds since epoch of last trigger.",
       Gauge,
       {}},
      {"node_systemd_socket_accepted_connections_total",
       "Total number of accepted socket connections",
       Counter,
       {}},
      {"node_systemd_socket_current_connections",
       "Current number of socket connections",
       Gauge,
       {}},
      {"node_systemd_socket_refused_connections_total",
       "Total number of refused socket connections",
       Gauge,
       {}},
  };
  const auto put = [&](std::size_t family, const std::string& name,
                       std::optional<std::uint64_t> value, double unit = 1) {
    if (value) out[family].samples.push_back({{{"name", name}}, number(*value) / unit});
  };
  for (const auto& [name, unit] : units_) {
    if (!unit.known || !shown(name, unit)) continue;
    for (const std::string_view state : kStates) {
      out[State].samples.push_back(
          {{{"name", name}, {"state", std::string(state)}, {"type", unit.type}},
           unit.active == state ? 1.0 : 0.0});
    }
    const bool active = unit.active == "active";
    if (options_.start_times) put(Start, name, active ? unit.entered : 0, 1e6);
    put(Restart, name, unit.restarts);
    put(Trigger, name, unit.last_trigger, 1e6);
    put(Sockets, name, unit.accepted);
    put(Sockets + 1, name, unit.connections);
    put(Sockets + 2, name, unit.refused);
  }
  return out;
}

Families SystemdUnits::manager_families() const {
  std::map<std::string, std::uint64_t> states;
  for (const std::string_view state : kStates) states[std::string(state)] = 0;
  for (const auto& [name, unit] : units_) ++states[unit.active];
  Family summary{"node_systemd_units", "Summary of systemd unit states", MetricType::Gauge, {}};
  for (const auto& [state, count] : states) {
    summary.samples.push_back({{{"state", state}}, number(count)});
  }
  const double version = version_number(manager_.version);
  Families out{{"node_systemd_version",
                "Detected systemd version",
                MetricType::Gauge,
                {{{{"version", version > 0 ? manager_.version : ""}}, version}}},
               std::move(summary),
               {"node_systemd_system_running",
                "Whether the system is operational (see 'systemctl is-system-running')",
                MetricType::Gauge,
                {{{}, manager_.state == "running" ? 1.0 : 0.0}}}};
  if (options_.compat_1_5) return out;
  const std::string& kind = manager_.virtualization;
  out.push_back({"node_systemd_virtualization_info",
                 "Detected virtualization technology",
                 MetricType::Gauge,
                 {{{{"virtualization_type", kind.empty() ? "none" : kind}}, 1}}});
  return out;
}

Result<Families> SystemdUnits::families() const {
  if (!ready_) {
    return fail(Code::Unavailable, "systemd does not answer: " + why_);
  }
  if (too_many_) {
    return fail(Code::Exhausted,
                "systemd has more units than " + std::to_string(kUnitsMax) + ", the most it may");
  }
  Families out = manager_families();
  for (Family& family : unit_families()) {
    if (!family.samples.empty()) out.push_back(std::move(family));
  }
  return out;
}

}  // namespace muster::collector
