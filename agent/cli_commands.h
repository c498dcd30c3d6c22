// What can be done with muster from a shell?
//
// A driver (CLI11, stdin, stdout, stderr). The whole command line of the one binary.
#pragma once

namespace muster::agent {

// How a command ends, for scripts; `muster --help` lists them.
enum class Exit : int {
  Done = 0,
  Failed = 1,            // the request failed or was refused
  Usage = 2,             // the command line is wrong
  NotFound = 3,          // there is no such workload, instance, node or key
  Unavailable = 4,       // nobody can answer now: no agent, no quorum, no answer in time
  BadConfiguration = 78  // a file is wrong or cannot be read; sysexits.h: EX_CONFIG
};

// Runs one command; the process's main work. Returns its exit status. Everything that goes wrong
// was then said in one line on stderr (a file's problems: a line each).
int run_cli(int argc, char** argv);

}  // namespace muster::agent
