#include "identity/user_certificate.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/problem.h"
#include "identity/json_fields.h"

namespace muster::identity {
namespace {

using nlohmann::json;

constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 10;

}  // namespace

Result<UserIssue> admit_user(const ClusterState& state, const rpc::CertifyUser& ask,
                             const Issuer& issuer, WallTime now) {
  if (!valid_name(ask.name)) {
    return fail(Code::InvalidArgument, in_quotes(ask.name) +
                                           " is not a name: write 1 to 63 of a-z, 0-9, - and ., "
                                           "with a letter or digit at both ends");
  }
  const auto milliseconds = [](Duration life) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(life).count());
  };
  if (ask.life_ms < milliseconds(kUserLifeMin) || ask.life_ms > milliseconds(kUserLifeMax)) {
    return fail(Code::InvalidArgument, "a user's certificate is good for 1 minute to 365 days");
  }
  auto authority = signing(state);
  if (!authority) return tl::unexpected<Error>(authority.error());
  UserIssue issue;
  issue.order.authority = {authority->certificate, authority->key};
  issue.order.request = ask.request;
  issue.order.name = {issuer.cluster, ask.name, ask.role};
  issue.order.now = now;
  issue.order.life = std::chrono::milliseconds(static_cast<std::int64_t>(ask.life_ms));
  issue.role = ask.role;
  issue.authority = authority->id;
  return issue;
}

CommandBody recording(const UserIssue& issue, const SignedCertificate& made) {
  return RecordUserCertificate{made.serial, issue.order.name.name, issue.role, made.ends,
                               issue.authority};
}

std::string user_answer(const UserIssue& issue, const SignedCertificate& made) {
  const json answer{{"name", issue.order.name.name},
                    {"role", to_text(issue.role)},
                    {"serial", made.serial},
                    {"expires_ms", made.ends.time_since_epoch().count()},
                    {"certificate", made.certificate}};
  return answer.dump(-1, ' ', true, json::error_handler_t::replace);
}

Result<UserAnswer> parse_user_answer(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  std::string wrong;
  JsonFields<json> fields(parsed, wrong);
  UserAnswer answer{fields.text("serial", kIdBytesMax),
                    fields.text("certificate", kAnswerBytesMax)};
  if (wrong.empty()) return answer;
  return fail(Code::Internal, "the agent's answer has no certificate: " + wrong +
                                  " is missing, or not what it should be");
}

}  // namespace muster::identity
