#include "agent/cli_writes.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/text_table.h"
#include "base/ids.h"
#include "base/problem.h"
#include "failover/yaml_workload.h"

namespace muster::agent {
namespace {

Exit say_results(const Target& target, const Result<std::string>& answer) {
  if (!answer) return complain(answer.error(), exit_of(answer.error().code));
  if (target.json()) {
    std::fputs(answer->c_str(), stdout);
    return Exit::Done;
  }
  const auto body = nlohmann::json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("results")) {
    return complain({Code::Internal,
                     "the agent at " + target.address + " took it but its answer cannot be read"},
                    Exit::Failed);
  }
  for (const auto& result : body["results"]) {
    if (!result.is_string()) continue;
    std::puts(printable(result.get<std::string>()).c_str());
  }
  return Exit::Done;
}

}  // namespace

Exit apply_file(const Target& target, const std::string& path) {
  auto text = read_input(path);
  if (!text) return complain(text.error(), Exit::BadConfiguration);
  const auto specs = failover::parse_workloads(*text, input_name(path));
  if (!specs) return complain(specs.error(), Exit::BadConfiguration);
  return say_results(target, AgentClient(target).post("/v1/workloads", std::move(*text)));
}

Exit stop_workload(const Target& target, const std::string& name) {
  if (!valid_name(name)) {
    return complain({Code::NotFound, "no workload is called " + in_quotes(name)}, Exit::NotFound);
  }
  return say_results(target, AgentClient(target).remove("/v1/workloads/" + name));
}

}  // namespace muster::agent
