// What do the fuzzer's collectors begin with?
#pragma once

#include <map>
#include <string>

namespace muster::fuzz {

// By file name: what each collector reads of the machine in tests/fixtures.
[[nodiscard]] std::map<std::string, std::string> collector_seeds(const std::string& fixtures);

}  // namespace muster::fuzz
