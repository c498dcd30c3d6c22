// Can what a kernel, a driver or somebody's text file says harm the collectors? libFuzzer's entry
// point: the input is a collector's name, a line break, and what that collector reads, one after
// the other (collectors_host.h). Whatever it shows has to be fit to be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/error.h"
#include "collector/collectors.h"
#include "collector/exposition.h"
#include "collector/host.h"
#include "collector/pressure.h"
#include "collector/scrape.h"
#include "tests/fuzz/collectors_host.h"

namespace {

using namespace muster;
using namespace muster::collector;

bool is_name(std::string_view text, bool label) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == ':' && !label);
  });
}

// Nothing but a name or a label name can spoil a text: values and helps are escaped.
void fit_to_be_shown(const Families& families) {
  std::size_t lines = 0;
  std::set<std::string_view> names;
  for (const Family& family : families) {
    CHECK(is_name(family.name, false));
    if (family.samples.empty()) continue;
    if (names.insert(family.name).second) lines += 2;
    lines += family.samples.size();
    for (const Sample& sample : family.samples) {
      std::set<std::string_view> labels;
      for (const auto& [label, value] : sample.labels) {
        CHECK(is_name(label, true));
        CHECK(labels.insert(label).second);
      }
    }
  }
  const std::string text = exposition_text(families);
  CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == lines);
  std::string metrics;
  append_families(metrics, {&families}, Format::OpenMetrics);
  CHECK(static_cast<std::size_t>(std::count(metrics.begin(), metrics.end(), '\n')) == lines);
}

void run(const Collector& collector, const fuzz::ToldHost& host) {
  Complaints complaints;
  auto families = collector.collect(host, complaints);
  if (!families) {
    CHECK(!families.error().text.empty());
    return;
  }
  fit_to_be_shown(*families);
  if (!collector.settle) return;
  const Families others = *families;
  collector.settle({&others}, *families, complaints);
  fit_to_be_shown(*families);
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view name = input.substr(0, input.find('\n'));
  const std::string_view told = input.substr(std::min(size, name.size() + 1));
  if (name == "headers") read_headers(told);
  if (name == "capacity") read_capacity(told);
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
