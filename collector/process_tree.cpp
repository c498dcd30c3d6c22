#include "collector/process_tree.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "collector/proc_text.h"

namespace muster::collector {

Result<ProcessTree::Readings> ProcessTree::read(const HostFs& fs, const Leaders& leaders) {
  const auto names = fs.list("/proc");
  if (!names) return tl::unexpected(names.error());
  Readings readings;
  std::set<std::int64_t> there;
  for (const std::string& name : *names) {
    const auto number = parse_count(name);
    if (!number || *number > INT32_MAX) continue;  // no process
    const auto pid = static_cast<std::int64_t>(*number);
    there.insert(pid);
    const bool due = *number % kTurns == turn_ || leaders.contains(pid);
    if (!due && strangers_.contains(pid)) continue;
    const auto text = fs.read("/proc/" + name + "/stat");
    if (!text || text->empty()) continue;  // it has ended since
    const auto stat = parse_process_stat(*text);
    if (!stat) return tl::unexpected(stat.error());
    readings.emplace(pid, *stat);
  }
  std::erase_if(strangers_, [&](std::int64_t pid) { return !there.contains(pid); });
  turn_ = (turn_ + 1) % kTurns;
  return readings;
}

InstanceId ProcessTree::owner_of(const ProcessStat& stat, const Leaders& leaders,
                                 const Members& known) const {
  const auto led = leaders.find(stat.pid);
  if (led != leaders.end()) return led->second->id;
  const auto session = leaders.find(stat.session);
  if (session != leaders.end() && session->second->start_time <= stat.start_time) {
    return session->second->id;
  }
  const auto parent = known.find(stat.parent);
  if (parent == known.end() || parent->second.stat.start_time > stat.start_time) return 0;
  return parent->second.copy;
}

Status ProcessTree::look(const HostFs& fs, const std::vector<Copy>& copies) {
  Leaders leaders;
  std::map<std::int64_t, std::uint64_t> leaders_now;
  std::set<InstanceId> ids;
  for (const Copy& copy : copies) {
    ids.insert(copy.id);
    if (copy.pid == 0) continue;
    leaders.emplace(copy.pid, &copy);
    leaders_now.emplace(copy.pid, copy.start_time);
  }
  // Children of a new one may have been seen before it was known whose it is.
  if (leaders_now != leaders_) strangers_.clear();
  auto readings = read(fs, leaders);
  if (!readings) return tl::unexpected(readings.error());
  leaders_ = std::move(leaders_now);
  // An id is given away again only when neither a process nor a session has it any more.
  std::erase_if(leaders, [&](const auto& leader) {
    const auto there = readings->find(leader.first);
    return there != readings->end() && there->second.start_time != leader.second->start_time;
  });

  Members next;
  std::vector<const ProcessStat*> open;
  for (const auto& [pid, stat] : *readings) {
    const auto before = members_.find(pid);
    const bool stays = before != members_.end() && ids.contains(before->second.copy) &&
                       before->second.stat.start_time == stat.start_time;
    if (stays) {
      next.emplace(pid, Member{before->second.copy, stat});
    } else {
      open.push_back(&stat);
    }
  }
  // Parents first; within a tick the order is not known, so until nothing is found any more.
  std::stable_sort(open.begin(), open.end(), [](const ProcessStat* a, const ProcessStat* b) {
    return a->start_time < b->start_time;
  });
  for (std::size_t left = open.size() + 1; left > open.size();) {
    left = open.size();
    std::erase_if(open, [&](const ProcessStat* stat) {
      const InstanceId copy = owner_of(*stat, leaders, next);
      if (copy != 0) next.emplace(stat->pid, Member{copy, *stat});
      return copy != 0;
    });
  }
  for (const ProcessStat* stat : open) strangers_.insert(stat->pid);
  for (const auto& [pid, member] : next) strangers_.erase(pid);
  members_ = std::move(next);
  return {};
}

}  // namespace muster::collector
