// What does the body of a request that changes something ask for?
//
// Pure functions from JSON to commands. Bodies are outside data: every key is known and of its
// type, or the answer names the one that is not. (Workloads come as YAML: agent/yaml_api.h.)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/command.h"
#include "base/error.h"
#include "base/rpc.h"
#include "base/time.h"

namespace muster::agent {

// All fail with InvalidArgument and a text that names the key and what is expected.

// 1 to kKeyBytesMax bytes of printable text on one line.
[[nodiscard]] Status check_key(std::string_view key);
// The precondition of a change of a key: If-Match: "N" is the modified index that it must have,
// If-None-Match: * that there must be none. Empty texts: the header is not there.
[[nodiscard]] Result<std::optional<std::uint64_t>> expected_index(std::string_view if_match,
                                                                  std::string_view if_none_match);

// {"holder", "ttl"} grants, {"holder", "token"} renews.
[[nodiscard]] Result<CommandBody> parse_lease(const std::string& name, std::string_view body);
// The same from the parameters of a DELETE.
[[nodiscard]] Result<CommandBody> release_of(const std::string& name, const std::string& holder,
                                             const std::string& token);

// {"role", "ttl", "description"} is for people and programs, {"join", "uses", "ttl"} for nodes.
// Without id, digest and moments but `expires`.
[[nodiscard]] Result<TokenRecord> parse_token_request(std::string_view body, WallTime now);

// {"csr", "name", "role", "ttl"}: the request in PEM, and whose certificate it shall be. Without id
// and who asks.
[[nodiscard]] Result<rpc::CertifyUser> parse_user_certificate(std::string_view body);

// {"matchers": [{"label", "op", "value"}], "duration" or "ends_ms", "starts_ms", "comment", "id"};
// the id is `otherwise` when it is not there.
[[nodiscard]] Result<PutSilence> parse_silence(std::string_view body, const std::string& otherwise,
                                               WallTime now);

// {"name": "n4"}; an empty body where `may_be_empty` is no name.
[[nodiscard]] Result<NodeName> parse_master(std::string_view body, bool may_be_empty);

}  // namespace muster::agent
