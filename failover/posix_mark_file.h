// Where does the mark of failover/durable_mark.h live, so that writing it costs next to nothing?
//
// A driver (files). One object belongs to one thread at a time. write() leaves the mark with the
// kernel: it survives the death of the process. A power cut leaves one that is at least as new as
// the last sync() made it: true as well, but it does not miss the writes that came after it. The
// file never grows after make().
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "failover/durable_mark.h"

namespace muster::failover {

class PosixMarkFile {
 public:
  // The file as it is; nullopt when there is none. Errors name the file: those of decode_marks(),
  // PermissionDenied, Internal.
  [[nodiscard]] static Result<std::optional<PosixMarkFile>> open(const std::string& path);
  // A new file (mode 0600) with the mark of a log that nothing was written to, on the disk before
  // it returns. Pre: open() said that there is none.
  [[nodiscard]] static Result<PosixMarkFile> make(const std::string& path);

  ~PosixMarkFile();
  PosixMarkFile(PosixMarkFile&& other) noexcept;
  PosixMarkFile& operator=(PosixMarkFile&& other) noexcept;

  [[nodiscard]] const DurableMark& mark() const { return mark_; }  // the newest
  [[nodiscard]] Status write(const DurableMark& mark);
  [[nodiscard]] Status sync();  // what was written is on the disk after it; may be tried again
  [[nodiscard]] bool is_synced() const { return synced_; }

 private:
  std::string path_;
  int file_;
  DurableMark mark_;
  bool synced_ = true;

  PosixMarkFile(std::string path, int file, const DurableMark& mark)
      : path_(std::move(path)), file_(file), mark_(mark) {}
};

}  // namespace muster::failover
