#include "collector/posix_host_fs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ctime>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/posix_file.h"

namespace muster::collector {
namespace {

// The kernel writes most files of /proc and /sys into a page at first. Asked for more at once, it
// makes room for more, which costs time, even if the file has a few bytes.
constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kChunkBytes = std::size_t{16} * 1024;

// A read of such a file ends early where the next line does not fit into the kernel's page any
// more. In these, lines are shorter by far, or all of them are made at once, as in netstat: what
// leaves so much of the page empty is the end, and need not be asked for, which costs as much as
// the file itself where it is a table of sockets.
constexpr std::size_t kLineMax = 1024;
constexpr std::array<std::string_view, 11> kOfShortLines{"/proc/diskstats",
                                                         "/proc/loadavg",
                                                         "/proc/meminfo",
                                                         "/proc/net/",
                                                         "/proc/pressure/",
                                                         "/proc/self/limits",
                                                         "/proc/self/stat",
                                                         "/proc/stat",
                                                         "/proc/sys/",
                                                         "/proc/vmstat",
                                                         "/sys/"};

// Without O_NONBLOCK a pipe in the place of a file would hold the scrape for ever.
constexpr int kToRead = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
constexpr std::size_t kKeptMax = 64;  // open files: more than collectors ask for

bool has_short_lines(std::string_view path) {
  return std::any_of(kOfShortLines.begin(), kOfShortLines.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

bool is_of(const std::string& directory, long file_system) {
  struct statfs status {};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == file_system;
}
bool is_of(int open, long file_system) {
  struct statfs status {};
  return ::fstatfs(open, &status) == 0 && status.f_type == file_system;
}

tl::unexpected<Error> refused(const std::string& path, int error) {
  // EOPNOTSUPP: the file is there, but what it tells is switched off, as PSI may be.
  const Code code = error == ENOENT || error == ENOTDIR || error == EOPNOTSUPP ? Code::NotFound
                    : error == EACCES || error == EPERM  ? Code::PermissionDenied
                    : error == EMFILE || error == ENFILE ? Code::Exhausted
                                                         : Code::Internal;
  return fail(code, "cannot read " + path + ": " + std::generic_category().message(error));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string_view stripped(std::string_view root) {
  while (root.ends_with('/')) root.remove_suffix(1);
  return root;
}

// The rest of `path` below `root`: "/stat", or "" for the root itself. Nothing: it is not below.
std::optional<std::string_view> below(std::string_view path, std::string_view root) {
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}
}  // namespace

PosixHostFs::PosixHostFs(HostRoots roots)
    : roots_(std::move(roots)),
      kernels_proc_(is_of(roots_.procfs, PROC_SUPER_MAGIC)),
      kernels_sys_(is_of(roots_.sysfs, SYSFS_MAGIC)) {}

Result<std::string> PosixHostFs::real(std::string_view path) const {
  const bool climbs = path.find("/../") != std::string_view::npos || path.ends_with("/..");
  if (!path.starts_with('/') || climbs || path.find('\0') != std::string_view::npos) {
    return fail(Code::InvalidArgument,
                "cannot read " + std::string(path) + ": it is no path from the root downwards");
  }
  std::string_view root = roots_.rootfs;
  std::string_view rest = path;
  if (const auto in_proc = below(path, "/proc")) {
    root = roots_.procfs;
    rest = *in_proc;
  } else if (const auto in_sys = below(path, "/sys")) {
    root = roots_.sysfs;
    rest = *in_sys;
  }
  std::string file;
  file.reserve(root.size() + rest.size());
  file.append(stripped(root)).append(rest);
  return file.empty() ? "/" : file;
}

Result<std::string> PosixHostFs::read(std::string_view path) const {
  const Kind kind = kind_of(path);
  if (kind == Kind::ShortLines && path.starts_with("/proc/")) return read_again(path);
  const auto file = real(path);
  if (!file) return tl::unexpected(file.error());
  const Descriptor open(::open(file->c_str(), kToRead));
  return open.good() ? content(open.get(), *file, kind) : refused(*file, errno);
}

Result<std::string> PosixHostFs::read_again(std::string_view path) const {
  const auto file = real(path);
  if (!file) return tl::unexpected(file.error());
  if (Descriptor open = take_kept(path); open.good()) {
    auto text = content(open.get(), *file, Kind::ShortLines);
    if (text) {
      keep(path, std::move(open));
      return text;
    }
  }
  Descriptor open(::open(file->c_str(), kToRead));
  if (!open.good()) return refused(*file, errno);
  auto text = content(open.get(), *file, Kind::ShortLines);
  if (text && is_of(open.get(), PROC_SUPER_MAGIC)) keep(path, std::move(open));
  return text;
}

Descriptor PosixHostFs::take_kept(std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(path);
  return found == kept_.end() ? Descriptor() : std::move(found->second);
}

void PosixHostFs::keep(std::string_view path, Descriptor open) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(path);
  if (found != kept_.end()) {
    found->second = std::move(open);
  } else if (kept_.size() < kKeptMax) {
    kept_.emplace(path, std::move(open));
  }
}

std::vector<Result<std::string>> PosixHostFs::read_all(
    const std::string& directory, std::span<const std::string_view> names) const {
  const auto place = real(directory);
  const Kind kind = kind_of(directory);
  const Descriptor directory_open(place ? ::open(place->c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)
                                        : -1);
  const int why = errno;
  std::vector<Result<std::string>> out;
  out.reserve(names.size());
  for (const std::string_view name : names) {
    if (!place) {
      out.push_back(tl::unexpected(place.error()));
      continue;
    }
    CHECK(!name.starts_with('/') && name.find("..") == std::string_view::npos);
    std::string file = *place;
    (file += '/') += name;
    if (!directory_open.good()) {
      out.push_back(refused(file, why));
      continue;
    }
    const Descriptor open(
        ::openat(directory_open.get(), file.c_str() + place->size() + 1, kToRead));
    out.push_back(open.good() ? content(open.get(), file, kind) : refused(file, errno));
  }
  return out;
}

PosixHostFs::Kind PosixHostFs::kind_of(std::string_view path) const {
  const bool kernels = path.starts_with("/proc/")  ? kernels_proc_
                       : path.starts_with("/sys/") ? kernels_sys_
                                                   : false;
  if (!kernels) return Kind::Any;
  return has_short_lines(path) ? Kind::ShortLines : Kind::Kernels;
}

// `file` is what is open, for the refusal.
Result<std::string> PosixHostFs::content(int open, const std::string& file, Kind kind) {
  const auto no_file = [&] {
    return fail(Code::InvalidArgument, "cannot read " + file + ": it is not a regular file");
  };
  struct stat status {};
  if (kind == Kind::Any && ::fstat(open, &status) != 0) return refused(file, errno);
  if (kind == Kind::Any && !S_ISREG(status.st_mode)) return no_file();
  std::string content;
  std::array<char, kChunkBytes> chunk;
  for (std::size_t wanted = kPageBytes;;) {
    const ssize_t result = ::pread(open, chunk.data(), wanted, static_cast<off_t>(content.size()));
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && errno == EISDIR) return no_file();
    if (result < 0) return refused(file, errno);
    if (result == 0) return content;
    const auto got = static_cast<std::size_t>(result);
    content.append(chunk.data(), got);
    if (content.size() > kBytesMax) {
      return fail(Code::Exhausted, "cannot read " + file + ": it is larger than " +
                                       std::to_string(kBytesMax) + " bytes");
    }
    if (kind == Kind::ShortLines && got + kLineMax <= kPageBytes) return content;
    wanted = kChunkBytes;
  }
}

Result<std::vector<std::string>> PosixHostFs::list(std::string_view path) const {
  const auto directory = real(path);
  if (!directory) return tl::unexpected(directory.error());
  // Not readdir(3): it takes 32 KiB of memory for the few names that most of these have.
  const Descriptor open(::open(directory->c_str(), kToRead | O_DIRECTORY));
  if (!open.good()) return refused(*directory, errno);
  std::vector<std::string> names;
  alignas(dirent64) std::array<char, kPageBytes> entries;
  for (;;) {
    const ssize_t got = ::getdents64(open.get(), entries.data(), entries.size());
    if (got < 0) return refused(*directory, errno);
    if (got == 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto* const entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      const std::string_view name(std::begin(entry->d_name));
      if (name == "." || name == "..") continue;
      if (names.size() == kNamesMax) {
        return fail(Code::Exhausted, "cannot read " + *directory + ": it holds more than " +
                                         std::to_string(kNamesMax) + " names");
      }
      names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::size_t> PosixHostFs::count(std::string_view path) const {
  const auto directory = real(path);
  if (!directory) return tl::unexpected(directory.error());
  // Since Linux 6.2 the size of /proc/PID/fd is how many there are. Other directories of /proc have
  // none, and those of disks have one that means something else.
  struct stat status {};
  struct statfs system {};
  if (::stat(directory->c_str(), &status) != 0) return refused(*directory, errno);
  if (::statfs(directory->c_str(), &system) != 0) return refused(*directory, errno);
  if (system.f_type == PROC_SUPER_MAGIC && status.st_size > 0) {
    return static_cast<std::size_t>(status.st_size);
  }
  const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory->c_str()));
  if (!open) return refused(*directory, errno);
  std::size_t names = 0;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name(std::begin(entry->d_name));
    if (name != "." && name != "..") ++names;
  }
  return names;
}

Result<std::string> PosixHostFs::link(std::string_view path) const {
  const auto file = real(path);
  if (!file) return tl::unexpected(file.error());
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlink(file->c_str(), target.data(), target.size());
  if (length < 0) return refused(*file, errno);
  return std::string(target.data(), static_cast<std::size_t>(length));
}

Result<std::int64_t> PosixHostFs::modified(std::string_view path) const {
  const auto file = real(path);
  if (!file) return tl::unexpected(file.error());
  struct stat status {};
  if (::stat(file->c_str(), &status) != 0) return refused(*file, errno);
  return nanoseconds(status.st_mtim);
}

Result<FsUsage> PosixHostFs::usage(std::string_view path) const {
  const auto file = real(path);
  if (!file) return tl::unexpected(file.error());
  struct statvfs status {};
  if (::statvfs(file->c_str(), &status) != 0) return refused(*file, errno);
  const std::uint64_t block = status.f_frsize;
  return FsUsage{status.f_blocks * block, status.f_bfree * block, status.f_bavail * block,
                 status.f_files, status.f_ffree};
}

Result<KernelNames> PosixHostFs::names() const {
  utsname names{};
  if (::uname(&names) != 0) return refused("uname", errno);
  return KernelNames{names.sysname, names.nodename, names.release,
                     names.version, names.machine,  names.domainname};
}

Result<ClockState> PosixHostFs::clock_state() const {
  timex raw{};  // no modes: nothing is changed
  ClockState clock;
  clock.state = ::adjtimex(&raw);
  if (clock.state < 0) return refused("adjtimex", errno);
  clock.offset = raw.offset;
  clock.frequency = raw.freq;
  clock.max_error = raw.maxerror;
  clock.est_error = raw.esterror;
  clock.status = raw.status;
  clock.constant = raw.constant;
  clock.tick = raw.tick;
  clock.pps_frequency = raw.ppsfreq;
  clock.pps_jitter = raw.jitter;
  clock.pps_shift = raw.shift;
  clock.pps_stability = raw.stabil;
  clock.pps_jitter_count = raw.jitcnt;
  clock.pps_calibration_count = raw.calcnt;
  clock.pps_error_count = raw.errcnt;
  clock.pps_stability_count = raw.stbcnt;
  clock.tai = raw.tai;
  return clock;
}

std::int64_t PosixHostFs::now() const {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return nanoseconds(time);
}

Zone PosixHostFs::zone() const {
  const std::time_t seconds = ::time(nullptr);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return {local.tm_zone, static_cast<int>(local.tm_gmtoff)};
}

std::uint64_t PosixHostFs::page_bytes() const {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace muster::collector
