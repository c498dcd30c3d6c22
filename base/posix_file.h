// How do drivers open, read and write files without leaking a descriptor or half a text?
//
// Driver (POSIX), without state. What fails leaves its reason in errno: each caller says in its own
// words what could not be done.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace muster {

// A file descriptor that is closed with this object; -1: none.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool good() const { return number_ >= 0; }

 private:
  int number_;
};

// From where the file stands to its end, or `most` bytes. False: it cannot be read.
[[nodiscard]] bool read_up_to(int file, std::size_t most, std::string& into);

// False: not all of it is written.
[[nodiscard]] bool write_all(int file, std::string_view bytes);

// "." for a name without a directory.
[[nodiscard]] std::string directory_of(const std::string& path);
// Makes durable what was made, renamed or removed in it.
[[nodiscard]] bool sync_directory(const std::string& directory);

}  // namespace muster
