// Appends to a golden log what golden_examples.h has and the log has not: golden_log_append FILE
#include <cstdio>
#include <fstream>
#include <iostream>

#include "tests/driver/failover/golden_examples.h"
#include "tests/driver/failover/golden_log.h"

int main(int count, char** arguments) {
  using namespace muster;
  if (count != 2) {
    std::cerr << "usage: golden_log_append FILE\n";
    return 2;
  }
  golden::Replay replay;
  std::size_t have = 0;
  for (const golden::Line& line : golden::read(arguments[1])) {
    if (line.kind == "state") continue;
    const Status applied = replay.apply(line.bytes, line.times);
    if (!applied || replay.hash() != line.hash) {
      std::cerr << arguments[1] << ":" << line.number << " does not replay to its hash\n";
      return 1;
    }
    if (replay.codec().decode_command(line.bytes)->version > 1) ++have;
  }
  const std::vector<Command> examples = golden::Examples().all();
  std::ofstream file(arguments[1], std::ios::app);
  for (std::size_t i = have; i < examples.size(); ++i) {
    const std::string bytes = replay.codec().encode_command(examples[i]);
    if (!replay.apply(bytes, 1)) return 1;
    file << golden::kKinds[examples[i].body.index()] << " 1 " << golden::to_hex(bytes) << " "
         << replay.hash() << "\n";
  }
  if (have < examples.size()) {
    file << "state " << golden::to_hex(replay.codec().encode_state(replay.state())) << "\n";
  }
  std::cout << examples.size() - have << " lines appended\n";
  return file.good() ? 0 : 1;
}
