#include "collector/host.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

constexpr std::string_view kStat =
    "cpu0 1284 0 721 84960 44 0 13 250 0 0\ncpu1 1896 0 1226 82656 1080 0 24 308 0 0\n"
    "intr 136721 0 0\nctxt 289013\nbtime 1795221526\nprocesses 6808\nprocs_running 3\n"
    "procs_blocked 0\n";
constexpr std::string_view kMeminfo = "MemTotal: 24684096 kB\nMemFree: 24486428 kB\n";

std::map<std::string, double> by_collector(const Family& family) {
  std::map<std::string, double> out;
  for (const Sample& sample : family.samples) out[sample.labels.at(0).second] = sample.value;
  return out;
}

CollectorRun run(const std::string& name, Result<Families> families, Complaints complaints = {}) {
  return {name, std::move(families), std::move(complaints), std::chrono::milliseconds(2)};
}

Families family(const std::string& name) { return {{name, "Help.", MetricType::Gauge, {{{}, 1}}}}; }

std::vector<std::string> lines(const HostReport& report) {
  std::vector<std::string> out;
  for (const auto& [name, errors] : report.errors) {
    out.insert(out.end(), errors.begin(), errors.end());
  }
  return out;
}

TEST(Host, EveryCollectorReportsItsSamplesDurationAndSuccess) {
  const HostReport report = host_report({run("a", family("a")), run("b", family("b"))});
  EXPECT_TRUE(lines(report).empty());
  ASSERT_EQ(report.families.size(), 4U);
  EXPECT_EQ(report.families[0], family("a")[0]);
  EXPECT_EQ(report.families[1], family("b")[0]);
  EXPECT_EQ(report.families[2].name, "node_scrape_collector_duration_seconds");
  EXPECT_EQ(by_collector(report.families[2]),
            (std::map<std::string, double>{{"a", 0.002}, {"b", 0.002}}));
  EXPECT_EQ(report.families[3].name, "node_scrape_collector_success");
  EXPECT_EQ(by_collector(report.families[3]), (std::map<std::string, double>{{"a", 1}, {"b", 1}}));
}

TEST(Host, AFailingCollectorLeavesTheOthersUntouchedAndIsNamed) {
  CollectorRun late = run("late", fail(Code::Timeout, "no answer"));
  late.timed_out = true;
  const HostReport report =
      host_report({run("a", family("a")), run("bad", fail(Code::DataLoss, "no number in x")),
                   run("named", fail(Code::DataLoss, "collector named: odd")), std::move(late),
                   run("z", family("z"))});
  EXPECT_EQ(lines(report),
            (std::vector<std::string>{"collector bad: no number in x; its metrics are left out",
                                      "collector late: no answer; its metrics are left out",
                                      "collector named: odd; its metrics are left out"}));
  EXPECT_EQ(report.timed_out, std::vector<std::string>{"late"});
  EXPECT_EQ(report.families[0], family("a")[0]);
  EXPECT_EQ(report.families[1], family("z")[0]);
  EXPECT_EQ(
      by_collector(report.families.back()),
      (std::map<std::string, double>{{"a", 1}, {"bad", 0}, {"named", 0}, {"late", 0}, {"z", 1}}));
}

TEST(Host, ACollectorWithoutAnythingToReportOnHasNoSuccessAndNoError) {
  const HostReport report = host_report({run("nvme", fail(Code::NotFound, "no such directory"))});
  EXPECT_TRUE(lines(report).empty());
  EXPECT_EQ(by_collector(report.families.back()), (std::map<std::string, double>{{"nvme", 0}}));
}

