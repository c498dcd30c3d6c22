// What do systemd's units do, and what has to be asked to know it?
//
// Core: signals and answers come in as calls, questions go out as values; collector/sdbus_units.h
// carries them. States are levels: a signal that is missed or repeated does no harm, and what is
// told about a unit that is not known makes it be asked about. Nothing is asked per scrape.
//
// One owner. Loading a unit makes systemd announce it, and asking about one loads it: so a new unit
// is asked about only if it is still there kDelay after it was announced.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "collector/collector.h"

namespace muster::collector {

struct SystemdOptions {
  Filter units;             // those that are shown one by one; all are counted
  bool restarts = true;     // collector.systemd.enable-restarts-metrics
  bool start_times = true;  // collector.systemd.enable-start-time-metrics
  bool compat_1_5 = false;
};

struct UnitListing {
  std::string name;
  std::string load;    // "loaded", "not-found" ...
  std::string active;  // "active", "failed" ...
};

enum class UnitProperty {
  ServiceType,
  MountType,
  Restarts,
  Entered,      // when it became active, in microseconds since 1970
  LastTrigger,  // of a timer, likewise
  Accepted,     // connections of a socket: ever,
  Connections,  // now,
  Refused       // and not taken
};
// Of a property; `text` for types, `number` for the others. Nothing where systemd gave none.
struct PropertyValue {
  std::string text;
  std::uint64_t number = 0;
};

struct UnitChange {  // what a signal says of one unit
  std::optional<std::string> active{};
  std::optional<std::uint64_t> entered{}, restarts{}, last_trigger{};
};

struct SystemProperties {
  std::string version, virtualization, state;
};

struct ListUnits {};  // answered by on_list()
struct ListNamed {    // answered by on_named()
  std::vector<std::string> names;
};
struct AskUnit {  // answered by on_property()
  std::string name;
  UnitProperty property{};
};
struct AskSystem {};  // answered by on_manager()
using Question = std::variant<ListUnits, ListNamed, AskUnit, AskSystem>;

class SystemdUnits {
 public:
  static constexpr std::size_t kUnitsMax = 16384;
  static constexpr std::size_t kNameMax = 255;   // systemd's own limit
  static constexpr std::size_t kAskedMax = 32;   // questions under way
  static constexpr std::size_t kNamedMax = 256;  // in one of them
  static constexpr Duration kDelay = std::chrono::milliseconds(500);

  explicit SystemdUnits(SystemdOptions options) : options_(std::move(options)) {}

  void on_connected();
  void on_lost(std::string why);  // what was asked will not be answered

  void on_new(const std::string& name, Instant now);
  void on_removed(const std::string& name, Instant now);
  void on_changed(const std::string& name, const UnitChange& change, Instant now);
  void on_reloading(bool active);        // systemd reads its unit files again
  void on_manager_changed(Instant now);  // a job ended, the boot is done

  // Each answers one question. An error is nothing (or, for on_list(), on_lost()).
  void on_list(const std::vector<UnitListing>& all);
  void on_named(const std::vector<std::string>& asked,
                const std::optional<std::vector<UnitListing>>& found);
  void on_property(const std::string& name, UnitProperty property,
                   const std::optional<PropertyValue>& value);
  void on_manager(const std::optional<SystemProperties>& properties);

  // What is to be asked now. Call it after each of the above and at the deadline.
  [[nodiscard]] std::vector<Question> take_questions(Instant now);
  [[nodiscard]] Instant deadline() const { return look_at_; }

  [[nodiscard]] bool ready() const { return ready_; }
  // Unavailable until everything was answered once, and while there is no connection; Exhausted
  // when there are more units than kUnitsMax.
  [[nodiscard]] Result<Families> families() const;

 private:
  struct Unit {
    std::string load, active, type;
    bool known = false;       // everything about it was answered once
    std::size_t waiting = 0;  // for answers until it is
    std::optional<std::uint64_t> restarts, entered, last_trigger, accepted, connections, refused;
  };
  using Units = std::map<std::string, Unit>;

  [[nodiscard]] bool listening() const { return connected_ && listed_ && !reloading_; }
  [[nodiscard]] bool shown(const std::string& name, const Unit& unit) const;
  [[nodiscard]] std::vector<UnitProperty> details(const std::string& name) const;
  void add(const UnitListing& listing, Units& to, const Unit& before);
  void later(Instant now);
  void look();  // what was put off until later
  void answered();
  void set(Unit& unit, UnitProperty property, const PropertyValue& value) const;
  [[nodiscard]] Families unit_families() const;
  void add_socket(const std::string& name, const Unit& unit, Families& families) const;
  [[nodiscard]] Families manager_families() const;

  SystemdOptions options_;
  bool connected_ = false;
  std::string why_ = "it has not been asked yet";  // there is nothing to be shown
  bool list_due_ = false;
  bool listed_ = false;  // on this connection
  bool reloading_ = false;
  bool ready_ = false;
  bool too_many_ = false;
  Units units_;
  SystemProperties manager_;
  bool manager_known_ = false;
  std::set<std::pair<std::string, UnitProperty>> to_ask_;
  std::vector<std::vector<std::string>> to_list_;
  bool manager_due_ = false;
  std::size_t asked_ = 0;  // questions under way
  // Put off until look_at_.
  std::set<std::string> fresh_;
  std::set<std::string> sockets_;
  bool manager_stale_ = false;
  Instant look_at_ = kNever;
};

}  // namespace muster::collector
