#include "agent/scrape_answer.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

TEST(ScrapeAnswer, WhatTheRequestSaysIsAskedForAndSaidInTheAnswer) {
  collector::ScrapeRequest got;
  const Scrape scrape = [&](const collector::ScrapeRequest& request) -> Result<std::string> {
    got = request;
    return "body";
  };
  const ApiResponse plain = scrape_answer(scrape, {});
  EXPECT_EQ(plain.status, 200);
  EXPECT_EQ(plain.body, "body");
  collector::ScrapeRequest all;
  all.within = collector::scrape_time("");
  EXPECT_EQ(got, all);
  EXPECT_EQ(plain.header("Content-Encoding"), "");
  EXPECT_TRUE(plain.content_type.starts_with("text/plain; version=0.0.4"));

  const ApiResponse packed = scrape_answer(
      scrape,
      {"collect[]=cpu&collect[]=stat", "application/openmetrics-text; version=1.0.0", "gzip", "2"});
  EXPECT_EQ(got.collectors, (std::vector<std::string>{"cpu", "stat"}));
  EXPECT_LT(got.within, std::chrono::seconds(2));
  EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
  EXPECT_TRUE(packed.content_type.starts_with("application/openmetrics-text"));
}

TEST(ScrapeAnswer, ACollectorThatIsNoneAndAQueryThatIsNoneAreSaid) {
  const Scrape none = [](const collector::ScrapeRequest&) -> Result<std::string> {
    return fail(Code::InvalidArgument, "no collector \"x\"");
  };
  EXPECT_EQ(scrape_answer(none, {"collect[]=x", "", "", ""}).status, 400);
  EXPECT_EQ(scrape_answer(none, {"collect[]=%x", "", "", ""}).status, 400);
}

}  // namespace
}  // namespace muster::agent
