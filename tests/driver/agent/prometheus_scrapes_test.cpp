#include "agent/prometheus_scrapes.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/driver/collector/gate.h"
#include "tests/driver/collector/gunzip.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::agent {
namespace {

using collector::Collector;
using collector::Complaints;
using collector::HostFs;
using collector::ScrapeRequest;

constexpr collector::PosixRelay::Limits kLimits{.overtaken_after = std::chrono::milliseconds(2),
                                                .each = std::chrono::milliseconds(500),
                                                .threads_max = 16};

class ScrapesTest : public testing::Test {
 protected:
  std::vector<Collector> collectors() {
    return {
        {"count", true,
         [this](const HostFs&, Complaints&) -> Result<Families> {
           return Families{{"node_x_total", "Help.", MetricType::Counter, {{{}, double(++runs_)}}}};
         }},
        {"hang", true,
         [this, gate = gate_](const HostFs&, Complaints&) -> Result<Families> {
           if (hang_) gate->pass();
           return Families{};
         }},
        {"bad", true, [](const HostFs&, Complaints&) -> Result<Families> {
           return fail(Code::DataLoss, "garbage");
         }}};
  }
  std::string ask(ScrapeRequest request = {}) {
    request.within = std::chrono::seconds(30);
    const auto answer = scrapes_.answer(request);
    EXPECT_TRUE(answer);
    return answer.value_or("");
  }
  static bool has(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
  }

  std::atomic<int> runs_ = 0;
  std::atomic<bool> hang_ = false;
  std::shared_ptr<collector::Gate> gate_ = std::make_shared<collector::Gate>();
  std::vector<collector::ErrorNews::Line> said_;
  collector::Instruments instruments_;
  collector::PosixGathering gathering_{std::make_shared<collector::MadeUpHost>(), collectors(),
                                       kLimits};
  Scrapes scrapes_{
      gathering_, instruments_,
      [this] {
        instruments_.set("muster_raft_term", {}, runs_);
        return Families{{"process_max_fds", "Help.", MetricType::Gauge, {{{}, double(runs_)}}}};
      },
      [this](const collector::ErrorNews::Line& line) { said_.push_back(line); }};
};

TEST_F(ScrapesTest, HasTheNodesMetricsAndMustersOwnAsTheyAreNow) {
  ask();
  const std::string text = ask();
  EXPECT_TRUE(has(text, "node_x_total 2")) << text;
  EXPECT_TRUE(has(text, "muster_raft_term 2")) << text;
  EXPECT_TRUE(has(text, "process_max_fds 2")) << text;
  EXPECT_TRUE(has(text, "muster_collectors_parked 0")) << text;
  EXPECT_TRUE(has(text, "node_scrape_collector_success{collector=\"count\"} 1")) << text;
  EXPECT_FALSE(has(text, "# EOF"));
}

TEST_F(ScrapesTest, IsTheSameInOpenMetricsAndCompressed) {
  ScrapeRequest request;
  request.type = ScrapeRequest::Type::OpenMetrics100;
  const std::string text = ask(request);
  EXPECT_TRUE(has(text, "# TYPE node_x counter")) << text;
  EXPECT_TRUE(has(text, "node_x_total 1")) << text;
  EXPECT_TRUE(has(text, "# TYPE muster_gossip_probes counter")) << text;
  EXPECT_TRUE(has(text, "muster_detection_seconds_bucket{le=\"1.0\"} 0")) << text;
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  request.gzip = true;
  const std::string again = collector::gunzip(ask(request));
  EXPECT_TRUE(has(again, "node_x_total 2")) << again;
  EXPECT_TRUE(again.ends_with("\n# EOF\n"));
}

TEST_F(ScrapesTest, OfASubsetLeavesOutTheOtherCollectorsOnly) {
  ScrapeRequest request;
  request.collectors = {"count"};
  const std::string text = ask(request);
  EXPECT_TRUE(has(text, "node_x_total 1"));
  EXPECT_TRUE(has(text, "node_scrape_collector_success{collector=\"count\"} 1"));
  EXPECT_FALSE(has(text, "node_scrape_collector_success{collector=\"bad\"} 0"));
  EXPECT_TRUE(has(text, "muster_raft_term 1"));
  request.collectors = {"nope"};
  EXPECT_EQ(scrapes_.answer(request).error().code, Code::InvalidArgument);
}

TEST_F(ScrapesTest, ErrorsAreSaidOnceAndWhatHangsIsCounted) {
  hang_ = true;
  const std::string first = ask();
  EXPECT_TRUE(has(first, "muster_collectors_parked 1")) << first;
  EXPECT_TRUE(has(first, "muster_collector_timeouts_total{collector=\"hang\"} 1")) << first;
  EXPECT_TRUE(has(first, "node_scrape_collector_success{collector=\"hang\"} 0")) << first;
  ASSERT_EQ(said_.size(), 2U);
  EXPECT_EQ(said_[0].text, "collector bad: garbage; its metrics are left out");
  ask();
  EXPECT_EQ(said_.size(), 3U);  // since when it hangs
  EXPECT_TRUE(has(ask(), "muster_collector_timeouts_total{collector=\"hang\"} 1"));
  EXPECT_EQ(said_.size(), 3U);
  hang_ = false;
  gate_->open();
  while (gathering_.parked() != 0) std::this_thread::yield();
  EXPECT_TRUE(has(ask(), "muster_collectors_parked 0"));
  ASSERT_EQ(said_.size(), 4U);
  EXPECT_EQ(said_[3], (collector::ErrorNews::Line{true, "collector hang: well again"}));
}

TEST_F(ScrapesTest, WhatHangsIsCountedWhoeverMeetsItFirst) {
  hang_ = true;
  scrapes_.note(*gathering_.gather({}, std::chrono::seconds(30)));  // as the history does
  EXPECT_EQ(said_.size(), 2U);
  EXPECT_TRUE(has(ask(), "muster_collector_timeouts_total{collector=\"hang\"} 1"));
  gate_->open();
}

TEST_F(ScrapesTest, ManyAtTheSameTimeAreEachWhole) {
  std::vector<std::thread> scrapers;
  for (int scraper = 0; scraper < 8; ++scraper) {
    scrapers.emplace_back([&, scraper] {
      ScrapeRequest request;
      if (scraper % 2 == 1) request.type = ScrapeRequest::Type::OpenMetrics001;
      if (scraper % 4 == 0) request.collectors = {"count"};
      for (int i = 0; i < 100; ++i) {
        const std::string text = ask(request);
        EXPECT_NE(text.find("\nnode_x_total "), std::string::npos);
        EXPECT_EQ(text.ends_with("\n# EOF\n"), scraper % 2 == 1);
        EXPECT_EQ(has(text, "node_scrape_collector_success{collector=\"bad\"} 0"),
                  scraper % 4 != 0);
      }
    });
  }
  for (std::thread& scraper : scrapers) scraper.join();
  EXPECT_LE(runs_, 800);
}

}  // namespace
}  // namespace muster::agent
