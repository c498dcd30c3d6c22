#include "agent/crypt_password.h"

#include <cstring>
#include <memory>

#include <crypt.h>

namespace muster::agent {

bool is_password_of(const std::string& hash, const std::string& password) {
  const auto room = std::make_unique<crypt_data>();  // 32 KiB, zero
  const char* const made = crypt_r(password.c_str(), hash.c_str(), room.get());
  unsigned char difference = 1;
  if (made != nullptr && hash.size() == std::strlen(made)) {
    difference = 0;
    for (std::size_t i = 0; i < hash.size(); ++i) {  // as long wherever they differ
      difference = static_cast<unsigned char>(difference | (made[i] ^ hash[i]));
    }
  }
  explicit_bzero(room.get(), sizeof *room);
  return difference == 0;
}

}  // namespace muster::agent
