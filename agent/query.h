// What does the part of a URI behind the question mark ask for?
//
// Pure. Outside text: bounded by the server's limit on URIs, decoded once, never trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace muster::agent {

// RFC 3986; a plus is a plus. Nothing when a percent sign is not followed by two hexadecimal
// digits.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);
// Everything but A-Z a-z 0-9 - . _ ~ and / as %XX: a key in a path or in a query.
[[nodiscard]] std::string percent_encoded(std::string_view text);

class Query {
 public:
  Query() = default;
  // Fails with InvalidArgument for an encoding that is none and for a name that is there twice, but
  // for one that ends in [].
  [[nodiscard]] static Result<Query> parse(std::string_view raw);

  // `name` or `name=anything`.
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // Empty: not there, or empty.
  [[nodiscard]] std::string text(std::string_view name) const;
  // Every value of `name`, in their order.
  [[nodiscard]] std::vector<std::string> all(std::string_view name) const;
  // `otherwise` when it is not there. Fails with InvalidArgument for anything but a decimal number
  // of at most `max`.
  [[nodiscard]] Result<std::uint64_t> number(std::string_view name, std::uint64_t otherwise,
                                             std::uint64_t max) const;
  // `otherwise` when it is not there; a longer one counts as `max`. Fails with InvalidArgument for
  // what is no duration (base/quantity.h).
  [[nodiscard]] Result<Duration> duration(std::string_view name, Duration otherwise,
                                          Duration max) const;
  // All as a raw query again, but for the parameters `left_out`, separated by commas.
  [[nodiscard]] std::string raw(std::string_view left_out) const;
  // The first name that is not in `known`, which separates names by commas; empty: none.
  [[nodiscard]] std::string stranger(std::string_view known) const;

 private:
  [[nodiscard]] const std::string* find(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace muster::agent
