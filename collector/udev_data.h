// What did udev find out about a block device?
//
// Core: /run/udev/data/b<major>:<minor> in, its properties (ID_MODEL, ...) out. UdevData keeps what
// it read until the file is written anew, as udev replaces it whole; of one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "collector/host_fs.h"

namespace muster::collector {

using UdevProperties = std::map<std::string, std::string, std::less<>>;

// The lines "E:NAME=value"; other lines are udev's own.
[[nodiscard]] UdevProperties parse_udev_data(std::string_view text);

// Empty when there is no such property.
[[nodiscard]] const std::string& property(const UdevProperties& properties, std::string_view name);

class UdevData {
 public:
  // `block` as in "254:0". Empty when udev does not know the device, or is not there (containers).
  // Valid until forget_others().
  [[nodiscard]] const UdevProperties& of(const HostFs& fs, const std::string& block);
  // Drops devices that of() was not asked for since the last call.
  void forget_others();

 private:
  struct Entry {
    std::int64_t modified = 0;
    UdevProperties properties;
    bool asked = true;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace muster::collector
