// docs/openapi.yaml against the table of routes, both ways. What is answered is held against its
// schemas by tests/e2e/test_api.py.
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "agent/openapi.h"
#include "agent/routes.h"

namespace muster::agent {
namespace {

std::string lower(std::string_view method) {
  std::string text(method);
  for (char& c : text) c = static_cast<char>(c | 0x20);
  return text;
}

std::string text_of(Source source) {
  switch (source) {
    case Source::Agent: return "agent";
    case Source::Cluster: return "cluster";
    case Source::Stream: return "stream";
    case Source::Change: return "change";
    case Source::Operation: return "operation";
  }
  return "";
}

std::set<std::string> names_in(std::string_view list) {
  std::set<std::string> names;
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    names.emplace(one);
  }
  return names;
}

class OpenApi : public testing::Test {
 protected:
  // The parameters of an operation and of its path that stand in `where`, references followed.
  std::set<std::string> taken(const YAML::Node& path, const YAML::Node& operation,
                              const std::string& where) {
    std::set<std::string> names;
    for (const YAML::Node& list : {path["parameters"], operation["parameters"]}) {
      if (!list) continue;
      for (YAML::Node one : list) {
        if (one["$ref"]) {
          const std::string ref = one["$ref"].as<std::string>();
          one = document_["components"]["parameters"][ref.substr(ref.rfind('/') + 1)];
        }
        if (one["in"].as<std::string>() == where) names.insert(one["name"].as<std::string>());
      }
    }
    return names;
  }

  static std::set<int> refusals(const YAML::Node& operation) {
    std::set<int> statuses;
    for (const auto& response : operation["responses"]) {
      const auto status = response.first.as<std::string>();
      if (status != "default" && status >= "400") statuses.insert(std::stoi(status));
    }
    return statuses;
  }

  YAML::Node operation_of(const Route& route) {
    return document_["paths"][std::string(route.path)][lower(route.method)];
  }

  YAML::Node document_ = YAML::Load(std::string(openapi_text()));
};

std::string name_of(const Route& route) {
  return std::string(route.method) + " " + std::string(route.path);
}

// With which statuses the server refuses a request of this route, whatever it is about.
std::set<int> refused_with(const Route& route) {
  const bool open = route.page == Page::Health || route.page == Page::Ready;
  const bool asks = route.source != Source::Agent;  // somebody else
  const bool changes = route.source == Source::Change || route.source == Source::Operation;
  std::set<int> all;
  if (route.path.starts_with("/v1/")) all.insert(400);
  if (route.role) all.insert({401, 429, 503});
  if (route.page == Page::Join) all.insert({403, 429});
  if (changes || (route.role && (asks || *route.role != Role::Viewer))) all.insert(403);
  if (route.body_bytes > 0) all.insert(413);
  if (!open && route.page != Page::Metrics) all.insert(421);
  if (asks) all.insert({503, 504});
  if (changes && writes(route)) all.insert(507);
  if (route.page == Page::Ready) all.insert(503);
  return all;
}

TEST_F(OpenApi, EveryRouteIsDescribedWithItsRoleItsSourceAndItsParameters) {
  for (const Route& route : routes()) {
    const std::string what = name_of(route);
    const YAML::Node path = document_["paths"][std::string(route.path)];
    ASSERT_TRUE(path) << what;
    const YAML::Node operation = path[lower(route.method)];
    ASSERT_TRUE(operation) << what;
    EXPECT_EQ(operation["x-role"].as<std::string>(),
              route.role ? std::string(to_text(*route.role)) : "none")
        << what;
    EXPECT_EQ(operation["x-source"].as<std::string>(), text_of(route.source)) << what;
    EXPECT_EQ(taken(path, operation, "query"), names_in(route.query)) << what;
    EXPECT_EQ(static_cast<bool>(operation["requestBody"]), route.body_bytes > 0) << what;
  }
}

TEST_F(OpenApi, EveryOperationNamesWhatItsRouteIsRefusedWith) {
  const std::set<int> of_its_own{404, 409, 412};
  for (const Route& route : routes()) {
    std::set<int> described = refusals(operation_of(route));
    for (const int status : of_its_own) described.erase(status);
    EXPECT_EQ(described, refused_with(route)) << name_of(route);
    EXPECT_TRUE(operation_of(route)["responses"]["default"]) << name_of(route);
  }
}

TEST_F(OpenApi, ChangesTakeARequestIdAndStreamsTheLastEventsId) {
  for (const Route& route : routes()) {
    const YAML::Node path = document_["paths"][std::string(route.path)];
    const auto headers = taken(path, operation_of(route), "header");
    const bool changes = route.source == Source::Change || route.source == Source::Operation;
    EXPECT_EQ(headers.contains("Muster-Request-Id"), changes) << name_of(route);
    EXPECT_EQ(headers.contains("Last-Event-ID"), route.source == Source::Stream) << name_of(route);
  }
}

TEST_F(OpenApi, WhoNeedsNoRoleNeedsNoTokenAndTheOthersOneOrACertificate) {
  for (const Route& route : routes()) {
    const YAML::Node security = operation_of(route)["security"];
    EXPECT_EQ(security.IsDefined() && security.size() == 0, !route.role.has_value())
        << name_of(route);
  }
  std::set<std::string> ways;
  for (const auto& way : document_["security"]) {
    for (const auto& scheme : way) ways.insert(scheme.first.as<std::string>());
  }
  EXPECT_EQ(ways, (std::set<std::string>{"certificate", "token"}));
  const YAML::Node schemes = document_["components"]["securitySchemes"];
  EXPECT_EQ(schemes["certificate"]["type"].as<std::string>(), "mutualTLS");
  EXPECT_EQ(schemes["token"]["scheme"].as<std::string>(), "bearer");
}

TEST_F(OpenApi, NothingIsDescribedThatIsNoRoute) {
  std::set<std::string> known;
  for (const Route& route : routes()) {
    known.insert(lower(route.method) + " " + std::string(route.path));
  }
  for (const auto& path : document_["paths"]) {
    for (const auto& operation : path.second) {
      const auto method = operation.first.as<std::string>();
      if (method == "parameters") continue;
      EXPECT_TRUE(known.contains(method + " " + path.first.as<std::string>()))
          << method << " " << path.first;
    }
  }
}

}  // namespace
}  // namespace muster::agent
