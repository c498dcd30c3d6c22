#include "agent/routes.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(Routes, APathAndAMethodHaveOneRoute) {
  std::set<std::string> seen;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.insert(std::string(route.method) + " " + std::string(route.path)).second)
        << route.path;
  }
}

TEST(Routes, BracesTakeOnePartAndDotsTakeTheRest) {
  EXPECT_EQ(find_route("GET", "/v1/workloads/web").name, "web");
  EXPECT_EQ(find_route("GET", "/v1/workloads/a/b").route, nullptr);
  EXPECT_EQ(find_route("GET", "/v1/workloads/").route, nullptr);
  EXPECT_EQ(find_route("PUT", "/v1/kv/a/b//c").name, "a/b//c");
  EXPECT_EQ(find_route("PUT", "/v1/kv/").route, nullptr);
  EXPECT_EQ(find_route("GET", "/v1/kv/a%2Fb%20c").name, "a/b c");
  EXPECT_TRUE(find_route("GET", "/v1/kv/a%2").undecodable);
  EXPECT_EQ(find_route("POST", "/v1/nodes/n1/revoke").name, "n1");
  EXPECT_EQ(find_route("POST", "/v1/nodes//revoke").route, nullptr);
}

TEST(Routes, HeadGoesWhereGetGoesAndTheMethodsOfAPathAreNamed) {
  EXPECT_EQ(find_route("HEAD", "/v1/nodes").route, find_route("GET", "/v1/nodes").route);
  EXPECT_EQ(allowed_methods("/v1/workloads"), "GET, HEAD, POST");
  EXPECT_EQ(allowed_methods("/v1/kv/a"), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(allowed_methods("/v1/join"), "POST");
  EXPECT_EQ(allowed_methods("/v1/nothing"), "");
}

TEST(Routes, WithoutARoleOneMayOnlyAskForHealthTheDescriptionAndTheWayIn) {
  std::set<std::string> open;
  for (const Route& route : routes()) {
    if (!route.role) open.emplace(route.path);
  }
  EXPECT_EQ(open, (std::set<std::string>{"/healthz", "/readyz", "/v1/ca", "/v1/join",
                                         "/v1/openapi.yaml"}));
}

TEST(Routes, WhatChangesSomethingTakesMoreThanAViewerAndSecretsTakeAnAdmin) {
  for (const Route& route : routes()) {
    if (writes(route) && route.role) {
      EXPECT_NE(*route.role, Role::Viewer) << route.path;
    }
  }
  for (const char* path : {"/v1/tokens", "/v1/snapshot"}) {
    EXPECT_EQ(find_route("GET", path).route->role, Role::Admin) << path;
  }
  for (const char* path :
       {"/v1/masters", "/v1/nodes/a/revoke", "/v1/keyring/rotate", "/v1/ca/rotate", "/v1/tokens"}) {
    EXPECT_EQ(find_route("POST", path).route->role, Role::Admin) << path;
  }
}

}  // namespace
}  // namespace muster::agent
