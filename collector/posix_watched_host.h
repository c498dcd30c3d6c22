// What does a machine say of itself, some of whose mounts may hang?
//
// Driver: another HostFs, whose usage_of_all() always returns. Whatever else is asked for goes
// through as it is. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "collector/host_fs.h"
#include "collector/posix_relay.h"

namespace muster::collector {

class PosixWatchedHost final : public HostFs {
 public:
  // A server that is gone often takes many mounts with it: each costs the others little. All
  // together stay below the time that a collector has.
  static constexpr PosixRelay::Limits kLimits{.overtaken_after = std::chrono::milliseconds(20),
                                              .each = std::chrono::milliseconds(500),
                                              .threads_max = 32};
  static constexpr Duration kAllTogether = std::chrono::milliseconds(800);

  explicit PosixWatchedHost(std::shared_ptr<const HostFs> host, PosixRelay::Limits limits = kLimits,
                            Duration all_together = kAllTogether);

  // Timeout for a path that does not answer, until it has; it is not asked a second time before.
  [[nodiscard]] std::vector<Result<FsUsage>> usage_of_all(
      const std::vector<std::string>& paths) const override;
  // Paths that were given up and have not answered yet. Any thread.
  [[nodiscard]] std::size_t parked() const { return relay_.parked(); }

  [[nodiscard]] Result<FsUsage> usage(std::string_view path) const override;
  [[nodiscard]] Result<std::string> read(std::string_view path) const override;
  [[nodiscard]] std::vector<Result<std::string>> read_all(
      const std::string& directory, std::span<const std::string_view> names) const override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override;
  [[nodiscard]] Result<std::size_t> count(std::string_view path) const override;
  [[nodiscard]] Result<std::string> link(std::string_view path) const override;
  [[nodiscard]] Result<std::int64_t> modified(std::string_view path) const override;
  [[nodiscard]] Result<KernelNames> names() const override;
  [[nodiscard]] Result<ClockState> clock_state() const override;
  [[nodiscard]] std::uint64_t page_bytes() const override;
  [[nodiscard]] std::int64_t now() const override;
  [[nodiscard]] Zone zone() const override;

 private:
  std::shared_ptr<const HostFs> host_;
  Duration all_together_;
  mutable PosixRelay relay_;
};

}  // namespace muster::collector
