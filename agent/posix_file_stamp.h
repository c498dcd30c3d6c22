// Is a file another one than before?
//
// A driver (POSIX). Any thread. Cheap: nothing of the file is read.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace muster::agent {

struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t number = 0;  // of the inode: a file that was moved into its place has another
  std::int64_t size = 0;
  std::int64_t written_ns = 0;
  std::int64_t changed_ns = 0;  // nobody can set it back
  auto operator<=>(const FileStamp&) const = default;
};

// Of what a symbolic link leads to. Nothing: it is not there, or cannot be looked at.
[[nodiscard]] std::optional<FileStamp> stamp_of(const std::string& path);

}  // namespace muster::agent
