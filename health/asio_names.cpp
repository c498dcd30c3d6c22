#include "health/asio_names.h"

namespace muster::health {
namespace {

constexpr std::size_t kNamesMax = 1024;
constexpr Duration kNameKept = std::chrono::seconds(10);

}  // namespace

std::optional<asio::ip::address> AsioNames::look_up(const std::string& host) {
  asio::error_code not_numeric;
  const asio::ip::address numeric = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) return numeric;
  const auto now = std::chrono::steady_clock::now();
  if (names_.size() >= kNamesMax) {
    std::erase_if(names_, [&](const auto& n) { return !n.second.asked && n.second.until < now; });
  }
  if (names_.size() >= kNamesMax && !names_.contains(host)) return std::nullopt;
  Name& name = names_[host];
  if (!name.asked && name.until <= now) {
    name.asked = true;
    resolver_.async_resolve(
        host, "",
        [self = shared_from_this(), host](const asio::error_code& failure, const auto& found) {
          Name& answer = self->names_[host];
          answer.asked = false;
          answer.until = std::chrono::steady_clock::now() + kNameKept;
          if (!failure && !found.empty()) {
            answer.address = found.begin()->endpoint().address();
            answer.known = true;
          }
        });
  }
  return name.known ? std::optional(name.address) : std::nullopt;
}

}  // namespace muster::health
