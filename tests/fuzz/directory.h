// Where may a fuzzer leave files? In one directory, in memory where there is such a place: a disk
// would be waited for often. It goes away with the process.
#pragma once

#include <filesystem>
#include <string>
#include <system_error>

#include <stdlib.h>

#include "base/error.h"

namespace muster::fuzz {

class Directory {
 public:
  Directory() {
    namespace fs = std::filesystem;
    std::error_code none;
    const fs::path parent =
        fs::is_directory("/dev/shm", none) ? fs::path("/dev/shm") : fs::temp_directory_path();
    path_ = (parent / "muster-fuzz-XXXXXX").string();
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace muster::fuzz
