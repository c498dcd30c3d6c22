// A machine whose files and answers a test makes up.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collector/host_fs.h"

namespace muster::collector {

struct MadeUpHost : HostFs {
  template <class Value>
  using ByPath = std::map<std::string, Value, std::less<>>;

  ByPath<std::string> files;
  ByPath<std::string> links;
  ByPath<std::int64_t> times;  // of files and directories; 0 for others
  ByPath<FsUsage> usages;
  ByPath<Error> broken;  // what reading, listing or asking for the usage of a path fails with
  KernelNames kernel;
  Result<ClockState> clock = ClockState{};
  std::int64_t time = 0;
  Zone local{"UTC", 0};
  std::uint64_t page = 4096;

  [[nodiscard]] Result<std::string> read(std::string_view path) const override {
    if (const auto why = broken.find(path); why != broken.end()) return tl::unexpected(why->second);
    const auto found = files.find(path);
    if (found == files.end()) return missing(path);
    return found->second;
  }
  // The files and links below `path`, and what lies between.
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override {
    if (const auto why = broken.find(path); why != broken.end()) return tl::unexpected(why->second);
    const std::string directory = std::string(path) + '/';
    std::set<std::string> names;
    const auto add = [&](const std::string& file) {
      if (!file.starts_with(directory)) return;
      names.insert(
          file.substr(directory.size(), file.find('/', directory.size()) - directory.size()));
    };
    for (const auto& [file, content] : files) add(file);
    for (const auto& [file, target] : links) add(file);
    if (names.empty()) return missing(path);
    return std::vector<std::string>(names.begin(), names.end());
  }
  [[nodiscard]] Result<std::string> link(std::string_view path) const override {
    const auto found = links.find(path);
    if (found == links.end()) return missing(path);
    return found->second;
  }
  [[nodiscard]] Result<std::int64_t> modified(std::string_view path) const override {
    const auto found = times.find(path);
    if (found != times.end()) return found->second;
    const auto below = files.lower_bound(std::string(path) + '/');  // then it is a directory
    const bool directory =
        below != files.end() && below->first.starts_with(std::string(path) + '/');
    if (!directory && !files.contains(path)) return missing(path);
    return 0;
  }
  [[nodiscard]] Result<FsUsage> usage(std::string_view path) const override {
    if (const auto why = broken.find(path); why != broken.end()) return tl::unexpected(why->second);
    const auto found = usages.find(path);
    if (found == usages.end()) return missing(path);
    return found->second;
  }
  [[nodiscard]] Result<KernelNames> names() const override { return kernel; }
  [[nodiscard]] Result<ClockState> clock_state() const override { return clock; }
  [[nodiscard]] std::int64_t now() const override { return time; }
  [[nodiscard]] Zone zone() const override { return local; }
  [[nodiscard]] std::uint64_t page_bytes() const override { return page; }

 private:
  static tl::unexpected<Error> missing(std::string_view path) {
    return fail(Code::NotFound, "cannot read " + std::string(path) + ": no such file");
  }
};

}  // namespace muster::collector
