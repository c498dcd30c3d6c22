// Who keeps what systemd says of its units up to date?
//
// Driver (libsystemd's sd-bus): a thread with a connection to the system bus, or to
// DBUS_SYSTEM_BUS_ADDRESS, that carries signals, questions and answers for
// collector/systemd_units.h. It begins with the first call of families(): where nobody asks there
// is no thread and no connection. A connection that is lost is made again, after 1 s at first and
// 30 s at most. Only what the owner of systemd's name says is believed.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/sample.h"
#include "base/time.h"
#include "collector/systemd_units.h"

namespace muster::collector {

class SdbusUnits {
 public:
  explicit SdbusUnits(SystemdOptions options);
  ~SdbusUnits();
  SdbusUnits(const SdbusUnits&) = delete;
  SdbusUnits& operator=(const SdbusUnits&) = delete;

  // Any thread. As SystemdUnits::families(); the first call waits `patience` for what is to be
  // shown, later ones do not.
  [[nodiscard]] Result<Families> families(Duration patience = std::chrono::milliseconds(500));

 private:
  class Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace muster::collector
