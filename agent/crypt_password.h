// Is this the password that a hash was made of?
//
// A driver (libcrypt). Any thread. Costs what the hash says: 50 to 100 ms for cost 10.
#pragma once

#include <string>

namespace muster::agent {

// False also for a hash of a kind that the library does not know. Pre: no null byte in `password`.
[[nodiscard]] bool is_password_of(const std::string& hash, const std::string& password);

}  // namespace muster::agent
