// What do the small files of /sys say, one value each?
//
// Core; of one collector and one scrape. Devices come and go while they are read, drivers refuse
// single files, and some are root's: such a file is absent. What is there but cannot be true makes
// the whole collector fail: error() has the first such file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "collector/host_fs.h"

namespace muster::collector {

class SysAttributes {
 public:
  static constexpr std::size_t kBytesMax = 4096;  // the kernel's page: no attribute is larger

  // Pre: `collector` is a literal, and `fs` outlives this object.
  SysAttributes(const HostFs& fs, std::string_view collector) : fs_(fs), collector_(collector) {}

  // Without the white space around it. Nothing: absent, or not to be believed.
  [[nodiscard]] std::optional<std::string> text(const std::string& path);
  // Several of one directory, as text() has them, in the order of `files`.
  [[nodiscard]] std::vector<std::optional<std::string>> texts(
      const std::string& directory, std::span<const std::string_view> files);
  // Decimal, with a sign perhaps, or hexadecimal after "0x".
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& path);
  // The same of a text that is known already.
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& path, std::string_view text);
  [[nodiscard]] std::optional<std::uint64_t> count(const std::string& path);

  // The names below `path`, sorted; empty: it has gone. For directories within a class.
  [[nodiscard]] std::vector<std::string> names(const std::string& path);

  // DataLoss or Exhausted, for the collector's result.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  void refuse(const std::string& path, std::string_view why);

 private:
  [[nodiscard]] std::optional<std::string> text_of(const std::string& path,
                                                   Result<std::string> content);

  const HostFs& fs_;
  std::string_view collector_;
  std::optional<Error> error_;
};

// The last component: "hwmon0" of "../../devices/virtual/hwmon/hwmon0".
[[nodiscard]] std::string_view base_name(std::string_view path);

// Where `target` leads when a link in `directory` says it: without "." and "..", from the root.
[[nodiscard]] std::string resolved(std::string_view directory, std::string_view target);

}  // namespace muster::collector
