#include "identity/token.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "identity/base32.h"

namespace muster::identity {
namespace {

constexpr std::string_view kMark = "MUSTER";
constexpr std::string_view kFormat = "1";
constexpr std::string_view kApi = "api";
constexpr std::size_t kPinBytes = 32;
// base32 takes groups of 5 bytes: the pin is followed by three bytes of zeros.
constexpr std::size_t kPinPadded = 35;
constexpr std::size_t kCheckBytes = 5;
constexpr std::string_view kHex = "0123456789abcdef";

std::string check_of(std::string_view text) {
  const std::uint64_t sum = fnv1a64(text);
  std::string bytes;
  for (std::size_t i = 0; i < kCheckBytes; ++i) {
    bytes.push_back(static_cast<char>((sum >> (8 * i)) & 0xff));
  }
  return base32(bytes);
}

// Pre: 64 lower-case hexadecimal digits.
std::string pin_text(std::string_view pin) {
  CHECK(pin.size() == 2 * kPinBytes && pin.find_first_not_of(kHex) == std::string_view::npos);
  std::string bytes;
  for (std::size_t i = 0; i < pin.size(); i += 2) {
    bytes.push_back(static_cast<char>(kHex.find(pin[i]) << 4 | kHex.find(pin[i + 1])));
  }
  bytes.resize(kPinPadded, '\0');
  return base32(bytes);
}

std::optional<std::string> parse_pin(std::string_view text) {
  const auto bytes = from_base32(text);
  if (!bytes || bytes->size() != kPinPadded ||
      bytes->find_first_not_of('\0', kPinBytes) != std::string::npos) {
    return std::nullopt;
  }
  std::string pin;
  for (std::size_t i = 0; i < kPinBytes; ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    pin.push_back(kHex[byte >> 4]);
    pin.push_back(kHex[byte & 15]);
  }
  return pin;
}

bool is_base32_of(std::string_view text, std::size_t bytes) {
  const auto parsed = from_base32(text);
  return parsed && parsed->size() == bytes;
}

std::string with_check(std::string text) {
  const std::string check = check_of(text);
  text += "-" + check;
  return text;
}

std::string head(std::string_view kind, const std::string& id, const std::string& secret) {
  std::string text(kMark);
  text.append("-").append(kFormat).append("-").append(kind);
  text.append("-").append(id).append("-").append(secret);
  return text;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t dash = text.find('-');
    parts.push_back(text.substr(0, dash));
    if (dash == std::string_view::npos) return parts;
    text.remove_prefix(dash + 1);
  }
}

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(Code::InvalidArgument, "this is no token of muster: " + why);
}

}  // namespace

JoinToken join_token(NodeRole role, const std::string& pin, std::string_view random) {
  CHECK(random.size() == kTokenIdBytes + kSecretBytes);
  return {role, base32(random.substr(0, kTokenIdBytes)), base32(random.substr(kTokenIdBytes)), pin};
}

ApiToken api_token(std::string_view random) {
  CHECK(random.size() == kTokenIdBytes + kSecretBytes);
  return {base32(random.substr(0, kTokenIdBytes)), base32(random.substr(kTokenIdBytes))};
}

std::string text_of(const JoinToken& token) {
  return with_check(head(to_text(token.role), token.id, token.secret) + "-" + pin_text(token.pin));
}

std::string text_of(const ApiToken& token) {
  return with_check(head(kApi, token.id, token.secret));
}

Result<Token> parse_token(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return refuse("it is empty");
  if (text.size() > kTokenBytesMax) return refuse("it is too long");
  const std::vector<std::string_view> parts = split(text);
  if (parts[0] != kMark) return refuse("it does not begin with MUSTER-1-");
  if (parts.size() < 2 || parts[1] != kFormat) {
    return refuse("it is of a format that this version does not know: upgrade muster");
  }
  const std::string_view check = parts.back();
  if (parts.size() < 6 || check_of(text.substr(0, text.size() - check.size() - 1)) != check) {
    return refuse("it was not copied whole: copy it again, as it was printed");
  }
  if (!is_base32_of(parts[3], kTokenIdBytes) || !is_base32_of(parts[4], kSecretBytes)) {
    return refuse("its id or its secret is not of the right length");
  }
  std::string id(parts[3]);
  std::string secret(parts[4]);
  if (parts[2] == kApi && parts.size() == 6) return ApiToken{std::move(id), std::move(secret)};
  const auto role = parse_node_role(parts[2]);
  if (!role || parts.size() != 7) return refuse("it is of a kind that this version does not know");
  const auto pin = parse_pin(parts[5]);
  if (!pin) return refuse("its pin is not of the right length");
  return JoinToken{*role, std::move(id), std::move(secret), *pin};
}

Result<JoinToken> parse_join_token(std::string_view text) {
  auto token = parse_token(text);
  if (!token) return tl::unexpected<Error>(token.error());
  if (auto* const join = std::get_if<JoinToken>(&*token)) return std::move(*join);
  return fail(Code::InvalidArgument,
              "this token is for the API, not for joining: `muster token create --role agent` "
              "makes one for that");
}

Result<ApiToken> parse_api_token(std::string_view text) {
  auto token = parse_token(text);
  if (!token) return tl::unexpected<Error>(token.error());
  if (auto* const api = std::get_if<ApiToken>(&*token)) return std::move(*api);
  return fail(Code::InvalidArgument,
              "this token is for joining, not for the API: `muster token create --role viewer` "
              "makes one for that");
}

}  // namespace muster::identity
