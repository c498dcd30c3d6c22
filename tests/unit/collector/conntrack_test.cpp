#include "collector/conntrack.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const std::string kHeader =
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop "
    "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n";
const std::string kStat =
    kHeader + "d3 0 11 0 4 a21 0 3 1 2 2 5 1 0 0 0 7\nd3 0 13 0 5 b02 0 3 2 1 1 1 0 0 0 0 2\n";

struct TrackingMachine : MadeUpHost {
  TrackingMachine() {
    files = {{"/proc/sys/net/netfilter/nf_conntrack_count", "211\n"},
             {"/proc/sys/net/netfilter/nf_conntrack_max", "262144\n"},
             {"/proc/net/stat/nf_conntrack", kStat}};
  }
};

TEST(Conntrack, TheTablesFillingAndTheSumsOfAllCpusAreShown) {
  EXPECT_EQ(samples_text(collect_conntrack(TrackingMachine())),
            "node_nf_conntrack_entries 211\nnode_nf_conntrack_entries_limit 262144\n"
            "node_nf_conntrack_stat_drop 3\nnode_nf_conntrack_stat_early_drop 6\n"
            "node_nf_conntrack_stat_found 36\nnode_nf_conntrack_stat_ignore 5411\n"
            "node_nf_conntrack_stat_insert 3\nnode_nf_conntrack_stat_insert_failed 3\n"
            "node_nf_conntrack_stat_invalid 9\nnode_nf_conntrack_stat_search_restart 9\n");
}

TEST(Conntrack, AKernelThatDoesNotTrackHasNoDataAndOneWithoutStatisticsTheFillingAlone) {
  TrackingMachine machine;
  machine.files.erase("/proc/net/stat/nf_conntrack");
  EXPECT_EQ(samples_text(collect_conntrack(machine)),
            "node_nf_conntrack_entries 211\nnode_nf_conntrack_entries_limit 262144\n");
  machine.files.erase("/proc/sys/net/netfilter/nf_conntrack_max");
  const auto none = collect_conntrack(machine);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::NotFound);
}

TEST(Conntrack, StatisticsThatDoNotFitTheirHeaderAreRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {kHeader + "d3", "is cut off"},
      {"entries found\n", "has no column drop"},
      {kHeader + "d3 0 11\n", "does not fit the header"},
      {kHeader + "d3 0 11 0 -4 a21 0 3 1 2 2 5 1 0 0 0 7\n", "holds no hexadecimal numbers"},
  };
  for (const auto& [text, why] : cases) {
    TrackingMachine machine;
    machine.files["/proc/net/stat/nf_conntrack"] = text;
    expect_refusal(collect_conntrack(machine), "conntrack", why);
  }
  TrackingMachine machine;
  machine.files["/proc/sys/net/netfilter/nf_conntrack_count"] = "many\n";
  expect_refusal(collect_conntrack(machine), "conntrack", "is not a number");
}

}  // namespace
}  // namespace muster::collector
