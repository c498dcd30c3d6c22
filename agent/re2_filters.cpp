#include "agent/re2_filters.h"

#include <memory>
#include <string_view>

#include <re2/re2.h>

#include "base/problem.h"

namespace muster::agent {
namespace {

using collector::Filter;

constexpr std::int64_t kMemoryMax = 8 << 20;  // of one pattern

// Null for an empty pattern.
Result<std::shared_ptr<const RE2>> compile(const std::string& pattern) {
  if (pattern.empty()) return nullptr;
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMemoryMax);
  auto compiled = std::make_shared<const RE2>(pattern, options);
  if (compiled->ok()) return compiled;
  return fail(Code::InvalidArgument, in_quotes(pattern) + " is no regular expression of RE2: " +
                                         in_quotes(compiled->error()));
}

// Of a unit the whole name is matched, unlike of all others.
std::string whole(const std::string& pattern) {
  std::string out;
  if (!pattern.empty()) out.append("^(?:").append(pattern).append(")$");
  return out;
}

bool found(const RE2& pattern, std::string_view name) {
  return RE2::PartialMatch({name.data(), name.size()}, pattern);
}

Status set(Filter& out, const Choice& choice) {
  const auto include = compile(choice.include);
  if (!include) return tl::unexpected(include.error());
  const auto exclude = compile(choice.exclude);
  if (!exclude) return tl::unexpected(exclude.error());
  if (*include == nullptr && *exclude == nullptr) return {};
  out = [in = *include, ex = *exclude](std::string_view name) {
    return (in == nullptr || found(*in, name)) && (ex == nullptr || !found(*ex, name));
  };
  return {};
}
}  // namespace

Status check_pattern(const std::string& pattern) {
  const auto compiled = compile(pattern);
  if (!compiled) return tl::unexpected(compiled.error());
  return {};
}

Result<collector::CollectorOptions> collector_options(const MetricsConfig& config) {
  collector::CollectorOptions options;
  const std::pair<Filter&, Choice> filters[] = {
      {options.arp_devices, config.arp},
      {options.disk_devices, config.diskstats},
      {options.mount_points, {"", config.mount_points_exclude}},
      {options.fs_types, {"", config.fs_types_exclude}},
      {options.netclass_devices, {"", config.netclass_ignored}},
      {options.netdev_devices, config.netdev},
      {options.netstat_fields, {config.netstat_fields, ""}},
      {options.systemd_units, {whole(config.systemd.include), whole(config.systemd.exclude)}},
      {options.vmstat_fields, {config.vmstat_fields, ""}},
  };
  for (const auto& [filter, choice] : filters) {
    if (const Status done = set(filter, choice); !done) return tl::unexpected(done.error());
  }
  options.cpu_info = config.cpu_info;
  options.rootfs = config.rootfs;
  options.textfiles = config.textfile_directory;
  options.compat_1_5 = config.compat == "1.5";
  return options;
}

}  // namespace muster::agent
