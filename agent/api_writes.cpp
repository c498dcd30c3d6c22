#include "agent/api_writes.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include "base/problem.h"
#include "base/quantity.h"
#include "identity/user_certificate.h"

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr std::uint32_t kUsesMax = 10'000;
constexpr Duration kTokenTtlMax = std::chrono::hours(24 * 365 * 10);
constexpr Duration kJoinTtlUsual = std::chrono::hours(1);
constexpr Duration kJoinTtlMax = std::chrono::hours(24 * 30);
constexpr Duration kSilenceMax = std::chrono::hours(24 * 365);

tl::unexpected<Error> wrong(const std::string& key, const std::string& expected) {
  return fail(Code::InvalidArgument, "body: " + key + ": expected " + expected);
}

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// An object whose keys are looked at one by one; whatever nobody asked for is a stranger.
class Fields {
 public:
  [[nodiscard]] static Result<Fields> parse(std::string_view body,
                                            std::initializer_list<const char*> known) {
    Fields fields;
    fields.object_ = json::parse(body, nullptr, false);
    return check(std::move(fields), known);
  }
  [[nodiscard]] static Result<Fields> of(const json& object,
                                         std::initializer_list<const char*> known) {
    Fields fields;
    fields.object_ = object;
    return check(std::move(fields), known);
  }
  [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }
  [[nodiscard]] const json& at(const char* key) const { return object_.at(key); }
  // One line of text of at most `bytes_max`; empty when it is not there and need not be.
  [[nodiscard]] Result<std::string> text(const char* key, bool needed,
                                         std::size_t bytes_max) const {
    if (!has(key) && !needed) return std::string();
    if (has(key) && at(key).is_string()) {
      auto value = at(key).get<std::string>();
      const bool fits = value.size() <= bytes_max && one_line_text(value);
      if (fits && !(needed && value.empty())) return value;
    }
    return wrong(key, "a line of text of at most " + std::to_string(bytes_max) + " bytes");
  }
  [[nodiscard]] Result<std::uint64_t> integer(const char* key, std::uint64_t otherwise,
                                              std::uint64_t max) const {
    if (!has(key)) return otherwise;
    if (at(key).is_number_unsigned() && at(key).get<std::uint64_t>() <= max) {
      return at(key).get<std::uint64_t>();
    }
    return wrong(key, "a number from 0 to " + std::to_string(max));
  }
  [[nodiscard]] Result<Duration> duration(const char* key, Duration otherwise, Duration max) const {
    if (!has(key)) return otherwise;
    const std::string expected =
        "a duration of at most " + duration_text(max) + ", such as \"90s\" or \"24h\"";
    if (!at(key).is_string()) return wrong(key, expected);
    const auto value = parse_duration(at(key).get<std::string>());
    if (!value || *value <= Duration::zero() || *value > max) return wrong(key, expected);
    return *value;
  }

 private:
  [[nodiscard]] static Result<Fields> check(Fields fields,
                                            std::initializer_list<const char*> known) {
    if (!fields.object_.is_object()) {
      return fail(Code::InvalidArgument, "body: expected one JSON object");
    }
    for (const auto& [key, value] : fields.object_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string all;
      for (const char* one : known) all += (all.empty() ? "" : ", ") + std::string(one);
      return fail(Code::InvalidArgument,
                  "body: no such key: " + in_quotes(key) + "; there are " + all);
    }
    return fields;
  }
  json object_;
};

