// How does a Node run for real?
//
// The production runtime: the one place that wires a Node to sockets, disks, processes and clocks.
// One control thread runs the io_context and owns everything here; what blocks goes to pools or to
// drivers with threads of their own and comes back as an Event.
#pragma once

#include "agent/config.h"

namespace muster::agent {

// What SIGHUP means: to a service that its keyring changed, to a trial that its terminal closed.
enum class OnHangup { Reload, Stop };

// Runs one agent until it is told to stop; the process's main work. Returns the exit code: 0 after
// a stop that was asked for, 1 after a failure that may mend itself (a port in use, a full disk),
// 78 when it cannot start as it is configured or must not trust what is stored. Says why in one
// line on stderr. Pre: problems(config) is empty.
int run_agent(const Config& config, OnHangup on_hangup);

}  // namespace muster::agent