TEST(Host, ACollectorThatSucceededIsSettledWithWhatTheOthersShow) {
  const Settle settle = [](const Others& others, Families& own, Complaints& complaints) {
    own.clear();
    for (const auto& [collector, other] : others) {
      complaints.push_back("beside " + std::string(collector) + "'s " + other->at(0).name);
    }
  };
  CollectorRun settled = run("settled", family("a"));
  settled.settle = settle;
  CollectorRun failed = run("failed", fail(Code::DataLoss, "odd"));
  failed.settle = settle;
  const HostReport report =
      host_report({run("b", family("b")), settled, failed, run("c", family("c"))});
  EXPECT_EQ(lines(report),
            (std::vector<std::string>{"collector failed: odd; its metrics are left out",
                                      "collector settled: beside b's b",
                                      "collector settled: beside c's c"}));
  EXPECT_EQ(report.families.at(0), family("b")[0]);
  EXPECT_EQ(report.families.at(1), family("c")[0]);
}

TEST(Host, WhatSaysThatItIsLeftOutSaysItOnce) {
  const HostReport report =
      host_report({run("arp", fail(Code::DataLoss, "cut off; its metrics are left out"))});
  EXPECT_EQ(lines(report),
            std::vector<std::string>{"collector arp: cut off; its metrics are left out"});
}

TEST(Host, ComplaintsOfACollectorThatIsWellAreForTheLog) {
  const HostReport report = host_report({run("textfile", family("a"), {"x.prom has no end"})});
  EXPECT_EQ(lines(report), std::vector<std::string>{"collector textfile: x.prom has no end"});
  EXPECT_EQ(by_collector(report.families.back()), (std::map<std::string, double>{{"textfile", 1}}));
}

TEST(ErrorNews, SaysAnErrorOnceAndWhenTheCollectorIsWellAgain) {
  const auto report = [](const std::string& text) {
    return host_report({run("bad", fail(Code::DataLoss, text)), run("well", family("a"))});
  };
  const HostReport of_others = host_report({run("well", family("a"))});
  const HostReport mended = host_report({run("bad", family("b")), run("well", family("a"))});
  const std::vector<ErrorNews::Line> none;
  ErrorNews news;
  EXPECT_EQ(news.of(report("x")),
            (std::vector<ErrorNews::Line>{{false, "collector bad: x; its metrics are left out"}}));
  EXPECT_EQ(news.of(report("x")), none);
  EXPECT_EQ(news.of(of_others), none);
  EXPECT_EQ(news.of(report("x")), none);
  EXPECT_EQ(news.of(report("y")),
            (std::vector<ErrorNews::Line>{{false, "collector bad: y; its metrics are left out"}}));
  EXPECT_EQ(news.of(mended), (std::vector<ErrorNews::Line>{{true, "collector bad: well again"}}));
  EXPECT_EQ(news.of(mended), none);
}

TEST(Capacity, IsAThousandACpuAndAllMemory) {
  const auto capacity = parse_capacity(kStat, kMeminfo);
  ASSERT_TRUE(capacity) << capacity.error().text;
  EXPECT_EQ(*capacity, (Resources{2000, 25276514304ULL}));
}

TEST(Capacity, DoesNotAskWhatElseAFileSays) {
  EXPECT_TRUE(parse_capacity(kStat, "HugePages: many\n" + std::string(kMeminfo) + "Hu"));
}

TEST(Capacity, IsRefusedWhenEitherTextIsNotUnderstoodOrCannotBeTrue) {
  EXPECT_FALSE(parse_capacity("", kMeminfo));
  EXPECT_FALSE(parse_capacity(kStat, ""));
  EXPECT_FALSE(parse_capacity("ctxt 1\n", kMeminfo));
  EXPECT_FALSE(parse_capacity(kStat, "MemFree: 1 kB\n"));
  EXPECT_FALSE(parse_capacity(kStat, "MemTotal: 18446744073709551615 kB\n"));
  std::string many;
  for (int i = 0; i < 65537; ++i) many += "cpu" + std::to_string(i) + " 1 2 3 4 5 6 7 8 9 10\n";
  EXPECT_FALSE(parse_capacity(many, kMeminfo));
  EXPECT_FALSE(parse_capacity(kStat, "MemTotal: lots\n"));
  EXPECT_EQ(parse_capacity(kStat, "").error().text,
            "capacity of this node: /proc/meminfo does not say how much memory there is; set "
            "resources.cpu and resources.memory in the configuration");
}

}  // namespace
}  // namespace muster::collector
