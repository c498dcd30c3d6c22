// Which units does node_exporter find when no systemd runs? Those of a made-up one, on a bus of its
// own.
//
// Prints the bus's address and stays until its standard input ends.
#include <iostream>
#include <string>

#include "tests/driver/collector/sdbus_fake.h"

int main() {
  using muster::collector::FakeSystemd;
  const muster::collector::PrivateBus bus;
  const FakeSystemd systemd(
      bus, {{"backup.timer", {}},
            {"cron.service", {.restarts = 3}},
            {"dead.service", {.active = "inactive", .type = "oneshot"}},
            {"door.socket", {}},
            {"failed@one.service", {.active = "failed", .type = "notify"}},
            {"gone.service", {.load = "not-found", .active = "inactive", .type = ""}},
            {"multi-user.target", {}},
            {"srv.mount", {}}});
  std::cout << bus.address() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  return 0;
}
