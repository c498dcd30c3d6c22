// Which certificate is a person or a program given, and what is said about it?
//
// Core: pure functions, as in identity/joining.h. An admin decides who gets one: that was checked
// before. What was signed is handed out only when the command that records it was applied.
#pragma once

#include <string>

#include "base/cluster_state.h"
#include "base/command.h"
#include "base/error.h"
#include "base/rpc.h"
#include "identity/issue.h"
#include "identity/joining.h"

namespace muster::identity {

inline constexpr Duration kUserLife = std::chrono::hours(24 * 30);
inline constexpr Duration kUserLifeMin = std::chrono::minutes(1);
inline constexpr Duration kUserLifeMax = std::chrono::hours(24 * 365);

struct UserIssue {
  SignOrder order;
  Role role = Role::Viewer;
  std::string authority;  // id
};

// Fails with InvalidArgument for a name or a life that is none, with Unavailable when there is no
// authority that signs.
[[nodiscard]] Result<UserIssue> admit_user(const ClusterState& state, const rpc::CertifyUser& ask,
                                           const Issuer& issuer, WallTime now);

[[nodiscard]] CommandBody recording(const UserIssue& issue, const SignedCertificate& made);

// {"name", "role", "serial", "expires_ms", "certificate": PEM}
[[nodiscard]] std::string user_answer(const UserIssue& issue, const SignedCertificate& made);

struct UserAnswer {
  std::string serial;
  std::string certificate;  // PEM
};
// What user_answer() makes, as it came from somewhere.
[[nodiscard]] Result<UserAnswer> parse_user_answer(std::string_view text);

}  // namespace muster::identity
