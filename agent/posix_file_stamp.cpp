#include "agent/posix_file_stamp.h"

#include <sys/stat.h>

namespace muster::agent {
namespace {

std::int64_t nanoseconds(const timespec& at) {
  return std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec;
}

}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return std::nullopt;
  return FileStamp{is.st_dev, is.st_ino, is.st_size, nanoseconds(is.st_mtim),
                   nanoseconds(is.st_ctim)};
}

}  // namespace muster::agent
