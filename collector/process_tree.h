// Which processes belong to which copy of a workload?
//
// Core; files come through a HostFs. A process belongs to a copy when it is the one that the agent
// started, is in the session of that one, or is a child of one that belongs to it; and it stays the
// copy's when its parent ends. So a child is lost only if it leaves both session and parent between
// two looks. One owner, one call at a time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/error.h"
#include "collector/collector.h"
#include "collector/host_fs.h"
#include "collector/process.h"

namespace muster::collector {

class ProcessTree {
 public:
  struct Member {
    InstanceId copy = 0;
    ProcessStat stat;
  };
  using Members = std::map<std::int64_t, Member>;  // by process id

  // Looks at the machine's processes. A process that was once a stranger is looked at again only
  // every kTurns calls: its id may be another's by then. DataLoss when the text of a process is
  // not understood; then members() is untouched. Processes that end meanwhile are left out.
  Status look(const HostFs& fs, const std::vector<Copy>& copies);

  [[nodiscard]] const Members& members() const { return members_; }

 private:
  static constexpr std::uint64_t kTurns = 16;
  using Leaders = std::map<std::int64_t, const Copy*>;
  using Readings = std::map<std::int64_t, ProcessStat>;

  [[nodiscard]] Result<Readings> read(const HostFs& fs, const Leaders& leaders);
  [[nodiscard]] InstanceId owner_of(const ProcessStat& stat, const Leaders& leaders,
                                    const Members& known) const;

  Members members_;
  std::set<std::int64_t> strangers_;
  std::map<std::int64_t, std::uint64_t> leaders_;  // start time by process id
  std::uint64_t turn_ = 0;
};

}  // namespace muster::collector
