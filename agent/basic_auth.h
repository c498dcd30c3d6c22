// Which name and password came with a request, and which of them were found good before?
//
// Core. For the door of metrics: a check of a password costs the better part of a tenth of a second
// of processor, on purpose, so what was proved is remembered.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace muster::agent {

struct BasicCredentials {
  std::string user;
  std::string password;
};
// Of an Authorization header: "Basic " and base64 of NAME:PASSWORD. Nothing: it is no such, or too
// long, or the password has a null byte, before which a hash would end.
[[nodiscard]] std::optional<BasicCredentials> basic_credentials(std::string_view authorization);

// What is wrong with it as a bcrypt hash, for people; nothing: it is one. Hashes whose check would
// take seconds are refused, too: anybody could keep the processor busy with a wrong password.
[[nodiscard]] std::optional<std::string> wrong_bcrypt(std::string_view hash);

// The newest so many digests of what was proved. A digest is made with a key of the process, so
// that it is good for nothing else.
class Proved {
 public:
  static constexpr std::size_t kMax = 128;

  [[nodiscard]] bool knows(const std::string& digest) const;
  void remember(std::string digest);
  [[nodiscard]] std::size_t size() const { return digests_.size(); }

 private:
  std::deque<std::string> digests_;  // the newest last
};

}  // namespace muster::agent
