// What goes over one connection to systemd?
//
// Driver (libsystemd's sd-bus). Turns messages into calls of a SystemdUnits and its questions into
// method calls. One thread; a connection that has failed stays so.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "collector/systemd_units.h"

struct sd_bus;
struct sd_bus_message;

namespace muster::collector {

class SdbusConnection {
 public:
  // Pre: `units` outlives this object. Does not wait: whether somebody answers shows later.
  [[nodiscard]] static Result<std::unique_ptr<SdbusConnection>> open(SystemdUnits& units);
  ~SdbusConnection();
  SdbusConnection(const SdbusConnection&) = delete;
  SdbusConnection& operator=(const SdbusConnection&) = delete;

  // Handles one message that has come; false: there was none. An error: the connection is lost.
  [[nodiscard]] Result<bool> process(Instant now);
  // Sends what the units ask by now. Does not wait.
  void ask(Instant now);

  // What to wait for before the next process(), with poll.
  [[nodiscard]] int descriptor() const;
  [[nodiscard]] int events() const;
  [[nodiscard]] Duration patience(Instant now) const;  // the longest that may be waited

 private:
  enum class Signal { UnitNew, UnitRemoved, Changed, Reloading, Manager, Owner };
  struct Match {
    SdbusConnection* connection = nullptr;
    Signal signal{};
  };
  struct AskOwner {};
  struct Subscribe {};
  struct AskSystemProperty {
    std::string SystemProperties::*into = nullptr;
  };
  struct Call {  // that is not answered yet
    SdbusConnection* connection = nullptr;
    std::variant<AskOwner, Subscribe, AskSystemProperty, Question> what;
    std::list<Call>::iterator self{};
  };
  struct Library;  // what the library calls back

  explicit SdbusConnection(SystemdUnits& units) : units_(units) {}
  Status begin();
  void fail_with(std::string why);
  void match(const std::string& rule, Signal signal);
  // Sends `what` as a call of a method with these arguments, all of them strings.
  void call(decltype(Call::what) what, const char* destination, const char* path,
            const char* interface, const char* member, const std::vector<std::string>& arguments);
  void send(const Question& question);

  void on_answer(const Call& call, sd_bus_message* message);
  void answer(const AskOwner& what, sd_bus_message* message);
  void answer(const Subscribe& what, sd_bus_message* message);
  void answer(const AskSystemProperty& what, sd_bus_message* message);
  void answer(const Question& what, sd_bus_message* message);
  void on_signal(Signal signal, sd_bus_message* message);
  void on_changed(sd_bus_message* message);

  SystemdUnits& units_;
  sd_bus* bus_ = nullptr;
  std::string failed_;  // why; empty: it is well
  Instant now_{};
  std::string owner_;  // of systemd's name; empty: not known yet
  SystemProperties manager_;
  std::size_t manager_asked_ = 0;
  std::list<Match> matches_;
  std::list<Call> calls_;
};

}  // namespace muster::collector
