#include "failover/posix_mark_file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "base/posix_file.h"

namespace muster::failover {
namespace {

tl::unexpected<Error> system_error(const std::string& verb, const std::string& path, int error) {
  Code code = Code::Internal;
  if (error == EACCES || error == EPERM || error == EROFS || error == ENOENT) {
    code = Code::PermissionDenied;
  }
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) code = Code::Exhausted;
  return fail(code, "cannot " + verb + " " + path + ": " +
                        std::error_code(error, std::generic_category()).message());
}

bool write_at(int file, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(done));
    offset += static_cast<std::size_t>(done);
  }
  return true;
}

}  // namespace

Result<std::optional<PosixMarkFile>> PosixMarkFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) return std::optional<PosixMarkFile>();
  if (file < 0) return system_error("open", path, errno);
  PosixMarkFile opened(path, file, {});
  std::string bytes(kMarkFileBytes, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got =
        ::pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  const auto mark = decode_marks(std::string_view(bytes).substr(0, size));
  if (!mark) return fail(mark.error().code, path + " cannot be used: " + mark.error().text);
  opened.mark_ = *mark;
  return std::optional<PosixMarkFile>(std::move(opened));
}

// Under another name first: a file that is there is whole.
Result<PosixMarkFile> PosixMarkFile::make(const std::string& path) {
  const std::string draft = path + ".new";
  const int file = ::open(draft.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return system_error("make", draft, errno);
  PosixMarkFile made(path, file, {});
  std::string bytes = encode_mark(made.mark_);
  bytes.resize(kMarkFileBytes);  // both slots have their blocks from now on
  if (!write_at(file, bytes, 0) || ::fsync(file) != 0 ||
      ::rename(draft.c_str(), path.c_str()) != 0 || !sync_directory(directory_of(path))) {
    return system_error("make", path, errno);
  }
  return made;
}

PosixMarkFile::~PosixMarkFile() {
  if (file_ >= 0) ::close(file_);
}

PosixMarkFile::PosixMarkFile(PosixMarkFile&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      mark_(other.mark_),
      synced_(other.synced_) {}

PosixMarkFile& PosixMarkFile::operator=(PosixMarkFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  std::swap(mark_, other.mark_);
  std::swap(synced_, other.synced_);
  return *this;
}

Status PosixMarkFile::write(const DurableMark& mark) {
  if (!write_at(file_, encode_mark(mark), mark_offset(mark))) {
    return system_error("write", path_, errno);
  }
  mark_ = mark;
  synced_ = false;
  return {};
}

Status PosixMarkFile::sync() {
  if (synced_) return {};
  if (::fdatasync(file_) != 0) {
    const int error = errno;
    // The kernel takes what it could not write for written: the next try must find something to do.
    static_cast<void>(write_at(file_, encode_mark(mark_), mark_offset(mark_)));
    return system_error("sync", path_, error);
  }
  synced_ = true;
  return {};
}

}  // namespace muster::failover
