// Where does the process begin? With the command line; what escapes it ends here, in one line.
#include <cstdio>
#include <exception>

#include "agent/cli_commands.h"

int main(int argc, char** argv) {
  try {
    return muster::agent::run_cli(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "muster: cannot go on: %s\n", error.what());
    return static_cast<int>(muster::agent::Exit::BadConfiguration);
  }
}
