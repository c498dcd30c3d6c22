// Under which key do the fuzzers and their seeds seal?
#pragma once

#include <memory>
#include <string_view>

#include "health/openssl_sealer.h"

namespace muster::fuzz {

inline constexpr std::string_view kCluster = "fuzz";

inline health::RingKey ring_key() {
  health::RingKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(i);
  return key;
}
// A member that has just begun.
inline std::unique_ptr<health::OpensslSealer> sealer() {
  return health::OpensslSealer::make({ring_key()}).value();
}
inline std::unique_ptr<health::OpensslSealer> plain() {
  return health::OpensslSealer::make({}).value();
}

}  // namespace muster::fuzz
