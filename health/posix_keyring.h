// How is a keyring file read and changed, so that nobody else can do either?
//
// Driver (POSIX files). Blocks; any thread. What a file says is health/keyring_file.h's.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "health/keyring_file.h"

namespace muster::health {

// Fails with NotFound; with PermissionDenied when somebody besides its owner may read or write the
// file, or when its owner is neither who runs this nor root; and as KeyringFile::parse() does.
[[nodiscard]] Result<KeyringFile> load_keyring(const std::string& path);

// Makes the file, for its owner only. Fails with Conflict when something is there already.
[[nodiscard]] Status create_keyring(const std::string& path, const KeyringFile& ring);

// Reads, lets `change` change, and puts the result in the file's place at once: a reader finds the
// old ring or the new one, also after a crash. Two that change one file wait for each other. Fails
// as load_keyring() and `change` do, and then the file is as it was.
[[nodiscard]] Status change_keyring(const std::string& path,
                                    const std::function<Status(KeyringFile&)>& change);

}  // namespace muster::health
