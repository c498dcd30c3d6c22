#include "agent/yaml_api.h"

#include <utility>

#include "base/yaml_reader.h"
#include "failover/yaml_workload.h"

namespace muster::agent {

Result<std::vector<CommandBody>> parse_writes(std::string_view body) {
  auto specs = failover::parse_workloads(body, "body");
  if (!specs) return tl::unexpected<Error>(specs.error());
  std::vector<CommandBody> writes;
  writes.reserve(specs->size());
  for (WorkloadSpec& spec : *specs) writes.emplace_back(PutWorkload{std::move(spec)});
  return writes;
}

Result<FileKind> kind_of_file(std::string_view text, const std::string& file) {
  const auto yaml = YamlFile::parse(text, file);
  if (!yaml) return tl::unexpected<Error>(yaml.error());
  for (const YamlNode& document : yaml->documents()) {
    if (document.key("name").present() || document.key("command").present()) {
      return FileKind::Workloads;
    }
  }
  return FileKind::Configuration;
}

}  // namespace muster::agent
