#include "failover/yaml_workload.h"

#include <limits>
#include <set>

#include "base/yaml_reader.h"
#include "failover/workload_check.h"

namespace muster::failover {
namespace {

constexpr std::uint16_t kPortMin = 1;
constexpr std::uint16_t kPortMax = std::numeric_limits<std::uint16_t>::max();

void read_command(const YamlNode& from, std::vector<std::string>& out) {
  constexpr std::string_view kExpected =
      "a list, such as [\"/usr/bin/web\", \"--port\", \"8080\"] (no shell splits it)";
  if (!from.present()) {
    from.wrong("is missing: expected " + std::string(kExpected));
    return;
  }
  const std::vector<YamlNode> items = from.items(kArgumentsMax, kExpected);
  for (const YamlNode& item : items) item.read(out.emplace_back());
}

void read_texts(const YamlNode& from, std::size_t max, std::map<std::string, std::string>& out) {
  for (const auto& [name, value] : from.entries(max)) value.read(out[name]);
}

void read_copies(const YamlNode& document, WorkloadSpec& spec) {
  const YamlNode replicas = document.key("replicas");
  const YamlNode on = document.key("on");
  replicas.read_number<std::uint32_t>(spec.replicas, 1, kReplicasMax);
  std::string where;
  if (!on.read(where)) return;
  if (where != "every node") on.wrong("expected \"every node\", found " + in_quotes(where));
  if (replicas.present()) {
    on.wrong(
        "contradicts replicas: a workload runs on every node or as so many copies, remove one");
  }
  spec.on_every_node = true;
}

void read_constraints(const YamlNode& from, std::vector<Constraint>& out) {
  for (const YamlNode& item :
       from.items(kConstraintsMax, "a list of constraints, such as [\"zone == a\"]")) {
    std::string text;
    if (!item.read(text)) continue;
    if (auto constraint = parse_constraint(text)) {
      out.push_back(std::move(*constraint));
    } else {
      item.wrong(constraint.error().text);
    }
  }
}

void read_restart(const YamlNode& from, RestartSpec& out) {
  const YamlNode policy = from.key("policy");
  std::string when;
  if (policy.read(when)) {
    bool known = false;
    for (const RestartWhen choice :
         {RestartWhen::Always, RestartWhen::OnFailure, RestartWhen::Never}) {
      if (when != to_text(choice)) continue;
      out.when = choice;
      known = true;
    }
    if (!known) policy.wrong("expected always, on-failure or never, found " + in_quotes(when));
  }
  from.key("initialDelay").read_duration(out.initial);
  from.key("maxDelay").read_duration(out.cap);
}

void read_headers(const YamlNode& from, std::vector<std::pair<std::string, std::string>>& out) {
  for (const YamlNode& item : from.items(kHeadersMax, "a list of {name, value}")) {
    auto& [name, value] = out.emplace_back();
    item.key("name").read(name);
    item.key("value").read(value);
  }
}

void read_target(const YamlNode& from, ProbeSpec& out) {
  from.key("port").read_number(out.port, kPortMin, kPortMax);
  from.key("host").read(out.host);
}

// False when it is not clear which kind of probe this is.
bool read_kind(const YamlNode& from, ProbeSpec& out) {
  const YamlNode http = from.key("httpGet");
  const YamlNode tcp = from.key("tcpSocket");
  const YamlNode exec = from.key("exec");
  if (http.present()) {
    out.kind = ProbeKind::Http;
    http.key("path").read(out.path);
    http.key("scheme").read(out.scheme);
    read_headers(http.key("httpHeaders"), out.headers);
    read_target(http, out);
  }
  if (tcp.present()) {
    out.kind = ProbeKind::Tcp;
    read_target(tcp, out);
  }
  if (exec.present()) {
    out.kind = ProbeKind::Exec;
    read_command(exec.key("command"), out.command);
  }
  const int kinds = (http.present() ? 1 : 0) + (tcp.present() ? 1 : 0) + (exec.present() ? 1 : 0);
  if (kinds == 1) return true;
  from.wrong(std::string(kinds == 0 ? "has no check" : "has more than one check") +
             ": write one of httpGet, tcpSocket and exec");
  return false;
}

void read_probe(const YamlNode& from, std::optional<ProbeSpec>& out) {
  if (!from.present()) return;
  ProbeSpec probe;
  const bool known = read_kind(from, probe);
  from.key("initialDelaySeconds").read_seconds(probe.initial_delay);
  from.key("periodSeconds").read_seconds(probe.period);
  from.key("timeoutSeconds").read_seconds(probe.timeout);
  from.key("successThreshold").read_number(probe.success_threshold, 1, 1000);
  from.key("failureThreshold").read_number(probe.failure_threshold, 1, 1000);
  if (known) out = std::move(probe);
}

WorkloadSpec read_workload(const YamlNode& document) {
  WorkloadSpec spec;
  const YamlNode name = document.key("name");
  if (!name.present()) name.wrong("is missing: every workload has one");
  name.read(spec.name);
  read_copies(document, spec);
  document.key("driver").read(spec.driver);
  read_command(document.key("command"), spec.command);
  read_texts(document.key("env"), kEnvMax, spec.env);
  document.key("user").read(spec.user);
  document.key("workingDir").read(spec.working_dir);
  document.key("port").read_number(spec.port, kPortMin, kPortMax);
  const YamlNode resources = document.key("resources");
  resources.key("cpu").read_cpu(spec.resources.cpu_millis);
  resources.key("memory").read_size(spec.resources.memory_bytes);
  read_texts(document.key("labels"), kLabelsMax, spec.labels);
  read_constraints(document.key("constraints"), spec.constraints);
  read_restart(document.key("restart"), spec.restart);
  read_probe(document.key("liveness"), spec.liveness);
  read_probe(document.key("readiness"), spec.readiness);
  document.key("stopGracePeriod").read_duration(spec.stop_grace);
  return spec;
}

}  // namespace

Result<std::vector<WorkloadSpec>> parse_workloads(std::string_view text, const std::string& file) {
  auto yaml = YamlFile::parse(text, file);
  if (!yaml) return tl::unexpected<Error>(yaml.error());
  const std::vector<YamlNode> documents = yaml->documents();
  if (documents.empty())
    yaml->document().wrong("no workload in it: write at least name and command");
  if (documents.size() > kDocumentsMax) {
    documents[kDocumentsMax].wrong("more than " + std::to_string(kDocumentsMax) + " workloads");
  }
  std::vector<WorkloadSpec> specs;
  std::set<std::string> names;
  for (const YamlNode& document : documents) {
    const std::size_t before = yaml->problem_count();
    specs.push_back(read_workload(document));
    if (yaml->problem_count() == before) yaml->add(document, problems(specs.back()));
    if (yaml->problem_count() == before && !names.insert(specs.back().name).second) {
      yaml->add(document, {{"name", in_quotes(specs.back().name) + " is in this file twice"}});
    }
  }
  const std::vector<Error> errors = yaml->finish();
  if (!errors.empty()) return tl::unexpected<Error>(joined(errors));
  return specs;
}

Result<std::vector<WorkloadSpec>> load_workloads(const std::string& path) {
  const auto text = read_yaml_text(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return parse_workloads(*text, path);
}

}  // namespace muster::failover
