// Who changed what, from where, and with which outcome? The audit log of one agent.
//
// A driver (POSIX files): data_dir/audit.log, readable by its owner alone, one JSON object a line.
// At kAuditBytesMax it becomes audit.log.1 (and that one .2, ...). Any thread; a line is written
// before the client has its answer. Never a secret: no bodies, no headers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "agent/http_ports.h"
#include "base/error.h"
#include "base/time.h"

namespace muster::agent {

inline constexpr std::uint64_t kAuditBytesMax = std::uint64_t{16} << 20;
inline constexpr int kAuditFilesKept = 8;

// {"time", "who", "role", "from", "method", "path", "status", "outcome", "request_id"}, and a
// newline.
[[nodiscard]] std::string audit_line(const AuditRecord& record, WallTime at);

class PosixAudit {
 public:
  // Fails, naming the file, when it cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<PosixAudit>> open(
      const std::string& path, std::uint64_t bytes_max = kAuditBytesMax);
  ~PosixAudit();
  PosixAudit(const PosixAudit&) = delete;
  PosixAudit& operator=(const PosixAudit&) = delete;

  // Fails when the line could not be written as a whole; the next one begins a line of its own.
  Status write(const AuditRecord& record, WallTime at);

 private:
  PosixAudit(std::string path, std::uint64_t bytes_max)
      : path_(std::move(path)), bytes_max_(bytes_max) {}
  Status open_file();
  Status rotate();

  std::string path_;
  std::uint64_t bytes_max_;
  std::mutex mutex_;
  int file_ = -1;
  std::uint64_t bytes_ = 0;
  bool torn_ = false;  // the last line is not whole
};

}  // namespace muster::agent
