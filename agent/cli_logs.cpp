#include <charconv>
#include <cstdio>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_reads.h"
#include "agent/text_table.h"
#include "base/ids.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct Copy {
  InstanceId instance = 0;
  std::string workload;
  std::string node;
  bool lost = false;
};

// The list under `key` of what `path` answers.
Result<json> list_of(const AgentClient& client, const char* path, const char* key) {
  const auto answer = client.get(path);
  if (!answer) return tl::unexpected<Error>(answer.error());
  json body = json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains(key) || !body[key].is_array()) {
    return fail(Code::Internal, std::string("the answer to ") + path + " holds no " + key);
  }
  return std::move(body[key]);
}

std::vector<Copy> copies_in(const json& workloads) {
  std::vector<Copy> copies;
  for (const json& workload : workloads) {
    if (!workload.is_object() || !workload.contains("instances")) continue;
    for (const json& one : workload["instances"]) {
      if (!one.is_object()) continue;
      Copy copy;
      const auto id = one.find("instance");
      if (id != one.end() && id->is_number_unsigned()) copy.instance = id->get<InstanceId>();
      const auto text = [](const json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : "";
      };
      copy.workload = text(workload, "name");
      copy.node = text(one, "node");
      const auto lost = one.find("lost");
      copy.lost = lost != one.end() && lost->is_boolean() && lost->get<bool>();
      copies.push_back(std::move(copy));
    }
  }
  return copies;
}

// The copies of the workload `what`; else the instance of this number.
std::vector<Copy> wanted_copies(const std::vector<Copy>& all, const std::string& what) {
  std::vector<Copy> wanted;
  for (const Copy& copy : all) {
    if (copy.workload == what && !copy.lost) wanted.push_back(copy);
  }
  if (!wanted.empty()) return wanted;
  InstanceId id = 0;
  const char* end = what.data() + what.size();
  const auto [stopped, error] = std::from_chars(what.data(), end, id);
  if (error != std::errc() || stopped != end) return {};
  for (const Copy& copy : all) {
    if (copy.instance == id) return {copy};
  }
  return {};
}

Result<std::map<std::string, std::string>> addresses_of_nodes(const AgentClient& client) {
  const auto nodes = list_of(client, "/v1/nodes", "nodes");
  if (!nodes) return tl::unexpected<Error>(nodes.error());
  std::map<std::string, std::string> addresses;
  for (const json& node : *nodes) {
    if (!node.is_object() || !node.contains("name") || !node.contains("http")) continue;
    if (!node["name"].is_string() || !node["http"].is_string()) continue;
    const std::string address = node["http"].get<std::string>();
    if (parse_address(address)) addresses[node["name"].get<std::string>()] = address;
  }
  return addresses;
}

Result<std::string> log_of(const Target& target, const Copy& copy,
                           const std::map<std::string, std::string>& addresses, unsigned lines) {
  const auto address = addresses.find(copy.node);
  if (address == addresses.end()) {
    return fail(Code::NotFound, "node " + in_quotes(copy.node) + " of instance " +
                                    std::to_string(copy.instance) + " is not known");
  }
  return AgentClient(target.at(address->second))
      .get("/v1/logs/" + std::to_string(copy.instance) + "?lines=" + std::to_string(lines));
}

}  // namespace

Exit show_logs(const Target& target, const std::string& what, unsigned lines) {
  const AgentClient client(target);
  const auto workloads = list_of(client, "/v1/workloads", "workloads");
  if (!workloads) return complain(workloads.error(), exit_of(workloads.error().code));
  const std::vector<Copy> copies = wanted_copies(copies_in(*workloads), what);
  if (copies.empty()) {
    return complain({Code::NotFound, "no workload and no instance is called " + in_quotes(what) +
                                         ", or nothing of it runs: see \"muster workloads\""},
                    Exit::NotFound);
  }
  const auto addresses = addresses_of_nodes(client);
  if (!addresses) return complain(addresses.error(), exit_of(addresses.error().code));
  json shown = json::array();
  Exit exit = Exit::Done;
  for (const Copy& copy : copies) {
    const auto log = log_of(target, copy, *addresses, lines);
    if (!log) {
      exit = complain(log.error(), exit_of(log.error().code));
      continue;
    }
    if (target.json()) {
      shown.push_back({{"instance", copy.instance},
                       {"workload", copy.workload},
                       {"node", copy.node},
                       {"text", *log}});
      continue;
    }
    if (copies.size() > 1) {
      std::printf("==> %s instance %llu on %s <==\n", printable(copy.workload).c_str(),
                  static_cast<unsigned long long>(copy.instance), printable(copy.node).c_str());
    }
    std::fwrite(log->data(), 1, log->size(), stdout);
  }
  if (target.json()) {
    std::puts(json{{"logs", std::move(shown)}}
                  .dump(-1, ' ', false, json::error_handler_t::replace)
                  .c_str());
  }
  return exit;
}

}  // namespace muster::agent
