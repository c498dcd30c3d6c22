#include "collector/posix_host_fs.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/posix_file.h"

namespace muster::collector {
namespace {

// A file of /proc is made anew at each read from its beginning: one large read sees one moment.
constexpr std::size_t kChunkBytes = std::size_t{64} * 1024;

tl::unexpected<Error> refused(const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR  ? Code::NotFound
                    : error == EACCES || error == EPERM  ? Code::PermissionDenied
                    : error == EMFILE || error == ENFILE ? Code::Exhausted
                                                         : Code::Internal;
  return fail(code, "cannot read " + path + ": " + std::generic_category().message(error));
}
}  // namespace

PosixHostFs::PosixHostFs(HostRoots roots) : roots_(std::move(roots)) {}

Result<std::string> PosixHostFs::read(std::string_view path) const {
  const bool proc = path.starts_with("/proc/");
  const bool climbs = path.find("/../") != std::string_view::npos || path.ends_with("/..");
  if ((!proc && !path.starts_with("/sys/")) || climbs ||
      path.find('\0') != std::string_view::npos) {
    return fail(Code::InvalidArgument,
                "cannot read " + std::string(path) + ": it is not under /proc or /sys");
  }
  const std::string file =
      (proc ? roots_.procfs : roots_.sysfs) +
      std::string(path.substr(proc ? sizeof("/proc") - 1 : sizeof("/sys") - 1));

  // Without O_NONBLOCK a pipe in the place of a file would hold the scrape for ever.
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) return refused(file, errno);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return refused(file, errno);
  if (!S_ISREG(status.st_mode)) {
    return fail(Code::InvalidArgument, "cannot read " + file + ": it is not a regular file");
  }

  std::string content;
  for (;;) {
    const std::size_t size = content.size();
    content.resize(size + kChunkBytes);
    const ssize_t got = ::read(descriptor.get(), content.data() + size, kChunkBytes);
    const int error = errno;
    content.resize(size + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && error == EINTR) continue;
    if (got < 0) return refused(file, error);
    if (got == 0) return content;
    if (content.size() > kBytesMax) {
      return fail(Code::Exhausted, "cannot read " + file + ": it is larger than " +
                                       std::to_string(kBytesMax) + " bytes");
    }
  }
}

}  // namespace muster::collector
