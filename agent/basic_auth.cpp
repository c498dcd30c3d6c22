#include "agent/basic_auth.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/base64.h"

namespace muster::agent {
namespace {

constexpr std::string_view kScheme = "basic ";
constexpr std::size_t kAuthorizationBytesMax = 1024;
constexpr std::size_t kHashBytes = 60;  // $2y$10$, 22 of salt, 31 of digest
constexpr int kCostMin = 4;
constexpr int kCostMax = 14;
constexpr std::size_t kSaltAt = 7;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_bcrypt_base64(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '/';
}

}  // namespace

std::optional<BasicCredentials> basic_credentials(std::string_view authorization) {
  if (authorization.size() > kAuthorizationBytesMax || authorization.size() < kScheme.size() ||
      !std::equal(kScheme.begin(), kScheme.end(), authorization.begin(),
                  [](char a, char b) { return a == lower(b); })) {
    return std::nullopt;
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  const auto both = from_base64(authorization);
  if (!both) return std::nullopt;
  const std::size_t colon = both->find(':');
  if (colon == std::string::npos || both->find('\0') != std::string::npos) return std::nullopt;
  return BasicCredentials{both->substr(0, colon), both->substr(colon + 1)};
}

std::optional<std::string> wrong_bcrypt(std::string_view hash) {
  constexpr std::array<std::string_view, 3> kKinds{"$2a$", "$2b$", "$2y$"};
  const std::string next = "; `htpasswd -nBC 10 USER` makes one";
  const bool kind = std::any_of(kKinds.begin(), kKinds.end(),
                                [&](std::string_view one) { return hash.starts_with(one); });
  if (!kind || hash.size() != kHashBytes || !is_digit(hash[4]) || !is_digit(hash[5]) ||
      hash[6] != '$' || !std::all_of(hash.begin() + kSaltAt, hash.end(), is_bcrypt_base64)) {
    return "is no bcrypt hash" + next;
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost >= kCostMin && cost <= kCostMax) return std::nullopt;
  return "has the cost " + std::to_string(cost) + ", which is not between " +
         std::to_string(kCostMin) + " and " + std::to_string(kCostMax) + next;
}

bool Proved::knows(const std::string& digest) const {
  return std::find(digests_.begin(), digests_.end(), digest) != digests_.end();
}

void Proved::remember(std::string digest) {
  if (knows(digest)) return;
  if (digests_.size() == kMax) digests_.pop_front();
  digests_.push_back(std::move(digest));
}

}  // namespace muster::agent
