#include "agent/cli_reads.h"

#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/text_table.h"
#include "base/ids.h"
#include "base/problem.h"

namespace muster::agent {
namespace {

using nlohmann::json;

// What an agent says is outside data: what is missing or of another type reads as nothing.
const json& at(const json& object, const char* key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}
std::string text(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_string() ? printable(value.get<std::string>()) : "";
}
std::int64_t number(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}
std::string digits(const json& object, const char* key) {
  return at(object, key).is_number_integer() ? at(object, key).dump() : "-";
}
bool yes(const json& object, const char* key) {
  const json& value = at(object, key);
  return value.is_boolean() && value.get<bool>();
}
std::string or_dash(std::string value) { return value.empty() ? "-" : value; }

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}
std::string age(const json& object, const char* key) {
  return age_text(number(object, key), now_ms());
}

Exit show(const Target& target, const std::string& path,
          const std::function<std::string(const json&)>& show_text) {
  return print_answer(target, path, [&](const std::string& answer) -> std::optional<std::string> {
    const json body = json::parse(answer, nullptr, false);
    if (!body.is_object()) return std::nullopt;
    return show_text(body);
  });
}

std::string stale_line(const json& body) {
  return yes(body, "stale") ? "STALE: no quorum; this is how it was when the quorum was lost\n"
                            : "";
}

std::string status_text(const json& body) {
  std::string out;
  const auto line = [&](const std::string& name, const std::string& value) {
    out += name + std::string(14 - name.size(), ' ') + value + "\n";
  };
  const bool master = yes(body, "master");
  const std::string coordinator = text(body, "coordinator");
  line("cluster", text(body, "cluster"));
  line("node", text(body, "node") + (master ? ", a master (" + text(body, "role") + ")" : "") +
                   ", version " + text(body, "version"));
  line("coordinator", coordinator.empty() ? "none known" : coordinator);
  line("registered", yes(body, "registered")
                         ? "yes, lease for another " + digits(body, "lease_remaining_ms") + " ms"
                         : "no");
  if (master) {
    line("quorum", yes(body, "quorum") ? "yes" : "NO: reads are stale, writes are refused");
    line("consensus", "term " + digits(body, "term") + ", applied " + digits(body, "index") +
                          " of " + digits(body, "commit_index") + " committed");
    line("nodes", digits(body, "nodes_alive") + " of " + digits(body, "nodes_total") + " alive");
    line("workloads",
         digits(body, "workloads_ready") + " of " + digits(body, "workloads_total") + " ready");
  }
  const json& members = at(body, "members");
  line("members", digits(members, "alive") + " alive, " + digits(members, "suspect") +
                      " suspect, " + digits(members, "failed") + " failed, " +
                      digits(members, "left") + " left");
  if (yes(body, "state_failing")) line("DISK", "this agent cannot write: it starts nothing new");
  if (yes(body, "disk_failing")) line("DISK", "the consensus log cannot be written");
  if (yes(body, "insecure")) line("INSECURE", "nobody who reaches it has to prove who they are");
  return out;
}

std::string members_text(const json& body) {
  TextTable table({"NAME", "STATE", "FOR", "ROLE", "ZONE", "GOSSIP", "HTTP", "VERSION"});
  for (const json& one : at(body, "members")) {
    table.add({text(one, "name"), text(one, "state"), age(one, "since_ms"),
               yes(one, "master") ? "master" : "worker", or_dash(text(one, "zone")),
               or_dash(text(one, "address")), or_dash(text(one, "http")), text(one, "version")});
  }
  return table.text();
}

// "0.25/2": reserved of what there is, in cores.
std::string cores_text(const json& node) {
  const auto cores = [&](const char* of) {
    char shown[32];
    std::snprintf(shown, sizeof shown, "%g",
                  static_cast<double>(number(at(node, of), "cpu_millis")) / 1000);
    return std::string(shown);
  };
  return cores("reserved") + "/" + cores("capacity");
}
std::string memory_text(const json& node) {
  const auto mebibytes = [&](const char* of) {
    return std::to_string(number(at(node, of), "memory_bytes") >> 20);
  };
  return mebibytes("reserved") + "/" + mebibytes("capacity");
}

std::string nodes_text(const json& body) {
  TextTable table({"NAME", "STATE", "FOR", "ROLE", "ZONE", "COPIES", "CPU", "MiB", "HTTP"});
  for (const json& one : at(body, "nodes")) {
    table.add({text(one, "name"), text(one, "state"), age(one, "since_ms"),
               yes(one, "master") ? "master" : "worker", or_dash(text(one, "zone")),
               yes(one, "takes_workloads") ? digits(one, "instances") : "none taken",
               cores_text(one), memory_text(one), or_dash(text(one, "http"))});
  }
  return stale_line(body) + table.text();
}

std::string places_of(const json& workload) {
  std::string places;
  for (const json& one : at(workload, "instances")) {
    const std::string phase = text(one, "phase");
    places += (places.empty() ? "" : " ") + text(one, "node");
    if (yes(one, "lost")) {
      places += "(lost)";
    } else if (phase != "ready") {
      places += "(" + phase + ")";
    }
  }
  return or_dash(places);
}

std::string reasons_of(const json& workload) {
  std::string out;
  for (const json& reason : at(workload, "unplaceable")) {
    if (!reason.is_string()) continue;
    out += text(workload, "name") + " cannot be placed: " + printable(reason.get<std::string>()) +
           "\n";
  }
  return out;
}

std::string port_text(const json& object) {
  return number(object, "port") == 0 ? "-" : digits(object, "port");
}

std::string workloads_text(const json& body) {
  TextTable table({"NAME", "READY", "REVISION", "PORT", "NODES"});
  std::string reasons;
  for (const json& one : at(body, "workloads")) {
    table.add({text(one, "name"), digits(one, "ready") + "/" + digits(one, "wanted"),
               digits(one, "revision"), port_text(one), places_of(one)});
    reasons += reasons_of(one);
  }
  return stale_line(body) + table.text() + reasons;
}

std::string workload_text(const json& body) {
  std::string out = stale_line(body) + text(body, "name") + ": " + digits(body, "ready") + " of " +
                    digits(body, "wanted") + " ready, revision " + digits(body, "revision") + "\n";
  TextTable table({"INSTANCE", "NODE", "PHASE", "FOR", "PID", "RESTARTS", "WHY"});
  for (const json& one : at(body, "instances")) {
    const std::string why = text(one, "why");
    table.add({digits(one, "instance"), text(one, "node"),
               yes(one, "lost") ? "lost" : text(one, "phase"), age(one, "at_ms"),
               number(one, "pid") == 0 ? "-" : digits(one, "pid"), digits(one, "restarts"),
               why.empty() ? text(one, "reason") : why});
  }
  return out + table.text() + reasons_of(body);
}

}  // namespace

