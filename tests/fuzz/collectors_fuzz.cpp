// Can what a kernel, a driver or somebody's text file says harm the collectors? libFuzzer's entry
// point: the input is a collector's name, a line break, and what that collector reads, one after
// the other (collectors_host.h). Whatever it shows has to be fit to be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "collector/collectors.h"
#include "collector/host.h"
#include "collector/pressure.h"
#include "collector/process.h"
#include "collector/scrape.h"
#include "tests/fuzz/collectors_host.h"
#include "tests/fuzz/fit_to_be_shown.h"

namespace {

using namespace muster;
using namespace muster::collector;

void run(const Collector& collector, const fuzz::ToldHost& host) {
  Complaints complaints;
  auto families = collector.collect(host, complaints);
  if (!families) {
    CHECK(!families.error().text.empty());
    return;
  }
  fuzz::fit_to_be_shown(*families);
  if (!collector.settle) return;
  const Families others = *families;
  collector.settle({{"others", &others}}, *families, complaints);
  fuzz::fit_to_be_shown(*families);
}

void read_headers(std::string_view text) {
  (void)content_type(accepted_type(text));
  (void)accepts_gzip(text);
  const Duration time = scrape_time(text);
  CHECK(time > Duration::zero() && time < std::chrono::minutes(1));
}

void read_capacity(std::string_view text) {
  const std::size_t cut = std::min(text.find(fuzz::kNext), text.size());
  const std::string_view rest = text.substr(std::min(text.size(), cut + 1));
  if (const auto capacity = parse_capacity(text.substr(0, cut), rest)) {
    CHECK(capacity->cpu_millis >= 1000);
  }
  (void)parse_cpu_waiting(text);
}

// What the kernel says of one process or control group.
void read_process(std::string_view text) {
  if (const auto stat = parse_process_stat(text)) CHECK(stat->pid > 0 && stat->parent >= 0);
  (void)parse_process_io(text);
  if (const auto path = parse_process_cgroup(text)) {
    CHECK(path->empty() || (path->starts_with('/') && path->find('\n') == std::string::npos));
  }
  if (const auto pids = parse_cgroup_procs(text)) CHECK(pids->size() <= text.size());
  (void)parse_cgroup_cpu(text);
  (void)parse_cgroup_memory(text);
  (void)parse_cgroup_io(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view name = input.substr(0, input.find('\n'));
  const std::string_view told = input.substr(std::min(size, name.size() + 1));
  if (name == "headers") read_headers(told);
  if (name == "capacity") read_capacity(told);
  if (name == "process") read_process(told);
  for (const bool compat : {false, true}) {
    const std::vector<Collector> all = all_collectors(fuzz::collector_options(compat));
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Collector& one) { return one.name == name; });
    if (found == all.end()) break;
    const fuzz::ToldHost host(told);
    run(*found, host);
    run(*found, host);  // with what it kept, and what is told next
  }
  return 0;
}
