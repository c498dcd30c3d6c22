// How does an agent's configuration file become a Config?
//
// A driver (yaml-cpp through base/yaml_reader.h, and the file system). Called once, at start and by
// `muster validate`; any thread. Never guesses: what it does not know, it refuses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "base/error.h"

namespace muster::agent {

// What does not come from the file.
struct ConfigContext {
  bool insecure = false;  // --insecure: as `insecure: true` in the file
  std::string hostname;   // default of node.name; empty: this host's
  // No agent is started with it: whether one may listen where it shall is another question.
  bool offline = false;
};

// Fails with InvalidArgument, a line of text for each problem, each `FILE:LINE:COLUMN: KEY: ...`.
// On success problems(config) is empty.
[[nodiscard]] Result<Config> parse_config(std::string_view text, const std::string& file,
                                          const ConfigContext& context = {});
// The same for the file at `path`; fails also as read_yaml_text() does.
[[nodiscard]] Result<Config> load_config(const std::string& path,
                                         const ConfigContext& context = {});

// The paths of the keys that `text` could hold and does not: an annotated example leaves out none.
// Fails when `text` is not YAML.
[[nodiscard]] Result<std::vector<std::string>> unset_keys(std::string_view text);

}  // namespace muster::agent
