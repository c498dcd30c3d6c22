#include "agent/posix_lock.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace muster::agent {
namespace {

// strerror() may share its buffer with other threads.
std::string system_text(int error) { return std::generic_category().message(error); }

}  // namespace

Result<std::shared_ptr<void>> lock_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) {
    return fail(Code::PermissionDenied, "cannot open " + path + ": " + system_text(errno) +
                                            "; the data directory must be writable");
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t size = ::read(fd, holder, sizeof holder - 1);
    ::close(fd);
    return fail(Code::Unavailable, path + " is held by another agent" +
                                       (size > 0 ? ", process " + std::string(holder) : "") +
                                       ": stop it or set another data_dir");
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const int error = errno;
    ::close(fd);
    return fail(Code::Exhausted, "cannot write " + path + ": " + system_text(error) +
                                     "; free space in the data directory");
  }
  // A shared_ptr<void> needs a non-null pointer to call its deleter for; the descriptor is the
  // value.
  return std::shared_ptr<void>(new int(fd), [](void* held) {
    ::close(*static_cast<int*>(held));
    delete static_cast<int*>(held);
  });
}

}  // namespace muster::agent
