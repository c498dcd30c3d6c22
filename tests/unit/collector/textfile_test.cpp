#include "collector/textfile.h"

#include <string>

#include <gtest/gtest.h>

#include "collector/collectors.h"
#include "collector/exposition.h"
#include "collector/host.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

struct Files : MadeUpHost {
  Textfiles textfiles{"/srv/text"};
  Complaints complaints;

  Families own() {
    complaints.clear();
    auto families = textfiles.collect(*this, complaints);
    EXPECT_TRUE(families);
    return families.value_or(Families());
  }
  std::string shown() { return exposition_text(own()); }
  void put(const std::string& name, const std::string& text, std::int64_t seconds = 7) {
    files["/srv/text/" + name] = text;
    times["/srv/text/" + name] = seconds * 1'000'000'000 + 999'999'999;
  }
};

std::string last_lines(const std::string& files, const std::string& error) {
  std::string text;
  if (!files.empty()) {
    text =
        "# HELP node_textfile_mtime_seconds Unixtime mtime of textfiles successfully read.\n"
        "# TYPE node_textfile_mtime_seconds gauge\n" +
        files;
  }
  text +=
      "# HELP node_textfile_scrape_error 1 if there was an error opening or reading a file, 0 "
      "otherwise\n# TYPE node_textfile_scrape_error gauge\nnode_textfile_scrape_error ";
  return text + error + "\n";
}

TEST(Textfile, FamiliesOfAllFilesAreShownWithTheTimeOfEach) {
  Files host;
  host.put("a.prom", "# HELP a About a.\n# TYPE a gauge\na{x=\"1\"} 1\n");
  host.put("b.prom", "# TYPE a gauge\na{x=\"2\"} 2\nplain 3\n", 9);
  host.put("c.prom", "plain{from=\"c\"} 4\n", 8);
  host.put("readme.txt", "not a metric\n");
  host.put("c.prom.tmp", "half a");
  EXPECT_EQ(host.shown(),
            "# HELP a About a.\n# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 2\n"
            "# HELP plain Metric read from /srv/text/b.prom, /srv/text/c.prom\n"
            "# TYPE plain untyped\nplain 3\nplain{from=\"c\"} 4\n" +
                last_lines("node_textfile_mtime_seconds{file=\"/srv/text/a.prom\"} 7\n"
                           "node_textfile_mtime_seconds{file=\"/srv/text/b.prom\"} 9\n"
                           "node_textfile_mtime_seconds{file=\"/srv/text/c.prom\"} 8\n",
                           "0"));
  EXPECT_EQ(host.complaints, Complaints());
}

TEST(Textfile, WithoutADirectoryThereIsNoErrorAndWithAMissingOneThereIs) {
  Files host;
  host.textfiles = Textfiles("");
  EXPECT_EQ(host.shown(), last_lines("", "0"));
  host.textfiles = Textfiles("/srv/none");
  EXPECT_EQ(host.shown(), last_lines("", "1"));
  EXPECT_EQ(host.complaints,
            (Complaints{"collector textfile: /srv/none: cannot read /srv/none: no such file; its "
                        "metrics are left out"}));
}

TEST(Textfile, ABadFileIsRefusedByNameAndTheOthersAreUntouched) {
  Files host;
  host.put("good.prom", "a 1\n");
  const std::pair<std::string, std::string> cases[] = {
      {"b 1", "line 1 does not end: the text is cut off"},
      {"b 1 1395066363000\n", "line 1 has a timestamp, which a scrape gives itself"},
      {"b 1\nb 2\n", "line 2 has a series that is there already"},
      {"# TYPE a gauge\na{x=\"2\"} 1\n", "a has another type in /srv/text/good.prom"},
      {"b 1\na 1\n", "a series of a is in /srv/text/good.prom too"},
      {"node_textfile_scrape_error 1\n", "node_textfile_scrape_error is a name of muster's own"},
      {"muster_up 1\n", "muster_up is a name of muster's own"},
      {"process_open_fds{x=\"1\"} 1\n", "process_open_fds is a name of muster's own"},
      {std::string(10 << 20, '\xFF'), "line 1 does not end: the text is cut off"},
  };
  for (const auto& [text, why] : cases) {
    host.put("later.prom", text);
    EXPECT_EQ(host.shown(),
              "# HELP a Metric read from /srv/text/good.prom\n# TYPE a untyped\na 1\n" +
                  last_lines("node_textfile_mtime_seconds{file=\"/srv/text/good.prom\"} 7\n", "1"));
    EXPECT_EQ(host.complaints, (Complaints{"collector textfile: /srv/text/later.prom: " + why +
                                           "; its metrics are left out"}));
  }
}

