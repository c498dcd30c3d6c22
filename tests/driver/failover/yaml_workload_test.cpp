#include "failover/yaml_workload.h"

#include <sstream>

#include <gtest/gtest.h>

#include "tests/driver/temp_dir.h"

namespace muster::failover {
namespace {

using namespace std::chrono_literals;

std::string example_path() { return EXAMPLES "/examples/web.yaml"; }

TEST(YamlWorkload, TheExampleIsAWorkload) {
  const auto specs = load_workloads(example_path());
  ASSERT_TRUE(specs) << specs.error().text;
  ASSERT_EQ(specs->size(), 1U);
  EXPECT_EQ(specs->front().name, "web");
  EXPECT_EQ(specs->front().replicas, 2U);
  EXPECT_EQ(specs->front().liveness.value().period, Duration(1s));
}

// Takes away each # at the beginning of a line that no blank follows.
TEST(YamlWorkload, TheSettingsThatTheExampleLeavesOutAreTheDefaults) {
  std::string text;
  for (std::istringstream in(read_file(example_path())); !in.eof();) {
    std::string line;
    std::getline(in, line);
    const std::size_t at = line.find_first_not_of(' ');
    if (at != std::string::npos && line[at] == '#' && at + 1 < line.size() && line[at + 1] != ' ') {
      line.erase(at, 1);
    }
    text += line + "\n";
  }
  const auto specs = parse_workloads(text, "web.yaml");
  ASSERT_TRUE(specs) << specs.error().text;
  const WorkloadSpec& spec = specs->front();
  const WorkloadSpec defaults;
  const ProbeSpec probe;
  EXPECT_EQ(spec.driver, defaults.driver);
  EXPECT_EQ(spec.restart.when, defaults.restart.when);
  EXPECT_EQ(spec.restart.cap, defaults.restart.cap);
  EXPECT_EQ(spec.stop_grace, defaults.stop_grace);
  EXPECT_EQ(spec.liveness.value().scheme, probe.scheme);
  EXPECT_EQ(spec.liveness->initial_delay, probe.initial_delay);
  EXPECT_EQ(spec.liveness->success_threshold, probe.success_threshold);
  EXPECT_EQ(spec.liveness->failure_threshold, probe.failure_threshold);
  EXPECT_EQ(spec.liveness->port, spec.port);
  EXPECT_EQ(spec.constraints.size(), 2U);
}

TEST(YamlWorkload, ReadsEveryKeyOfSeveralDocuments) {
  const auto specs = parse_workloads(
      "name: web\n"
      "replicas: 3\n"
      "driver: process\n"
      "command: [/usr/bin/web, --port, 8080]\n"
      "env: {A: b, N: 1}\n"
      "user: www-data\n"
      "workingDir: /srv\n"
      "port: 8080\n"
      "resources: {cpu: 500m, memory: 64MiB}\n"
      "labels: {app: web}\n"
      "constraints: [\"zone == a\", disk != hdd]\n"
      "restart: {policy: on-failure, initialDelay: 1s, maxDelay: 1m}\n"
      "liveness:\n"
      "  httpGet: {path: /h, port: 81, host: 127.0.0.1, scheme: https,\n"
      "            httpHeaders: [{name: A, value: b}]}\n"
      "  initialDelaySeconds: 2\n"
      "  periodSeconds: 0.2\n"
      "  timeoutSeconds: 0.1\n"
      "  successThreshold: 1\n"
      "  failureThreshold: 5\n"
      "readiness:\n"
      "  tcpSocket: {}\n"
      "  successThreshold: 2\n"
      "stopGracePeriod: 3s\n"
      "---\n"
      "name: logs\n"
      "on: every node\n"
      "command: [logs]\n"
      "readiness: {exec: {command: [check, me]}}\n",
      "w.yaml");
  ASSERT_TRUE(specs) << specs.error().text;
  ASSERT_EQ(specs->size(), 2U);
  WorkloadSpec web;
  web.name = "web";
  web.replicas = 3;
  web.command = {"/usr/bin/web", "--port", "8080"};
  web.env = {{"A", "b"}, {"N", "1"}};
  web.user = "www-data";
  web.working_dir = "/srv";
  web.port = 8080;
  web.resources = {500, std::uint64_t{64} << 20};
  web.labels = {{"app", "web"}};
  web.constraints = {{"zone", true, "a"}, {"disk", false, "hdd"}};
  web.restart = {RestartWhen::OnFailure, 1s, 1min};
  ProbeSpec& liveness = web.liveness.emplace();
  liveness.kind = ProbeKind::Http;
  liveness.path = "/h";
  liveness.port = 81;
  liveness.host = "127.0.0.1";
  liveness.scheme = "https";
  liveness.headers = {{"A", "b"}};
  liveness.initial_delay = 2s;
  liveness.period = 200ms;
  liveness.timeout = 100ms;
  liveness.failure_threshold = 5;
  web.readiness.emplace().success_threshold = 2;
  web.stop_grace = 3s;
  EXPECT_EQ(specs->at(0), web);
  WorkloadSpec logs;
  logs.name = "logs";
  logs.on_every_node = true;
  logs.command = {"logs"};
  logs.readiness.emplace().kind = ProbeKind::Exec;
  logs.readiness->command = {"check", "me"};
  EXPECT_EQ(specs->at(1), logs);
}

struct BadSpec {
  const char* added;  // after "name: web\ncommand: [web]\n"
  const char* problem;
};

TEST(YamlWorkload, BadInputIsRefusedWithItsPlaceAndPath) {
  const BadSpec cases[] = {
      {"replicas: -1",
       "w.yaml:3:11: replicas: expected a whole number from 1 to 1000, found \"-1\""},
      {"replicas: 0", "w.yaml:3:11: replicas: expected a whole number from 1 to 1000, found \"0\""},
      {"replcas: 2", "w.yaml:3:1: replcas: unknown key, did you mean replicas?"},
      {"replicas: 2\non: every node",
       "w.yaml:4:5: on: contradicts replicas: a workload runs on every node or as so many copies, "
       "remove one"},
      {"on: some nodes", "w.yaml:3:5: on: expected \"every node\", found \"some nodes\""},
      {"driver: magic", "w.yaml:3:9: driver: \"magic\" is not known: the only driver is process"},
      {"env:\n  MUSTER_NODE: x",
       "w.yaml:4:16: env.MUSTER_NODE: names that begin with MUSTER_ are set by the agent: choose "
       "another"},
      {"env: [a]", "w.yaml:3:6: env: expected a mapping of names to text, found a list"},
      {"constraints:\n  - zone is a",
       "w.yaml:4:5: constraints[0]: \"zone is a\" is not a constraint: write \"label == value\" or "
       "\"label != value\""},
      {"restart: {policy: sometimes}",
       "w.yaml:3:19: restart.policy: expected always, on-failure or never, found \"sometimes\""},
      {"restart:\n  maxDelay: 1s",
       "w.yaml:4:13: restart.maxDelay: 1s is less than restart.initialDelay, 10s"},
      {"liveness:\n  periodSeconds: 1",
       "w.yaml:4:3: liveness: has no check: write one of httpGet, tcpSocket and exec"},
      {"liveness:\n  httpGet: {port: 1}\n  tcpSocket: {port: 1}",
       "w.yaml:4:3: liveness: has more than one check: write one of httpGet, tcpSocket and exec"},
      {"liveness:\n  httpGet: {path: /}",
       "w.yaml:4:12: liveness.httpGet.port: is missing, and the workload has no port either: set "
       "one "
       "of them"},
      {"liveness:\n  tcpSocket: {port: 1}\n  successThreshold: 2",
       "w.yaml:5:21: liveness.successThreshold: must be 1: one success is enough to be alive"},
      {"readiness:\n  tcpSocket: {port: 1}\n  periodSeconds: 1s",
       "w.yaml:5:18: readiness.periodSeconds: \"1s\" is not a number of seconds: write it without "
       "a "
       "unit, such as 10 or 0.2"},
      {"readiness:\n  exec: {command: check}",
       "w.yaml:4:19: readiness.exec.command: expected a list, such as [\"/usr/bin/web\", "
       "\"--port\", "
       "\"8080\"] (no shell splits it), found \"check\""},
      {"stopGracePeriod: 10",
       "w.yaml:3:18: stopGracePeriod: \"10\" is not a duration: write a number with its unit, such "
       "as 500ms, 10s, 5m, 1h or 7d"},
      {"---\nname: web\ncommand: [other]", "w.yaml:4:7: name: \"web\" is in this file twice"},
  };
  for (const BadSpec& bad : cases) {
    const auto specs =
        parse_workloads(std::string("name: web\ncommand: [web]\n") + bad.added, "w.yaml");
    ASSERT_FALSE(specs) << bad.problem;
    EXPECT_EQ(specs.error().code, Code::InvalidArgument);
    EXPECT_EQ(specs.error().text, bad.problem);
  }
}

TEST(YamlWorkload, ACommandIsAListAndNotALine) {
  EXPECT_EQ(
      parse_workloads("name: web\ncommand: web --port 80\n", "w.yaml").error().text,
      "w.yaml:2:10: command: expected a list, such as [\"/usr/bin/web\", \"--port\", \"8080\"] "
      "(no shell splits it), found \"web --port 80\"");
  EXPECT_EQ(parse_workloads("name: web\n", "w.yaml").error().text,
            "w.yaml:1:1: command: is missing: expected a list, such as [\"/usr/bin/web\", "
            "\"--port\", \"8080\"] (no shell splits it)");
}

TEST(YamlWorkload, AFileWithoutWorkloadsIsRefused) {
  for (const char* empty : {"", "# nothing\n", "---\n---\n"}) {
    EXPECT_EQ(parse_workloads(empty, "w.yaml").error().text,
              "w.yaml:1:1: no workload in it: write at least name and command");
  }
}

TEST(YamlWorkload, ProblemsOfAllDocumentsAreFoundAtOnce) {
  EXPECT_EQ(
      parse_workloads("name: A\ncommand: [a]\n---\nname: b\ncommand: [b]\nprot: 1\n", "w.yaml")
          .error()
          .text,
      "w.yaml:1:7: name: \"A\" is not a name: write 1 to 63 of a-z, 0-9, - and ., with a "
      "letter or digit at both ends\n"
      "w.yaml:6:1: prot: unknown key, did you mean port?");
}

}  // namespace
}  // namespace muster::failover
