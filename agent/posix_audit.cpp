#include "agent/posix_audit.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace muster::agent {
namespace {

std::string_view outcome_of(int status) {
  if (status >= 200 && status < 300) return "done";
  if (status == 504) return "unknown";
  if (status >= 500) return "failed";
  return "refused";
}

std::string why(int error) { return std::generic_category().message(error); }

}  // namespace

std::string audit_line(const AuditRecord& record, WallTime at) {
  const nlohmann::ordered_json line{{"time", rfc3339(at)},
                                    {"who", record.by.name},
                                    {"role", record.by.role},
                                    {"from", record.by.address},
                                    {"method", record.method},
                                    {"path", record.path},
                                    {"subject", record.subject},
                                    {"status", record.status},
                                    {"outcome", outcome_of(record.status)},
                                    {"request_id", record.request_id}};
  return line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<std::unique_ptr<PosixAudit>> PosixAudit::open(const std::string& path,
                                                     std::uint64_t bytes_max) {
  std::unique_ptr<PosixAudit> audit(new PosixAudit(path, bytes_max));
  if (const Status opened = audit->open_file(); !opened) {
    return tl::unexpected<Error>(opened.error());
  }
  return audit;
}

PosixAudit::~PosixAudit() {
  if (file_ >= 0) ::close(file_);
}

Status PosixAudit::open_file() {
  const int file =
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat is {};
  if (file < 0 || ::fchmod(file, 0600) != 0 || ::fstat(file, &is) != 0) {
    const int error = errno;
    if (file >= 0) ::close(file);
    return fail(Code::PermissionDenied, "cannot write the audit log " + path_ + ": " + why(error));
  }
  if (file_ >= 0) ::close(file_);
  file_ = file;
  bytes_ = static_cast<std::uint64_t>(is.st_size);
  return {};
}

Status PosixAudit::rotate() {
  for (int number = kAuditFilesKept - 1; number >= 0; --number) {
    std::string from = path_;
    if (number > 0) from += "." + std::to_string(number);
    const std::string to = path_ + "." + std::to_string(number + 1);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
      return fail(Code::Internal, "cannot rename " + from + ": " + why(errno));
    }
  }
  return open_file();
}

Status PosixAudit::write(const AuditRecord& record, WallTime at) {
  std::string line = audit_line(record, at);
  const std::lock_guard lock(mutex_);
  if (torn_) line.insert(line.begin(), '\n');
  if (bytes_ + line.size() > bytes_max_ && bytes_ > 0) {
    if (Status rotated = rotate(); !rotated) return rotated;
  }
  const ssize_t written = ::write(file_, line.data(), line.size());
  if (written > 0) bytes_ += static_cast<std::uint64_t>(written);
  if (written == static_cast<ssize_t>(line.size())) {
    torn_ = false;
    return {};
  }
  torn_ = torn_ || written > 0;
  return fail(Code::Exhausted, "cannot write the audit log " + path_ + ": " +
                                   (written < 0 ? why(errno) : "no space left"));
}

}  // namespace muster::agent