TEST(Textfile, NoTwoFilesWriteOneLineUnderTwoMetrics) {
  const std::string histogram = "# TYPE foo histogram\nfoo_bucket{le=\"1\"} 2\nfoo_count 2\n";
  Files host;
  host.put("a.prom", histogram);
  host.put("b.prom", "foo_count 3\n");
  EXPECT_EQ(host.shown().find("foo_count 3"), std::string::npos);
  EXPECT_EQ(host.complaints,
            (Complaints{"collector textfile: /srv/text/b.prom: foo_count is a part of foo in "
                        "/srv/text/a.prom; its metrics are left out"}));
  host.put("a.prom", "foo_count 3\n");
  host.put("b.prom", histogram);
  host.complaints.clear();
  EXPECT_EQ(host.shown().find("foo_bucket"), std::string::npos);
  EXPECT_EQ(host.complaints,
            (Complaints{"collector textfile: /srv/text/b.prom: a part of foo, foo_count, is a "
                        "metric in /srv/text/a.prom; its metrics are left out"}));
  host.put("a.prom",
           "# TYPE foo histogram\nfoo_bucket{le=\"1\",x=\"y\"} 2\nfoo_count{x=\"y\"} 2\n");
  host.complaints.clear();
  EXPECT_NE(host.shown().find("foo_bucket{le=\"1\"} 2"), std::string::npos)
      << "one histogram may have series in several files";
  EXPECT_TRUE(host.complaints.empty());
}

TEST(Textfile, AFileThatVanishesOrCannotBeReadIsRefused) {
  Files host;
  host.put("a.prom", "a 1\n");
  host.broken["/srv/text/a.prom"] = {Code::PermissionDenied, "cannot read it"};
  EXPECT_EQ(host.shown(), last_lines("", "1"));
  EXPECT_EQ(host.complaints.size(), 1U);
}

TEST(Textfile, NamesOfFilesBringNoControlCharactersIntoTheLog) {
  Files host;
  host.put("a\n\x1b[31m.prom", "bad");
  EXPECT_EQ(host.own().size(), 2U);
  EXPECT_EQ(host.complaints.at(0).find_first_of("\n\x1b"), std::string::npos);
}

TEST(Textfile, AllFilesTogetherAreLimited) {
  Files host;
  std::string many;
  for (std::size_t i = 0; i < Textfiles::kSeriesMax - 1; ++i) {
    many += "a{i=\"" + std::to_string(i) + "\"} 1\n";
  }
  host.put("a.prom", many);
  host.put("b.prom", "b 1\nc 1\n");
  host.put("c.prom", "d 1\n");
  EXPECT_EQ(host.own().front().samples.size(), Textfiles::kSeriesMax - 1);
  EXPECT_EQ(host.complaints,
            (Complaints{"collector textfile: /srv/text/b.prom: line 2 is one series more than 1; "
                        "its metrics are left out"}));
  host.files.clear();
  for (int i = 0; i < 5; ++i) host.put(std::to_string(i) + ".prom", std::string(4 << 20, '\n'));
  EXPECT_EQ(host.own().size(), 2U);
  EXPECT_EQ(host.complaints.size(), 1U);
  host.files.clear();
  for (std::size_t i = 0; i <= Textfiles::kFilesMax; ++i) host.put(std::to_string(i) + ".prom", "");
  EXPECT_EQ(host.own().front().samples.size(), Textfiles::kFilesMax);
  EXPECT_EQ(host.complaints.size(), 1U);
}

