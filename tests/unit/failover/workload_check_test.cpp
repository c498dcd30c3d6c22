#include "failover/workload_check.h"

#include <functional>

#include <gtest/gtest.h>

namespace muster::failover {
namespace {

using namespace std::chrono_literals;

WorkloadSpec valid() {
  WorkloadSpec spec;
  spec.name = "web";
  spec.command = {"/usr/bin/web"};
  spec.port = 8080;
  spec.liveness.emplace().kind = ProbeKind::Http;
  spec.readiness.emplace().kind = ProbeKind::Tcp;
  return spec;
}

TEST(WorkloadCheck, FindsNothingInASpecOfDefaults) { EXPECT_TRUE(problems(valid()).empty()); }

struct BadValue {
  const char* path;
  std::function<void(WorkloadSpec&)> change;
};

TEST(WorkloadCheck, NamesTheKeyOfEveryBadValue) {
  const BadValue cases[] = {
      {"name", [](auto& s) { s.name = ""; }},
      {"name", [](auto& s) { s.name = "../etc"; }},
      {"replicas", [](auto& s) { s.replicas = 0; }},
      {"replicas", [](auto& s) { s.replicas = 1001; }},
      {"driver", [](auto& s) { s.driver = "magic"; }},
      {"labels.", [](auto& s) { s.labels[""] = "x"; }},
      {"labels.a", [](auto& s) { s.labels["a"] = "two\nlines"; }},
      {"command", [](auto& s) { s.command = {}; }},
      {"command", [](auto& s) { s.command = {""}; }},
      {"command", [](auto& s) { s.command.assign(257, "x"); }},
      {"command[1]",
       [](auto& s) {
         s.command = {"a", std::string("b\0c", 3)};
       }},
      {"command[0]", [](auto& s) { s.command = {std::string(32769, 'x')}; }},
      {"user", [](auto& s) { s.user = "0"; }},
      {"user", [](auto& s) { s.user = "a:b"; }},
      {"workingDir", [](auto& s) { s.working_dir = "relative"; }},
      {"env.1A", [](auto& s) { s.env["1A"] = "x"; }},
      {"env.A=B", [](auto& s) { s.env["A=B"] = "x"; }},
      {"env.MUSTER_NODE", [](auto& s) { s.env["MUSTER_NODE"] = "x"; }},
      {"env.A", [](auto& s) { s.env["A"] = "\xff"; }},
      {"resources.memory", [](auto& s) { s.resources.memory_bytes = ~std::uint64_t{0}; }},
      {"resources.cpu", [](auto& s) { s.resources.cpu_millis = ~std::uint32_t{0}; }},
      {"constraints[0]",
       [](auto& s) {
         s.constraints = {{"", true, "a"}};
       }},
      {"constraints[0]",
       [](auto& s) {
         s.constraints = {{"a", true, ""}};
       }},
      {"constraints",
       [](auto& s) {
         s.constraints.assign(33, {"a", true, "b"});
       }},
      {"restart.initialDelay", [](auto& s) { s.restart.initial = 0s; }},
      {"restart.maxDelay", [](auto& s) { s.restart.cap = 9s; }},
      {"stopGracePeriod", [](auto& s) { s.stop_grace = -1s; }},
      {"liveness.successThreshold", [](auto& s) { s.liveness->success_threshold = 2; }},
      {"liveness.failureThreshold", [](auto& s) { s.liveness->failure_threshold = 0; }},
      {"liveness.periodSeconds", [](auto& s) { s.liveness->period = 0s; }},
      {"liveness.timeoutSeconds", [](auto& s) { s.liveness->timeout = 0s; }},
      {"liveness.initialDelaySeconds", [](auto& s) { s.liveness->initial_delay = -1s; }},
      {"liveness.httpGet.path", [](auto& s) { s.liveness->path = "healthz"; }},
      {"liveness.httpGet.path", [](auto& s) { s.liveness->path = "/a b"; }},
      {"liveness.httpGet.path", [](auto& s) { s.liveness->path = "/a\r\nX: y"; }},
      {"liveness.httpGet.scheme", [](auto& s) { s.liveness->scheme = "gopher"; }},
      {"liveness.httpGet.host", [](auto& s) { s.liveness->host = "a/b@c"; }},
      {"liveness.httpGet.httpHeaders[0]",
       [](auto& s) {
         s.liveness->headers = {{"A:", "b"}};
       }},
      {"liveness.httpGet.httpHeaders[0]",
       [](auto& s) {
         s.liveness->headers = {{"A", "b\n"}};
       }},
      {"readiness.tcpSocket.host", [](auto& s) { s.readiness->host = "-"; }},
      {"readiness.exec.command", [](auto& s) { s.readiness->kind = ProbeKind::Exec; }},
  };
  for (const BadValue& bad : cases) {
    WorkloadSpec spec = valid();
    bad.change(spec);
    const auto found = problems(spec);
    ASSERT_EQ(found.size(), 1U) << bad.path;
    EXPECT_EQ(found[0].path, bad.path);
    EXPECT_EQ(check(spec).size(), 1U);
  }
}

TEST(WorkloadCheck, AProbeNeedsAPortOfItsOwnOrOfTheWorkload) {
  WorkloadSpec spec = valid();
  spec.port = 0;
  ASSERT_EQ(problems(spec).size(), 2U);
  EXPECT_EQ(problems(spec)[0].path, "liveness.httpGet.port");
  EXPECT_EQ(problems(spec)[1].path, "readiness.tcpSocket.port");
  spec.liveness->port = 1;
  spec.readiness->port = 1;
  EXPECT_TRUE(problems(spec).empty());
}

TEST(WorkloadCheck, ReplicasDoNotMatterOnEveryNode) {
  WorkloadSpec spec = valid();
  spec.replicas = 0;
  spec.on_every_node = true;
  EXPECT_TRUE(problems(spec).empty());
}

TEST(WorkloadCheck, ErrorsAreOneLineWhateverTheKeysHold) {
  WorkloadSpec spec = valid();
  spec.env["A\nB"] = "x";
  ASSERT_EQ(check(spec).size(), 1U);
  EXPECT_EQ(check(spec)[0].text.find('\n'), std::string::npos);
}

TEST(WorkloadCheck, ReadsConstraintsWithAndWithoutBlanks) {
  EXPECT_EQ(parse_constraint("zone == a"), (Constraint{"zone", true, "a"}));
  EXPECT_EQ(parse_constraint("disk!=hdd"), (Constraint{"disk", false, "hdd"}));
  EXPECT_EQ(parse_constraint("os ==  a == b "), (Constraint{"os", true, "a == b"}));
  for (const char* bad : {"", "zone", "zone = a", "== a", "zone ==", "  ==  ", "zone < a"}) {
    EXPECT_FALSE(parse_constraint(bad)) << bad;
  }
}

}  // namespace
}  // namespace muster::failover
