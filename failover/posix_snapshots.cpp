#include "failover/posix_snapshots.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/posix_file.h"
#include "failover/snapshot_file.h"

namespace muster::failover {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPassphraseBytesMax = 4096;

tl::unexpected<Error> system_error(const char* verb, const std::string& path, int error) {
  Code code = Code::Internal;
  if (error == ENOENT || error == ENOTDIR) code = Code::NotFound;
  if (error == EACCES || error == EPERM || error == EROFS) code = Code::PermissionDenied;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = Code::Exhausted;
  return fail(code, std::string("cannot ") + verb + " " + path + ": " +
                        std::error_code(error, std::generic_category()).message());
}

Result<std::string> read_all(int file, const std::string& path, std::uint64_t bytes_max) {
  struct stat about {};
  if (::fstat(file, &about) != 0) return system_error("read", path, errno);
  if (S_ISDIR(about.st_mode)) return system_error("read", path, EISDIR);
  std::string bytes;
  bytes.reserve(std::min(static_cast<std::uint64_t>(about.st_size), bytes_max) + 1);
  while (true) {
    if (bytes.size() > bytes_max) {
      return fail(Code::Exhausted, path + " is larger than " + std::to_string(bytes_max) +
                                       " bytes, more than such a file may be");
    }
    const std::size_t at = bytes.size();
    const std::size_t room = std::max<std::size_t>(bytes.capacity() - at, 65536);
    bytes.resize(at + room);
    const ssize_t got = ::read(file, bytes.data() + at, room);
    bytes.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) return bytes;
  }
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  return names;
}

}  // namespace

Status write_private_file(const std::string& path, std::string_view bytes) {
  const std::string draft = path + ".new";
  const auto give_up = [&](int error) {
    ::unlink(draft.c_str());
    return system_error("write", path, error);
  };
  ::unlink(draft.c_str());  // of an attempt that was cut off; its mode may be another
  const Descriptor file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_error("write", path, errno);
  if (!write_all(file.get(), bytes) || ::fsync(file.get()) != 0) return give_up(errno);
  if (::rename(draft.c_str(), path.c_str()) != 0) return give_up(errno);
  if (!sync_directory(directory_of(path))) return system_error("write", path, errno);
  return {};
}

Status give_to_owner_of_directory(const std::string& path) {
  struct stat directory {};
  if (::geteuid() != 0) return {};
  if (::stat(fs::path(path).parent_path().c_str(), &directory) != 0) {
    return system_error("look at the directory of", path, errno);
  }
  if (::lchown(path.c_str(), directory.st_uid, directory.st_gid) != 0 && errno != ENOENT) {
    return system_error("give its directory's owner", path, errno);
  }
  return {};
}

Result<std::string> read_file_up_to(const std::string& path, std::uint64_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("read", path, errno);
  return read_all(file.get(), path, bytes_max);
}

Result<std::string> read_passphrase(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("read", path, errno);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) return system_error("read", path, errno);
  if (S_ISREG(about.st_mode) && (about.st_mode & 077) != 0) {
    return fail(Code::PermissionDenied,
                path + " may be read by others than its owner: chmod 600 " + path);
  }
  auto text = read_all(file.get(), path, kPassphraseBytesMax);
  if (!text) return text;
  text->resize(std::min(text->size(), text->find_first_of("\r\n")));
  if (text->empty()) {
    return fail(Code::InvalidArgument, path + " holds no passphrase: it is its first line");
  }
  return text;
}

Status prune_snapshots(const std::string& directory, const std::string& cluster, std::size_t keep) {
  for (const std::string& name : superseded(names_in(directory), cluster, keep)) {
    const std::string path = directory + "/" + name;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove", path, errno);
  }
  return {};
}

std::optional<WallTime> newest_snapshot(const std::string& directory, const std::string& cluster) {
  std::optional<WallTime> newest;
  for (const std::string& name : superseded(names_in(directory), cluster, 0)) {
    struct stat about {};
    if (::stat((directory + "/" + name).c_str(), &about) != 0) continue;
    const WallTime at = WallTime(std::chrono::seconds(about.st_mtime));
    newest = std::max(newest.value_or(at), at);
  }
  return newest;
}

}  // namespace muster::failover
