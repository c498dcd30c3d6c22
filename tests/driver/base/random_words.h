// What are random numbers, names and texts that may travel?
//
// Test code; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/raft_types.h"
#include "base/rng.h"
#include "base/time.h"

namespace muster {

class RandomWords {
 public:
  explicit RandomWords(Rng& rng) : rng_(rng) {}

  // Numbers of every length on the wire, not only long ones.
  std::uint64_t u64() { return rng_.next() >> rng_.below(64); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(u64()); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(u64()); }
  bool flag() { return rng_.chance(50); }
  std::string name() {
    static constexpr std::string_view kInner = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    std::string name(1, letter());
    for (std::size_t left = below(10) == 0 ? 61 : below(8); left > 0; --left) {
      name += kInner[below(kInner.size())];
    }
    return name + letter();
  }
  std::string name_or_none() { return flag() ? name() : ""; }
  // Any bytes: not UTF-8, and with zeros.
  std::string text(std::size_t below_bytes = 40) {
    std::string text(below(below_bytes), '\0');
    for (char& c : text) c = static_cast<char>(rng_.next());
    return text;
  }
  std::vector<std::string> texts() {
    return list(5, [&] { return text(); });
  }
  std::map<std::string, std::string> pairs() {
    std::map<std::string, std::string> pairs;
    for (std::size_t left = below(5); left > 0; --left) pairs[text()] = text();
    return pairs;
  }
  WallTime wall() { return WallTime(std::chrono::milliseconds(rng_.below(253402300800000ULL))); }
  Duration duration() { return rng_.below(Duration(std::chrono::years(100))); }
  Address address() {
    if (rng_.chance(25)) return {};
    return {.host = "10.0." + std::to_string(below(256)) + "." + name(), .port = u16()};
  }
  raft::Blob blob() { return std::make_shared<const std::string>(text(300)); }

 protected:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(rng_.below(n)); }
  char letter() { return static_cast<char>('a' + below(26)); }

  // Fewer than `most` values of what `make` returns.
  template <class Make>
  std::vector<std::invoke_result_t<Make>> list(std::size_t most, Make make) {
    std::vector<std::invoke_result_t<Make>> list;
    for (std::size_t left = below(most); left > 0; --left) list.push_back(make());
    return list;
  }

  std::vector<rpc::MasterAddress> masters() {
    return list(4, [&] { return rpc::MasterAddress{.name = name(), .rpc = address()}; });
  }
  rpc::Facts facts() {
    return {
        .revision = u64(),
        .cluster_id = text(),
        .masters = masters(),
        .authorities = text(2000),
        .revoked = list(4, [&] { return text(); }),
        .tokens = list(4,
                       [&] {
                         return rpc::ApiToken{
                             .id = text(), .sha256 = text(), .role = text(), .expires = wall()};
                       }),
        .keys_revision = u64(),
        .gossip_keys = list(4, [&] { return rpc::GossipSecret{.id = text(), .secret = text()}; })};
  }

  Rng& rng_;
};

}  // namespace muster
