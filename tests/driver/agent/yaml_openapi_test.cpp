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
  // The query parameters of an operation and of its path, references followed.
  std::set<std::string> query_of(const YAML::Node& path, const YAML::Node& operation) {
    std::set<std::string> names;
    for (const YAML::Node& list : {path["parameters"], operation["parameters"]}) {
      if (!list) continue;
      for (YAML::Node one : list) {
        if (one["$ref"]) {
          const std::string ref = one["$ref"].as<std::string>();
          one = document_["components"]["parameters"][ref.substr(ref.rfind('/') + 1)];
        }
        if (one["in"].as<std::string>() == "query") names.insert(one["name"].as<std::string>());
      }
    }
    return names;
  }

  YAML::Node document_ = YAML::Load(std::string(openapi_text()));
};

TEST_F(OpenApi, EveryRouteIsDescribedWithItsRoleItsSourceAndItsParameters) {
  for (const Route& route : routes()) {
    const std::string what = std::string(route.method) + " " + std::string(route.path);
    const YAML::Node path = document_["paths"][std::string(route.path)];
    ASSERT_TRUE(path) << what;
    const YAML::Node operation = path[lower(route.method)];
    ASSERT_TRUE(operation) << what;
    EXPECT_EQ(operation["x-role"].as<std::string>(),
              route.role ? std::string(to_text(*route.role)) : "none")
        << what;
    EXPECT_EQ(operation["x-source"].as<std::string>(), text_of(route.source)) << what;
    EXPECT_EQ(query_of(path, operation), names_in(route.query)) << what;
    EXPECT_EQ(static_cast<bool>(operation["requestBody"]), route.body_bytes > 0) << what;
  }
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