std::int64_t milliseconds(WallTime at) { return at.time_since_epoch().count(); }
WallTime wall(std::uint64_t ms) {
  return WallTime(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
}
WallTime after(WallTime now, Duration wait) {
  return now + std::chrono::duration_cast<std::chrono::milliseconds>(wait);
}

Result<Matcher> parse_matcher(const json& from) {
  auto fields = Fields::of(from, {"label", "op", "value"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  auto label = fields->text("label", true, kIdBytesMax);
  auto value = fields->text("value", false, kCommentBytesMax);
  auto op = fields->text("op", false, 2);
  for (const auto* part : {&label, &value, &op}) {
    if (!*part) return tl::unexpected<Error>(part->error());
  }
  Matcher matcher{std::move(*label), MatchKind::Equal, std::move(*value)};
  if (op->empty()) return matcher;
  for (const MatchKind kind :
       {MatchKind::Equal, MatchKind::NotEqual, MatchKind::Like, MatchKind::NotLike}) {
    matcher.kind = kind;
    if (*op == to_text(kind)) return matcher;
  }
  return wrong("op", "==, !=, ~ or !~");
}

}  // namespace

Status check_key(std::string_view key) {
  if (!key.empty() && key.size() <= kKeyBytesMax && one_line_text(key)) return {};
  return fail(Code::InvalidArgument, "key " + in_quotes(key) + ": expected 1 to " +
                                         std::to_string(kKeyBytesMax) +
                                         " bytes of printable text on one line");
}

Result<std::optional<std::uint64_t>> expected_index(std::string_view if_match,
                                                    std::string_view if_none_match) {
  if (if_match.empty() && if_none_match.empty()) return std::nullopt;
  if (!if_match.empty() && !if_none_match.empty()) {
    return fail(Code::InvalidArgument, "send either If-Match or If-None-Match");
  }
  if (if_none_match == "*") return 0;
  if (!if_none_match.empty()) {
    return fail(Code::InvalidArgument,
                "If-None-Match: a change takes * only: the key must not be there");
  }
  std::uint64_t index = 0;
  const bool quoted = if_match.size() > 2 && if_match.front() == '"' && if_match.back() == '"';
  if (quoted && number(if_match.substr(1, if_match.size() - 2), index) && index > 0) return index;
  return fail(Code::InvalidArgument,
              "If-Match: expected the ETag of the key, such as \"17\" with "
              "its quotes, found " +
                  in_quotes(if_match));
}

Result<CommandBody> parse_lease(const std::string& name, std::string_view body) {
  auto fields = Fields::parse(body, {"holder", "ttl", "token"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  auto holder = fields->text("holder", true, kIdBytesMax);
  if (!holder) return tl::unexpected<Error>(holder.error());
  if (fields->has("token")) {
    if (fields->has("ttl")) return wrong("ttl", "none beside token: a renewal keeps it");
    const auto token = fields->integer("token", 0, std::numeric_limits<std::uint64_t>::max());
    if (!token) return tl::unexpected<Error>(token.error());
    return RenewLease{name, std::move(*holder), *token};
  }
  const auto ttl =
      fields->duration("ttl", Duration::zero(), std::chrono::milliseconds(kLeaseTtlMsMax));
  if (!ttl) return tl::unexpected<Error>(ttl.error());
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*ttl).count();
  if (ms < kLeaseTtlMsMin) {
    return wrong("ttl", "a duration from 1s to 24h, or instead the token of a lease to renew");
  }
  return GrantLease{name, std::move(*holder), static_cast<std::uint32_t>(ms)};
}

Result<CommandBody> release_of(const std::string& name, const std::string& holder,
                               const std::string& token) {
  std::uint64_t value = 0;
  if (holder.empty() || !number(token, value)) {
    return fail(Code::InvalidArgument,
                "a lease is released by its holder: send ?holder=HOLDER&token=TOKEN");
  }
  return ReleaseLease{name, holder, value};
}

Result<TokenRecord> parse_token_request(std::string_view body, WallTime now) {
  auto fields = Fields::parse(body, {"role", "join", "uses", "ttl", "description"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  TokenRecord token;
  auto description = fields->text("description", false, kCommentBytesMax);
  if (!description) return tl::unexpected<Error>(description.error());
  token.description = std::move(*description);
  const bool join = fields->has("join");
  if (join == fields->has("role")) {
    return fail(Code::InvalidArgument,
                "body: expected either role (viewer, operator or admin) or join (agent or master)");
  }
  const auto word = fields->text(join ? "join" : "role", true, 16);
  if (!word) return tl::unexpected<Error>(word.error());
  if (join) {
    token.kind = TokenKind::Join;
    const auto role = parse_node_role(*word);
    if (!role) return wrong("join", "agent or master, found " + in_quotes(*word));
    token.node_role = *role;
    const auto uses = fields->integer("uses", 1, kUsesMax);
    if (!uses) return tl::unexpected<Error>(uses.error());
    if (*uses == 0) return wrong("uses", "at least 1");
    token.uses_left = static_cast<std::uint32_t>(*uses);
  } else {
    const auto role = parse_role(*word);
    if (!role) return wrong("role", "viewer, operator or admin, found " + in_quotes(*word));
    if (fields->has("uses")) return wrong("uses", "none: only join tokens are used up");
    token.role = *role;
  }
  const auto ttl = fields->duration("ttl", join ? kJoinTtlUsual : Duration::zero(),
                                    join ? kJoinTtlMax : kTokenTtlMax);
  if (!ttl) return tl::unexpected<Error>(ttl.error());
  if (*ttl > Duration::zero()) token.expires = after(now, *ttl);
  return token;
}

Result<rpc::CertifyUser> parse_user_certificate(std::string_view body) {
  auto fields = Fields::parse(body, {"csr", "name", "role", "ttl"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  rpc::CertifyUser ask;
  // Of many lines; whoever signs looks at what is in it.
  if (!fields->has("csr") || !fields->at("csr").is_string()) {
    return wrong("csr", "a certificate request in PEM");
  }
  ask.request = fields->at("csr").get<std::string>();
  if (ask.request.size() > kPemBytesMax) {
    return wrong("csr",
                 "a certificate request of at most " + std::to_string(kPemBytesMax) + " bytes");
  }
  auto name = fields->text("name", true, kIdBytesMax);
  if (!name) return tl::unexpected<Error>(name.error());
  if (!valid_name(*name)) {
    return wrong("name", "1 to 63 of a-z, 0-9, - and ., with a letter or digit at both ends");
  }
  ask.name = std::move(*name);
  const auto word = fields->text("role", true, 16);
  if (!word) return tl::unexpected<Error>(word.error());
  const auto role = parse_role(*word);
  if (!role) return wrong("role", "viewer, operator or admin, found " + in_quotes(*word));
  ask.role = *role;
  const auto ttl = fields->duration("ttl", identity::kUserLife, identity::kUserLifeMax);
  if (!ttl) return tl::unexpected<Error>(ttl.error());
  if (*ttl < identity::kUserLifeMin) return wrong("ttl", "a duration of at least 1m");
  ask.life_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(*ttl).count());
  return ask;
}

Result<PutSilence> parse_silence(std::string_view body, const std::string& otherwise,
                                 WallTime now) {
  auto fields =
      Fields::parse(body, {"id", "matchers", "duration", "starts_ms", "ends_ms", "comment"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  PutSilence put;
  auto id = fields->text("id", false, kIdBytesMax);
  auto comment = fields->text("comment", false, kCommentBytesMax);
  if (!id) return tl::unexpected<Error>(id.error());
  if (!comment) return tl::unexpected<Error>(comment.error());
  put.id = id->empty() ? otherwise : std::move(*id);
  put.silence.comment = std::move(*comment);
  constexpr std::uint64_t kMsMax = 253'402'300'799'000;  // the year 9999
  const auto starts =
      fields->integer("starts_ms", static_cast<std::uint64_t>(milliseconds(now)), kMsMax);
  if (!starts) return tl::unexpected<Error>(starts.error());
  put.silence.starts = wall(*starts);
  if (fields->has("duration") == fields->has("ends_ms")) {
    return fail(Code::InvalidArgument, "body: expected either duration or ends_ms");
  }
  const auto duration = fields->duration("duration", Duration::zero(), kSilenceMax);
  const auto ends = fields->integer("ends_ms", 0, kMsMax);
  if (!duration) return tl::unexpected<Error>(duration.error());
  if (!ends) return tl::unexpected<Error>(ends.error());
  put.silence.ends = fields->has("duration") ? after(put.silence.starts, *duration) : wall(*ends);
  if (put.silence.ends <= put.silence.starts) return wrong("ends_ms", "a moment after the start");
  if (!fields->has("matchers") || !fields->at("matchers").is_array() ||
      fields->at("matchers").empty() || fields->at("matchers").size() > kMatchersMax) {
    return wrong("matchers", "a list of 1 to " + std::to_string(kMatchersMax) +
                                 " such as {\"label\": \"alertname\", \"op\": \"==\", \"value\": "
                                 "\"NodeDown\"}");
  }
  for (const json& one : fields->at("matchers")) {
    auto matcher = parse_matcher(one);
    if (!matcher) return tl::unexpected<Error>(matcher.error());
    put.silence.matchers.push_back(std::move(*matcher));
  }
  return put;
}

Result<NodeName> parse_master(std::string_view body, bool may_be_empty) {
  if (body.empty() && may_be_empty) return NodeName();
  auto fields = Fields::parse(body, {"name"});
  if (!fields) return tl::unexpected<Error>(fields.error());
  if (!fields->has("name") && may_be_empty) return NodeName();
  auto name = fields->text("name", true, 63);
  if (!name) return tl::unexpected<Error>(name.error());
  if (!valid_name(*name)) return wrong("name", "a node's name, found " + in_quotes(*name));
  return std::move(*name);
}

}  // namespace muster::agent
