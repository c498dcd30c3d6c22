// What do the copies of muster's own workloads on this node use?
//
// Core; files come through a HostFs. muster_workload_* families: from a control group that holds a
// copy and nothing else, else summed over its processes. Keeps between scrapes what it counted, so
// that no counter drops when a process ends. One owner, one call at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ids.h"
#include "base/sample.h"
#include "collector/collector.h"
#include "collector/process.h"
#include "collector/process_tree.h"

namespace muster::collector {

class Workloads {
 public:
  // What belongs to a copy that has more than one value is left out for it when one cannot be
  // read: a process's io and descriptors are for root and its owner only.
  [[nodiscard]] Result<Families> collect(const HostFs& fs, const std::vector<Copy>& copies);

 private:
  // A sum over processes that come and go; never drops.
  struct Total {
    std::uint64_t gone = 0;  // of those that have ended
    std::uint64_t shown = 0;
    std::uint64_t show(std::uint64_t running);
  };
  struct Totals {
    Total cpu;  // ticks, or microseconds for a control group
    Total read, written;
  };
  struct Use {  // of the processes that run now
    std::uint64_t cpu_ticks = 0, pages = 0, threads = 0, processes = 0;
    std::optional<IoBytes> io = IoBytes{};
    std::optional<std::uint64_t> fds = 0;
  };
  struct Group {  // a control group of a copy's own
    std::int64_t pid = 0;
    std::uint64_t start_time = 0;
    std::string path;
    std::uint64_t cpu = 0;  // as last read
    IoBytes io;
  };
  struct Account {
    Totals processes;
    Totals group;
    std::optional<Group> own;
  };
  struct GroupUse {
    std::uint64_t cpu_us = 0, memory_bytes = 0;
    std::optional<IoBytes> io;
  };

  void settle(const ProcessTree::Members& before);
  [[nodiscard]] std::map<InstanceId, Use> measure(const HostFs& fs);
  [[nodiscard]] bool find_group(const HostFs& fs, const Copy& copy, Account& account);
  [[nodiscard]] std::optional<GroupUse> read_group(const HostFs& fs, Account& account) const;
  static void add(const Copy& copy, const Use& use, const std::optional<GroupUse>& group,
                  Account& account, std::uint64_t page_bytes, Families& families);

  ProcessTree tree_;
  std::map<std::int64_t, IoBytes> io_;  // of members, as last read
  std::map<InstanceId, Account> accounts_;
  std::optional<std::string> agents_group_;
};

}  // namespace muster::collector
