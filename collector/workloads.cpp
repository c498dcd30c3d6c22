#include "collector/workloads.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "collector/cpu.h"

namespace muster::collector {
namespace {

enum Metric : std::size_t { Cpu, Memory, Read, Written, Fds, Threads, Processes, Restarts };

Families empty_families() {
  using enum MetricType;
  return {
      {"muster_workload_cpu_seconds_total",
       "Processor time that a copy of a workload has used.",
       Counter,
       {}},
      {"muster_workload_memory_bytes", "Memory that a copy of a workload holds.", Gauge, {}},
      {"muster_workload_io_read_bytes_total",
       "Bytes that a copy of a workload made be read from disks.",
       Counter,
       {}},
      {"muster_workload_io_write_bytes_total",
       "Bytes that a copy of a workload made be written to disks.",
       Counter,
       {}},
      {"muster_workload_open_fds",
       "File descriptors that a copy of a workload has open.",
       Gauge,
       {}},
      {"muster_workload_threads", "Threads of a copy of a workload.", Gauge, {}},
      {"muster_workload_processes", "Processes of a copy of a workload.", Gauge, {}},
      {"muster_workload_restarts_total",
       "How often a copy of a workload was started again since it was placed.",
       Counter,
       {}},
  };
}

std::string file_of(std::int64_t pid, std::string_view name) {
  std::string path = "/proc/";
  path += std::to_string(pid);
  path += name;
  return path;
}

// Whether the time of one that has ended is among that of somebody who runs: whoever waits for a
// process takes its time and io over. If none of its ancestors is left, nobody of the copy did.
bool inherited(const ProcessTree::Members& before, const ProcessTree::Members& now,
               const ProcessTree::Member& ended) {
  std::int64_t pid = ended.stat.parent;
  for (std::size_t steps = 0; steps <= before.size(); ++steps) {
    const auto parent = before.find(pid);
    if (parent == before.end() || parent->second.copy != ended.copy) return false;
    const auto there = now.find(pid);
    if (there != now.end() && there->second.stat.start_time == parent->second.stat.start_time) {
      return true;
    }
    pid = parent->second.stat.parent;
  }
  return false;
}

void add_to(std::optional<IoBytes>& sum, const IoBytes& io) {
  if (!sum) return;
  sum->read += io.read;
  sum->written += io.written;
}
}  // namespace

std::uint64_t Workloads::Total::show(std::uint64_t running) {
  shown = std::max(shown, gone + running);
  return shown;
}

// Takes what ended since the last look into what is gone.
void Workloads::settle(const ProcessTree::Members& before) {
  const ProcessTree::Members& now = tree_.members();
  for (const auto& [pid, member] : before) {
    const auto there = now.find(pid);
    if (there != now.end() && there->second.stat.start_time == member.stat.start_time) continue;
    const auto io = io_.extract(pid);
    const auto account = accounts_.find(member.copy);
    if (account == accounts_.end() || inherited(before, now, member)) continue;
    Totals& totals = account->second.processes;
    totals.cpu.gone += member.stat.cpu_ticks;
    if (!io) continue;
    totals.read.gone += io.mapped().read;
    totals.written.gone += io.mapped().written;
  }
}

std::map<InstanceId, Workloads::Use> Workloads::measure(const HostFs& fs) {
  std::map<InstanceId, Use> uses;
  for (const auto& [pid, member] : tree_.members()) {
    Use& use = uses[member.copy];
    use.cpu_ticks += member.stat.cpu_ticks;
    const auto io = fs.read(file_of(pid, "/io")).and_then(parse_process_io);
    if (io) io_[pid] = *io;
    if (!io && io.error().code == Code::PermissionDenied) use.io.reset();
    // One that ended since it was seen still counts as it was then.
    if (const auto last = io_.find(pid); last != io_.end()) add_to(use.io, last->second);
    if (member.stat.state == 'Z') continue;  // holds nothing else any more
    use.pages += member.stat.resident_pages;
    use.threads += member.stat.threads;
    ++use.processes;
    const auto fds = fs.count(file_of(pid, "/fd"));
    if (fds && use.fds) *use.fds += *fds;
    if (!fds && fds.error().code == Code::PermissionDenied) use.fds.reset();
  }
  return uses;
}

// Whether the copy is in a control group of its own: one that is not the agent's and holds all the
// processes of the copy and no other. Once found, it is so until the process is in another one.
bool Workloads::find_group(const HostFs& fs, const Copy& copy, Account& account) {
  const auto leader = tree_.members().find(copy.pid);
  const bool runs =
      leader != tree_.members().end() && leader->second.stat.start_time == copy.start_time;
  Result<std::string> path;
  if (runs) path = fs.read(file_of(copy.pid, "/cgroup")).and_then(parse_process_cgroup);
  auto& own = account.own;
  const bool same = own && path && own->path == *path && own->pid == copy.pid &&
                    own->start_time == copy.start_time;
  if (same) return true;
  if (own) {
    account.group.cpu.gone += own->cpu;
    account.group.read.gone += own->io.read;
    account.group.written.gone += own->io.written;
    own.reset();
  }
  if (!path || path->size() < 2 || *path == agents_group_) return false;
  const auto inside =
      fs.read("/sys/fs/cgroup" + *path + "/cgroup.procs").and_then(parse_cgroup_procs);
  if (!inside) return false;
  std::set<std::int64_t> members;
  for (const auto& [pid, member] : tree_.members()) {
    if (member.copy == copy.id && member.stat.state != 'Z') members.insert(pid);
  }
  if (members.empty() || members != *inside) return false;
  own = Group{copy.pid, copy.start_time, *path, 0, {}};
  return true;
}

// Nothing: the group does not count processor time and memory, or is gone.
std::optional<Workloads::GroupUse> Workloads::read_group(const HostFs& fs, Account& account) const {
  Group& own = *account.own;
  const std::string base = "/sys/fs/cgroup" + own.path;
  const auto cpu = fs.read(base + "/cpu.stat").and_then(parse_cgroup_cpu);
  const auto memory = fs.read(base + "/memory.current").and_then(parse_cgroup_memory);
  if (!cpu || !memory) return std::nullopt;
  own.cpu = *cpu;
  GroupUse use{*cpu, *memory, std::nullopt};
  if (const auto io = fs.read(base + "/io.stat").and_then(parse_cgroup_io)) {
    own.io = *io;
    use.io = *io;
  }
  return use;
}

void Workloads::add(const Copy& copy, const Use& use, const std::optional<GroupUse>& group,
                    Account& account, std::uint64_t page_bytes, Families& families) {
  const auto put = [&](Metric metric, double value, const char* source = nullptr) {
    Sample sample{{{"workload", copy.workload}, {"copy", std::to_string(copy.id)}}, value};
    if (source != nullptr) sample.labels.emplace_back("source", source);
    families[metric].samples.push_back(std::move(sample));
  };
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  if (group) {
    put(Cpu, number(account.group.cpu.show(group->cpu_us)) / 1e6, "cgroup");
    put(Memory, number(group->memory_bytes), "cgroup");
  } else {
    put(Cpu, number(account.processes.cpu.show(use.cpu_ticks)) / kTicksPerSecond, "processes");
    put(Memory, number(use.pages) * number(page_bytes), "processes");
  }
  if (group && group->io) {
    put(Read, number(account.group.read.show(group->io->read)), "cgroup");
    put(Written, number(account.group.written.show(group->io->written)), "cgroup");
  } else if (use.io) {
    put(Read, number(account.processes.read.show(use.io->read)), "processes");
    put(Written, number(account.processes.written.show(use.io->written)), "processes");
  }
  if (use.fds) put(Fds, number(*use.fds));
  put(Threads, number(use.threads));
  put(Processes, number(use.processes));
  put(Restarts, number(copy.restarts));
}

Result<Families> Workloads::collect(const HostFs& fs, const std::vector<Copy>& copies) {
  std::set<InstanceId> ids;
  for (const Copy& copy : copies) ids.insert(copy.id);
  std::erase_if(accounts_, [&](const auto& account) { return !ids.contains(account.first); });
  for (const InstanceId id : ids) accounts_.try_emplace(id);
  if (copies.empty() && tree_.members().empty()) return Families{};
  const ProcessTree::Members before = tree_.members();
  if (const Status looked = tree_.look(fs, copies); !looked) {
    return tl::unexpected(looked.error());
  }
  settle(before);
  const std::map<InstanceId, Use> uses = measure(fs);
  if (!agents_group_) {
    agents_group_ = fs.read("/proc/self/cgroup").and_then(parse_process_cgroup).value_or("");
  }
  Families families = empty_families();
  for (const Copy& copy : copies) {
    const auto found = uses.find(copy.id);
    const Use use = found == uses.end() ? Use{} : found->second;
    Account& account = accounts_[copy.id];
    std::optional<GroupUse> group;
    if (find_group(fs, copy, account)) group = read_group(fs, account);
    add(copy, use, group, account, fs.page_bytes(), families);
  }
  std::erase_if(families, [](const Family& family) { return family.samples.empty(); });
  return families;
}

}  // namespace muster::collector
