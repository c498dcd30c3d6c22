// What does the body of a write ask for, and what kind of file is this?
//
// A driver (yaml-cpp through base/yaml_reader.h). Any thread. JSON is YAML, so both are taken.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/command.h"
#include "base/error.h"

namespace muster::agent {

// One PutWorkload for each document of a body, in its order. Fails with InvalidArgument, a line of
// text for each problem, each `body:LINE:COLUMN: KEY: ...`.
[[nodiscard]] Result<std::vector<CommandBody>> parse_writes(std::string_view body);

enum class FileKind { Configuration, Workloads };
// What the author of this file meant to write: one with a `name` or a `command` at its top is about
// workloads. Fails with InvalidArgument when it is not YAML.
[[nodiscard]] Result<FileKind> kind_of_file(std::string_view text, const std::string& file);

}  // namespace muster::agent
