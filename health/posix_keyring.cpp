#include "health/posix_keyring.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/posix_file.h"

namespace muster::health {
namespace {

namespace fs = std::filesystem;

// strerror() may share its buffer with other threads.
std::string system_text(int error) { return std::generic_category().message(error); }

// A file that is gone with this object, unless it was given another name.
class Leftover {
 public:
  explicit Leftover(std::string path) : path_(std::move(path)) {}
  ~Leftover() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

tl::unexpected<Error> failure(const std::string& what, const std::string& path) {
  const int number = errno;
  const Code code = number == ENOENT                       ? Code::NotFound
                    : number == EACCES || number == EPERM  ? Code::PermissionDenied
                    : number == ENOSPC || number == EDQUOT ? Code::Exhausted
                                                           : Code::Internal;
  std::string text = "cannot " + what;
  text += " keyring " + path + ": " + system_text(number);
  if (code == Code::NotFound) text += "; `muster keyring generate` makes one";
  return fail(code, std::move(text));
}

// Why the file with this state would be no secret.
std::optional<Error> exposed(const struct stat& state, const std::string& path) {
  if (!S_ISREG(state.st_mode)) {
    return Error{Code::InvalidArgument, "keyring " + path + " is not a file"};
  }
  if ((state.st_mode & 077) != 0) {
    return Error{Code::PermissionDenied,
                 "keyring " + path + " is open to others than its owner: chmod 600 " + path +
                     ", and change the keys if somebody may have read them"};
  }
  if (state.st_uid != 0 && state.st_uid != ::geteuid()) {
    return Error{Code::PermissionDenied, "keyring " + path + " belongs to user " +
                                             std::to_string(state.st_uid) + ": chown it to " +
                                             std::to_string(::geteuid()) + " or root"};
  }
  return std::nullopt;
}

struct Loaded {
  KeyringFile ring;
  uid_t user;
  gid_t group;
};

Result<Loaded> load(const std::string& path) {
  // Not to wait for the writer of a FIFO.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat state {};
  if (!file.good() || ::fstat(file.get(), &state) != 0) return failure("read", path);
  if (auto error = exposed(state, path)) return tl::unexpected<Error>(std::move(*error));
  std::string text;
  // One more shows that there is more.
  if (!read_up_to(file.get(), kKeyringBytesMax + 1, text)) return failure("read", path);
  Result<KeyringFile> ring = KeyringFile::parse(text, path);
  ::explicit_bzero(text.data(), text.size());
  if (!ring) return tl::unexpected<Error>(ring.error());
  return Loaded{std::move(*ring), state.st_uid, state.st_gid};
}

// The whole text in a new file beside `path`, which `put` then gives its name. `before`: whose file
// it replaces.
Status replace(const std::string& path, int directory, const KeyringFile& ring,
               const Loaded* before, const std::function<int(const char* from)>& put) {
  std::string text = ring.text();
  // What could not be read again must not be written: the agent would not start any more.
  if (auto again = KeyringFile::parse(text, path); !again) {
    return tl::unexpected<Error>(again.error());
  }
  std::string name = path + ".XXXXXX";
  const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));  // 0600
  if (!file.good()) return failure("write", path);
  Leftover leftover(name);
  if (before != nullptr && ::fchown(file.get(), before->user, before->group) != 0) {
    return failure("keep the owner of", path);
  }
  const bool wrote = write_all(file.get(), text) && ::fsync(file.get()) == 0;
  const int why = errno;
  ::explicit_bzero(text.data(), text.size());
  errno = why;
  if (!wrote) return failure("write", path);
  if (put(name.c_str()) != 0) {
    if (errno == EEXIST) {
      return fail(Code::Conflict,
                  path + " is there already: `muster keyring add` adds a key to it");
    }
    return failure("write", path);
  }
  if (before != nullptr) leftover.keep();  // it was renamed, not linked
  if (::fsync(directory) != 0) return failure("write", path);
  return {};
}

}  // namespace

Result<KeyringFile> load_keyring(const std::string& path) {
  Result<Loaded> loaded = load(path);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  return std::move(loaded->ring);
}

Status create_keyring(const std::string& path, const KeyringFile& ring) {
  const Descriptor directory(
      ::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.good()) {
    const std::string why = system_text(errno);
    return fail(Code::NotFound, "cannot write keyring " + path + ": its directory: " + why);
  }
  return replace(path, directory.get(), ring, nullptr,
                 [&](const char* from) { return ::link(from, path.c_str()); });
}

Status change_keyring(const std::string& path, const std::function<Status(KeyringFile&)>& change) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);  // what a link points to is replaced
  const std::string real = error ? path : canonical.string();
  const Descriptor directory(
      ::open(directory_of(real).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.good()) return failure("read", path);
  while (::flock(directory.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return failure("lock the directory of", path);
  }
  Result<Loaded> loaded = load(real);
  if (!loaded) return tl::unexpected<Error>(loaded.error());
  if (Status changed = change(loaded->ring); !changed) return changed;
  return replace(real, directory.get(), loaded->ring, &*loaded,
                 [&](const char* from) { return ::rename(from, real.c_str()); });
}

}  // namespace muster::health