TEST(Textfile, WhatAnotherCollectorShowsTooIsTakenBackByFile) {
  Files host;
  host.put("load.prom", "# TYPE node_load1 gauge\nnode_load1 99\nother 1\n");
  host.put("more.prom", "# TYPE node_disks gauge\nnode_disks{device=\"tape\"} 1\n");
  host.put("type.prom", "# TYPE node_forks counter\nnode_forks{x=\"1\"} 1\n");
  Families own = host.own();
  const Families others{{"node_load1", "", MetricType::Gauge, {{{}, 0.5}}},
                        {"node_disks", "", MetricType::Gauge, {{{{"device", "sda"}}, 1}}},
                        {"node_forks", "", MetricType::Gauge, {{{}, 1}}}};
  host.textfiles.settle({{"odd", &others}}, own, host.complaints);
  EXPECT_EQ(exposition_text(own),
            "# HELP node_disks Metric read from /srv/text/more.prom\n# TYPE node_disks gauge\n"
            "node_disks{device=\"tape\"} 1\n" +
                last_lines("node_textfile_mtime_seconds{file=\"/srv/text/more.prom\"} 7\n", "1"));
  EXPECT_EQ(host.complaints,
            (Complaints{"collector textfile: /srv/text/load.prom: a series of node_load1 is in "
                        "the collector odd too; its metrics are left out",
                        "collector textfile: /srv/text/type.prom: node_forks has another type in "
                        "the collector odd; its metrics are left out"}));
}

// A scrape with collect[] asks for some collectors only, and one may fail: their families are not
// free for that.
TEST(Textfile, TheVerdictOnAFileDoesNotGoByWhoAsks) {
  Files host;
  host.put("load.prom", "# TYPE node_load1 gauge\nnode_load1 99\n");
  const Families loads{{"node_load1", "", MetricType::Gauge, {{{}, 0.5}}}};
  const Families none;
  const auto taken = [&](const Others& others) {
    Families own = host.own();
    host.textfiles.settle(others, own, host.complaints);
    return exposition_text(own).find("node_load1 99") != std::string::npos;
  };
  EXPECT_FALSE(taken({{"loadavg", &loads}, {"stat", &none}}));
  EXPECT_FALSE(taken({}));
  EXPECT_FALSE(taken({{"stat", &none}}));
  EXPECT_TRUE(taken({{"loadavg", &none}}));  // it has run, and shows that no more
  EXPECT_TRUE(taken({}));
  EXPECT_FALSE(taken({{"loadavg", &loads}}));
  EXPECT_FALSE(taken({}));
  host.files.clear();  // what nobody's file names is not kept
  EXPECT_FALSE(taken({}));
  host.put("load.prom", "# TYPE node_load1 gauge\nnode_load1 99\n");
  EXPECT_TRUE(taken({}));
}

TEST(Textfile, WithinAScrapeTheMachineWinsOverAFile) {
  Files host;
  host.files["/proc/loadavg"] = "0.25 0.01 0.01 3/96 6807\n";
  host.put("load.prom", "# TYPE node_load1 gauge\nnode_load1 99\n");
  CollectorOptions options;
  options.textfiles = "/srv/text";
  std::vector<CollectorRun> runs;
  for (const Collector& each : all_collectors(options)) {
    if (each.name != "loadavg" && each.name != "textfile") continue;
    CollectorRun run{each.name, {}, {}, {}};
    run.families = each.collect(host, run.complaints);
    run.settle = each.settle;
    runs.push_back(std::move(run));
  }
  const HostReport report = host_report(std::move(runs));
  const std::string text = exposition_text(report.families);
  EXPECT_NE(text.find("\nnode_load1 0.25\n"), std::string::npos);
  EXPECT_EQ(text.find("\nnode_load1 99\n"), std::string::npos);
  EXPECT_NE(text.find("\nnode_textfile_scrape_error 1\n"), std::string::npos);
  EXPECT_EQ(report.errors.at("textfile").size(), 1U);
}

TEST(Textfile, ADirectoryMayBeAPattern) {
  Files host;
  host.textfiles = Textfiles("/srv/*/metrics");
  host.files = {{"/srv/a/metrics/1.prom", "a 1\n"},
                {"/srv/b/metrics/2.prom", "b 1\n"},
                {"/srv/c/other/3.prom", "c 1\n"}};
  const std::string text = host.shown();
  EXPECT_NE(text.find("file=\"/srv/a/metrics/1.prom\""), std::string::npos);
  EXPECT_NE(text.find("file=\"/srv/b/metrics/2.prom\""), std::string::npos);
  EXPECT_EQ(text.find("3.prom"), std::string::npos);
}

}  // namespace
}  // namespace muster::collector
