#include "collector/uname.h"

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

TEST(Uname, EveryNameIsALabel) {
  MadeUpHost machine;
  machine.kernel = {"Linux", "node-1", "6.1.0", "#1 SMP", "x86_64", "(none)"};
  EXPECT_EQ(samples_text(collect_uname(machine)),
            "node_uname_info{domainname=\"(none)\",machine=\"x86_64\",nodename=\"node-1\","
            "release=\"6.1.0\",sysname=\"Linux\",version=\"#1 SMP\"} 1\n");
}

}  // namespace
}  // namespace muster::collector
