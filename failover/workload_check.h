// Can this workload be run as it is written?
//
// Pure functions, for specs from YAML and from the API alike: everything in a spec is outside data.
// Paths are the YAML keys (systemd/examples/web.yaml).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/problem.h"
#include "base/workload.h"

namespace muster::failover {

inline constexpr std::uint32_t kReplicasMax = 1000;
inline constexpr std::size_t kArgumentsMax = 256;
inline constexpr std::size_t kArgumentBytesMax = std::size_t{32} * 1024;
inline constexpr std::size_t kEnvMax = 256;
inline constexpr std::size_t kLabelsMax = 64;
inline constexpr std::size_t kConstraintsMax = 32;
inline constexpr std::size_t kHeadersMax = 32;

// Everything about `spec` that cannot work. Empty: it may be placed.
[[nodiscard]] std::vector<Problem> problems(const WorkloadSpec& spec);
// The same as Errors, "path: what".
[[nodiscard]] std::vector<Error> check(const WorkloadSpec& spec);

// "label == value" or "label != value", blanks around the operator optional. Fails with
// InvalidArgument; label and value are left to problems().
[[nodiscard]] Result<Constraint> parse_constraint(std::string_view text);

// 1..63 of [A-Za-z0-9._/-], first and last alphanumeric.
[[nodiscard]] bool valid_label_key(std::string_view key);
// 1..256 bytes of text on one line, no blank at either end.
[[nodiscard]] bool valid_label_value(std::string_view value);
// A numeric IPv4 address or a host name: 1..253 of [A-Za-z0-9.-], first and last alphanumeric.
[[nodiscard]] bool valid_host(std::string_view host);
// An HTTP header that cannot break out of its line: RFC 9110 token, and text without line ends.
[[nodiscard]] bool valid_header(std::string_view name, std::string_view value);

}  // namespace muster::failover
