#include "failover/posix_logs.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace muster::failover {
namespace {

constexpr std::size_t kBlockBytes = 64 * 1024;
constexpr int kRotatedMax = 100;  // where tail() stops looking for older files

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> file_error(const std::string& verb, const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::NotFound
                    : error == EACCES || error == EPERM || error == ELOOP || error == EROFS
                        ? Code::PermissionDenied
                    : error == ENOSPC || error == EDQUOT || error == EFBIG || error == EMFILE
                        ? Code::Exhausted
                        : Code::Internal;
  return fail(code, "cannot " + verb + " the output file " + path + ": " +
                        std::error_code(error, std::generic_category()).message());
}

// 0, or why not.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string rotated(const std::string& path, int age) {
  return age == 0 ? path : path + "." + std::to_string(age);
}

// Copies all that is in `from`, to the moment before it returns.
Status copy(int from, const std::string& from_path, const std::string& to_path) {
  const File to(to_path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
  if (to.get() < 0) return file_error("make", to_path, errno);
  std::vector<char> block(kBlockBytes);
  while (true) {
    const ssize_t got = ::read(from, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", from_path, errno);
    if (got == 0) return {};
    const int error = write_all(to.get(), {block.data(), static_cast<std::size_t>(got)});
    if (error != 0) return file_error("write", to_path, error);
  }
}

struct Piece {
  std::string bytes;
  std::size_t size = 0;  // of the whole file
};

// The last `bytes_max` bytes.
Result<Piece> read_end(const File& file, const std::string& path, std::size_t bytes_max) {
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::PermissionDenied, "the output file " + path + " is not a regular file");
  }
  Piece piece;
  piece.size = static_cast<std::size_t>(info.st_size);
  piece.bytes.resize(std::min(piece.size, bytes_max));
  std::size_t have = 0;
  const std::size_t begin = piece.size - piece.bytes.size();
  while (have < piece.bytes.size()) {
    const ssize_t got = ::pread(file.get(), piece.bytes.data() + have, piece.bytes.size() - have,
                                static_cast<off_t>(begin + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return file_error("read", path, errno);
    if (got == 0) break;  // it was rotated meanwhile
    have += static_cast<std::size_t>(got);
  }
  piece.bytes.resize(have);
  return piece;
}

std::size_t count_lines(std::string_view bytes) {
  const auto ends = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  return ends + (!bytes.empty() && bytes.back() != '\n' ? 1 : 0);
}

// Where the last `lines` lines of `bytes` begin. Pre: lines > 0.
std::size_t begin_of_last(std::string_view bytes, std::size_t lines) {
  std::size_t begin = bytes.size();
  if (begin > 0 && bytes.back() == '\n') --begin;  // the end of the last line, not of one more
  while (begin > 0) {
    const auto newline = bytes.rfind('\n', begin - 1);
    if (newline == std::string_view::npos) return 0;
    if (--lines == 0) return newline + 1;
    begin = newline;
  }
  return 0;
}

}  // namespace

Status rotate_if_larger(const std::string& path, std::uint64_t max_bytes, int keep) {
  const File file(path, O_RDWR);
  if (file.get() < 0) {
    if (errno == ENOENT) return {};
    return file_error("rotate", path, errno);
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_error("rotate", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::PermissionDenied, "the output file " + path + " is not a regular file");
  }
  if (static_cast<std::uint64_t>(info.st_size) <= max_bytes) return {};

  if (keep > 0) {
    const std::string fresh = path + ".new";
    ::unlink(rotated(path, keep).c_str());  // first: a full disk needs its space for the copy
    if (Status copied = copy(file.get(), path, fresh); !copied) {
      ::unlink(fresh.c_str());
      return copied;
    }
    for (int age = keep; age > 1; --age) {
      const std::string from = rotated(path, age - 1);
      if (::rename(from.c_str(), rotated(path, age).c_str()) != 0 && errno != ENOENT) {
        return file_error("rename", from, errno);
      }
    }
    if (::rename(fresh.c_str(), rotated(path, 1).c_str()) != 0) {
      return file_error("rename", fresh, errno);
    }
  }
  if (::ftruncate(file.get(), 0) != 0) return file_error("cut", path, errno);
  return {};
}

Result<std::string> tail(const std::string& path, std::size_t lines, std::size_t bytes_max) {
  std::vector<File> files;
  for (int age = 0; age <= kRotatedMax; ++age) {
    File file(rotated(path, age), O_RDONLY);
    if (file.get() < 0) {
      if (age == 0) return file_error("read", path, errno);
      break;
    }
    files.push_back(std::move(file));
  }
  std::string text;
  bool whole = true;  // what stands in front of `text` in its file is nothing
  for (std::size_t age = 0; age < files.size(); ++age) {
    if (text.size() >= bytes_max || (age > 0 && count_lines(text) > lines)) break;
    const auto piece =
        read_end(files[age], rotated(path, static_cast<int>(age)), bytes_max - text.size());
    if (!piece) return tl::unexpected(piece.error());
    whole = piece->bytes.size() >= piece->size;
    text.insert(0, piece->bytes);
    if (!whole) break;
  }
  if (lines == 0) return std::string();
  // A cut first line goes, unless there is no other.
  if (!whole && count_lines(text) <= lines) {
    const auto newline = text.find('\n');
    if (newline != std::string::npos && newline + 1 < text.size()) text.erase(0, newline + 1);
  }
  text.erase(0, begin_of_last(text, lines));
  return text;
}

}  // namespace muster::failover
