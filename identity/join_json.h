// How do a node that joins and a master write what they want of each other?
//
// Core: JSON of POST /v1/join. Input may be hostile; no error holds any part of it that could be a
// secret.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "identity/joining.h"

namespace muster::identity {

inline constexpr std::size_t kJoinRequestBytesMax = std::size_t{16} << 10;
inline constexpr std::size_t kJoinAnswerBytesMax = std::size_t{256} << 10;

// {"token": TEXT, "name": TEXT, "csr": PEM, "clock": MILLISECONDS}
[[nodiscard]] std::string text_of(const JoinRequest& request);
[[nodiscard]] Result<JoinRequest> parse_join_request(std::string_view text);

// {"cluster", "cluster_id", "role", "certificate", "bundle", "gossip_keys": {"revision", "primary",
// "keys": [{"id", "secret"}]}, "masters": [{"name", "rpc"}], "gossip": [ADDRESS]}
[[nodiscard]] std::string text_of(const JoinAnswer& answer);
[[nodiscard]] Result<JoinAnswer> parse_join_answer(std::string_view text);

}  // namespace muster::identity