Exit print_answer(const Target& target, const std::string& path,
                  const std::function<std::optional<std::string>(const std::string&)>& text_of) {
  const auto answer = AgentClient(target).get(path);
  if (!answer) return complain(answer.error(), exit_of(answer.error().code));
  if (target.json()) {
    std::fputs(answer->c_str(), stdout);
    return Exit::Done;
  }
  const std::optional<std::string> text = text_of(*answer);
  if (!text) {
    return complain(
        {Code::Internal, "the answer of " + target.address + " is no JSON: is it muster?"},
        Exit::Failed);
  }
  std::fputs(text->c_str(), stdout);
  return Exit::Done;
}

Exit show_status(const Target& target) { return show(target, "/v1/status", status_text); }
Exit show_members(const Target& target) { return show(target, "/v1/members", members_text); }
Exit show_nodes(const Target& target) { return show(target, "/v1/nodes", nodes_text); }

Exit show_workloads(const Target& target, const std::string& name) {
  if (name.empty()) return show(target, "/v1/workloads", workloads_text);
  if (!valid_name(name)) {
    return complain({Code::NotFound, "no workload is called " + in_quotes(name)}, Exit::NotFound);
  }
  return show(target, "/v1/workloads/" + name, workload_text);
}

}  // namespace muster::agent
