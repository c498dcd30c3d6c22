#include "agent/api.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "agent/routes.h"

namespace muster::agent {
namespace {

using nlohmann::json;

WallTime at(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

// A master of a cluster of two nodes; the tests fill in what they are about.
struct Cluster {
  View view;
  MemberViews members;
  MasterView master;
  ClusterState state;

  Cluster() {
    view.cluster = "blue";
    view.self.name = "n1";
    view.self.version = "1.2.3";
    view.self.master = true;
    view.joined = view.registered = true;
    view.coordinator = "n1";
    master.role = raft::Role::Leader;
    master.term = 7;
    master.has_leader = true;
    node("n1");
    node("n2");
  }

  NodeRecord& node(const NodeName& name) {
    NodeRecord& record = state.nodes[name];
    record.info.name = name;
    record.info.http = {"127.0.0." + name.substr(1), 7948};
    record.info.master = name == "n1";
    members[name].name = name;
    return record;
  }
  WorkloadSpec& workload(const std::string& name, std::uint32_t replicas) {
    WorkloadSpec& spec = state.workloads[name].spec;
    spec.name = name;
    spec.replicas = replicas;
    spec.command = {"/bin/true"};
    return spec;
  }
  Placement& place(InstanceId id, const std::string& workload, const NodeName& node, Phase phase) {
    Placement& placement = state.placements[id];
    placement.instance = id;
    placement.workload = workload;
    placement.node = node;
    placement.status.phase = phase;
    return placement;
  }
  void event(std::uint64_t sequence, const std::string& text) {
    state.events.push_back({sequence, at(1000), "kind", "cluster", text});
  }

  std::optional<ApiResponse> read(std::string_view path, std::string_view query = "") {
    master.state = std::make_shared<const ClusterState>(state);
    view.master = std::make_shared<const MasterView>(master);
    view.members = std::make_shared<const MemberViews>(members);
    return answer_read(view, path, query);
  }
  json get(std::string_view path, std::string_view query = "") {
    const auto response = read(path, query);
    EXPECT_TRUE(response) << path;
    return response ? json::parse(response->body) : json();
  }
};

TEST(Api, StatusNamesTheCoordinatorAndCountsWhatThereIs) {
  Cluster cluster;
  cluster.node("n2").state = NodeState::Failed;
  cluster.members["n2"].state = gossip::MemberState::Suspect;
  cluster.workload("web", 1);
  cluster.place(1, "web", "n1", Phase::Ready);
  cluster.workload("api", 2);
  const json status = cluster.get("/v1/status");
  EXPECT_EQ(status["coordinator"], "n1");
  EXPECT_EQ(status["role"], "leader");
  EXPECT_EQ(status["term"], 7);
  EXPECT_EQ(status["quorum"], true);
  EXPECT_EQ(status["stale"], false);
  EXPECT_EQ(status["nodes_alive"], 1);
  EXPECT_EQ(status["nodes_total"], 2);
  EXPECT_EQ(status["workloads_ready"], 1);
  EXPECT_EQ(status["workloads_total"], 2);
  EXPECT_EQ(status["members"]["alive"], 1);
  EXPECT_EQ(status["members"]["suspect"], 1);
}

TEST(Api, AnAgentThatIsNoMasterKnowsItselfAndMembersOnly) {
  Cluster cluster;
  const auto status = answer_read(cluster.view, "/v1/status", "");
  ASSERT_TRUE(status);
  EXPECT_TRUE(json::parse(status->body)["term"].is_null());
  EXPECT_TRUE(json::parse(status->body)["quorum"].is_null());
  EXPECT_TRUE(answer_read(cluster.view, "/v1/members", ""));
  for (const char* path :
       {"/v1/nodes", "/v1/workloads", "/v1/workloads/web", "/v1/events", "/v1/sd/prometheus"}) {
    EXPECT_FALSE(answer_read(cluster.view, path, "")) << path;
  }
  EXPECT_EQ(answer_read(cluster.view, "/v1/nothing", "")->status, 404);
}

TEST(Api, ReadsWithoutAQuorumAreAnsweredAndStale) {
  Cluster cluster;
  cluster.master.has_leader = false;
  cluster.workload("web", 1);
  EXPECT_EQ(cluster.read("/v1/workloads")->status, 200);
  for (const char* path : {"/v1/status", "/v1/nodes", "/v1/workloads", "/v1/workloads/web"}) {
    EXPECT_EQ(cluster.get(path)["stale"], true) << path;
  }
}

TEST(Api, ReadinessSaysWhatIsMissing) {
  Cluster cluster;
  EXPECT_EQ(cluster.read("/readyz")->status, 200);
  cluster.view.state_failing = true;
  EXPECT_EQ(cluster.read("/readyz")->status, 503);
  EXPECT_NE(cluster.read("/readyz")->body.find("data directory"), std::string::npos);
  cluster.view.registered = false;
  EXPECT_NE(cluster.read("/readyz")->body.find("not registered"), std::string::npos);
  cluster.view.joined = false;
  EXPECT_NE(cluster.read("/readyz")->body.find("not joined"), std::string::npos);
  EXPECT_EQ(cluster.read("/healthz")->status, 200);
}

TEST(Api, CopiesThatAreLostOrUnwantedCountForNothing) {
  Cluster cluster;
  cluster.workload("web", 4);
  cluster.place(1, "web", "n1", Phase::Ready);
  cluster.place(2, "web", "n2", Phase::Ready).lost = true;
  cluster.place(3, "web", "n2", Phase::Ready).wanted = Wanted::Stop;
  cluster.place(4, "web", "n2", Phase::Running);
  cluster.place(5, "other", "n2", Phase::Ready);
  const json web = cluster.get("/v1/workloads")["workloads"][1];
  EXPECT_EQ(web["name"], "web");
  EXPECT_EQ(web["wanted"], 4);
  EXPECT_EQ(web["ready"], 1);
  EXPECT_EQ(web["running"], 2);
  EXPECT_EQ(web["instances"].size(), 4U);
  EXPECT_EQ(web["instances"][1]["lost"], true);
  EXPECT_EQ(web["instances"][2]["wanted"], "stop");
  EXPECT_EQ(web["instances"][0]["address"], "127.0.0.1");
}

TEST(Api, OnEveryNodeWantsThoseThatCouldTakeIt) {
  Cluster cluster;
  WorkloadSpec& spec = cluster.workload("everywhere", 1);
  spec.on_every_node = true;
  EXPECT_EQ(cluster.get("/v1/workloads/everywhere")["wanted"], 2);
  cluster.node("n3").state = NodeState::Failed;
  cluster.node("n4").info.takes_workloads = false;
  EXPECT_EQ(cluster.get("/v1/workloads/everywhere")["wanted"], 2);
  spec.constraints = {{"node", true, "n2"}};
  EXPECT_EQ(cluster.get("/v1/workloads/everywhere")["wanted"], 1);
}

TEST(Api, AStoppedWorkloadIsListedUntilItsCopiesAreGone) {
  Cluster cluster;
  cluster.place(9, "web", "n1", Phase::Stopping).wanted = Wanted::Stop;
  EXPECT_EQ(cluster.get("/v1/workloads")["workloads"][0]["wanted"], 0);
  EXPECT_EQ(cluster.get("/v1/workloads/web")["replicas"], 0);
  cluster.state.placements.clear();
  EXPECT_EQ(cluster.get("/v1/workloads")["workloads"].size(), 0U);
  EXPECT_EQ(cluster.read("/v1/workloads/web")->status, 404);
}

TEST(Api, OneWorkloadShowsItsWholeSpec) {
  Cluster cluster;
  WorkloadSpec& spec = cluster.workload("web", 2);
  spec.port = 8080;
  spec.constraints = {{"zone", false, "lab"}};
  spec.readiness.emplace();
  spec.readiness->kind = ProbeKind::Http;
  spec.readiness->period = std::chrono::milliseconds(500);
  const json shown = cluster.get("/v1/workloads/web")["spec"];
  EXPECT_EQ(shown["port"], 8080);
  EXPECT_EQ(shown["constraints"][0], "zone != lab");
  EXPECT_EQ(shown["readiness"]["httpGet"]["path"], "/");
  EXPECT_EQ(shown["readiness"]["periodSeconds"], 0.5);
  EXPECT_FALSE(shown.contains("liveness"));
}

TEST(Api, EventsAfterASequenceNumberComeOldestFirstAndSayWhereToGoOn) {
  Cluster cluster;
  for (std::uint64_t i = 5; i < 10; ++i) cluster.event(i, "text");
  json page = cluster.get("/v1/events", "since=6&limit=2");
  EXPECT_EQ(page["events"].size(), 2U);
  EXPECT_EQ(page["events"][0]["sequence"], 7);
  EXPECT_EQ(page["next"], 8);
  page = cluster.get("/v1/events", "since=9");
  EXPECT_EQ(page["events"].size(), 0U);
  EXPECT_EQ(page["next"], 9);
  page = cluster.get("/v1/events", "limit=2");
  EXPECT_EQ(page["events"][0]["sequence"], 8);
  EXPECT_EQ(cluster.get("/v1/events")["events"].size(), 5U);
  EXPECT_EQ(cluster.get("/v1/events")["events"][0]["at"], "1970-01-01T00:00:01.000Z");
}

TEST(Api, AQueryThatIsNoNumberIsRefused) {
  Cluster cluster;
  for (const char* query : {"since=x", "since=-1", "since=", "since", "limit=1025", "limit=1e3",
                            "since=99999999999999999999"}) {
    EXPECT_EQ(cluster.read("/v1/events", query)->status, 400) << query;
  }
  EXPECT_EQ(cluster.read("/v1/events", "&&other=x&sinces=x&since=18446744073709551615&")->status,
            200);
}

TEST(Api, HostileTextBecomesJsonAndNothingThrows) {
  Cluster cluster;
  const std::string hostile = "\xff\xfe \"quotes\" \x1b[2J \\ \xc3 </script>\n" + std::string(1, 0);
  cluster.event(1, hostile);
  cluster.workload("web", 1);
  Placement& placement = cluster.place(1, "web", "n1", Phase::Backoff);
  placement.status.why = hostile;
  placement.reason = hostile;
  cluster.state.unplaceable["web"] = {hostile};
  cluster.node("n1").info.labels["a"] = hostile;
  cluster.members["n1"].meta.zone = hostile;
  cluster.view.coordinator = hostile;
  for (const char* path : {"/v1/status", "/v1/members", "/v1/nodes", "/v1/workloads",
                           "/v1/workloads/web", "/v1/events", "/v1/sd/prometheus"}) {
    EXPECT_TRUE(cluster.get(path).is_structured()) << path;
  }
  EXPECT_NE(cluster.get("/v1/events")["events"][0]["text"].get<std::string>().find("\xef\xbf\xbd"),
            std::string::npos);
  EXPECT_EQ(cluster.get("/v1/workloads/" + hostile)["status"], 404);
}

TEST(Api, PrometheusGetsEveryNodeThatDidNotLeaveWithTextLabels) {
  Cluster cluster;
  cluster.node("n2").info.zone = "b";
  cluster.members["n2"].state = gossip::MemberState::Suspect;
  cluster.node("n3").state = NodeState::Failed;
  const json groups = cluster.get("/v1/sd/prometheus");
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0]["targets"], json({"127.0.0.1:7948"}));
  EXPECT_EQ(groups[0]["labels"]["__meta_muster_cluster"], cluster.view.cluster);
  EXPECT_EQ(groups[0]["labels"]["__meta_muster_role"], "master");
  EXPECT_EQ(groups[0]["labels"]["__meta_muster_state"], "alive");
  EXPECT_EQ(groups[1]["labels"]["__meta_muster_node"], "n2");
  EXPECT_EQ(groups[1]["labels"]["__meta_muster_zone"], "b");
  EXPECT_EQ(groups[1]["labels"]["__meta_muster_state"], "suspect");
  EXPECT_EQ(groups[1]["labels"]["__meta_muster_role"], "worker");
  EXPECT_EQ(groups[2]["labels"]["__meta_muster_state"], "failed");
  for (const json& group : groups) {
    for (const json& label : group["labels"]) EXPECT_TRUE(label.is_string()) << label;
  }
  cluster.node("n3").state = NodeState::Left;
  EXPECT_EQ(cluster.get("/v1/sd/prometheus").size(), 2U);
}

TEST(Api, PrometheusIsNeverToldThatThereIsNobody) {
  Cluster cluster;
  cluster.master.has_leader = false;
  EXPECT_EQ(cluster.read("/v1/sd/prometheus")->status, 503);
  cluster.master.has_leader = true;
  EXPECT_EQ(cluster.read("/v1/sd/prometheus")->status, 200);
  for (const char* name : {"n1", "n2"}) cluster.node(name).state = NodeState::Left;
  EXPECT_EQ(cluster.read("/v1/sd/prometheus")->status, 503);
  cluster.state.nodes.clear();
  EXPECT_EQ(cluster.read("/v1/sd/prometheus")->status, 503);
}

TEST(Api, NodesShowWhatIsReservedThere) {
  Cluster cluster;
  cluster.node("n2").info.capacity = {2000, 1000};
  cluster.place(1, "web", "n2", Phase::Ready).resources = {300, 10};
  cluster.place(2, "api", "n2", Phase::Ready).resources = {200, 20};
  const json node = cluster.get("/v1/nodes")["nodes"][1];
  EXPECT_EQ(node["capacity"]["cpu_millis"], 2000);
  EXPECT_EQ(node["reserved"]["cpu_millis"], 500);
  EXPECT_EQ(node["reserved"]["memory_bytes"], 30);
  EXPECT_EQ(node["instances"], 2);
  EXPECT_EQ(node["http"], "127.0.0.2:7948");
}

TEST(Api, EveryPathKnowsItsMethods) {
  EXPECT_EQ(allowed_methods("/v1/workloads"), "GET, HEAD, POST");
  EXPECT_EQ(allowed_methods("/v1/workloads/web"), "GET, HEAD, DELETE");
  EXPECT_EQ(allowed_methods("/metrics"), "GET, HEAD");
  EXPECT_EQ(allowed_methods("/v1/logs/12"), "GET, HEAD");
  for (const char* path : {"/metricsfoo", "/metrics/", "/", "", "/v1/workloads/", "/v1/logs/",
                           "/v1/logs/1/2", "/v1/workloads/a/b"}) {
    EXPECT_EQ(allowed_methods(path), "") << path;
  }
}

TEST(Api, AProblemHasTheStatusOfItsCode) {
  const ApiResponse response = problem(Error{Code::Unavailable, "no quorum"});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(json::parse(response.body)["detail"], "no quorum");
  EXPECT_EQ(json::parse(response.body)["status"], 503);
  EXPECT_EQ(http_status(Code::InvalidArgument), 400);
  EXPECT_EQ(http_status(Code::NotFound), 404);
  EXPECT_EQ(http_status(Code::Conflict), 409);
  EXPECT_EQ(http_status(Code::Unknown), 504);
}

TEST(Api, TimesAreUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(at(1'790'000'000'123)), "2026-09-21T14:13:20.123Z");
}

}  // namespace
}  // namespace muster::agent
