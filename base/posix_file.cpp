#include "base/posix_file.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>

namespace muster {

bool read_up_to(int file, std::size_t most, std::string& into) {
  into.assign(most, '\0');
  std::size_t filled = 0;
  while (filled < most) {
    const ssize_t got = ::read(file, into.data() + filled, most - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  into.resize(filled);
  return true;
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

std::string directory_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool sync_directory(const std::string& directory) {
  const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.good() && ::fsync(opened.get()) == 0;
}

}  // namespace muster
