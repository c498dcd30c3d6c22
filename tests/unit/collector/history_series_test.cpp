#include "collector/history_series.h"

#include <set>

#include <gtest/gtest.h>

namespace muster::collector {
namespace {

using std::chrono::seconds;

Instant at(int s) { return Instant(seconds(s)); }

Family family(const std::string& name, double value) {
  return {name, "", MetricType::Counter, {{{}, value}}};
}

Family by_device(const std::string& name, const std::map<std::string, double>& values) {
  Family made{name, "", MetricType::Counter, {}};
  for (const auto& [device, value] : values) made.samples.push_back({{{"device", device}}, value});
  return made;
}

// Two processors that have spent the same.
Family cpu(double user, double iowait, double idle) {
  Family made{"node_cpu_seconds_total", "", MetricType::Counter, {}};
  for (const char* processor : {"0", "1"}) {
    for (const auto& [mode, value] : std::map<std::string, double>{{"user", user},
                                                                   {"nice", 0},
                                                                   {"system", 0},
                                                                   {"idle", idle},
                                                                   {"iowait", iowait},
                                                                   {"irq", 0},
                                                                   {"softirq", 0},
                                                                   {"steal", 0}}) {
      made.samples.push_back({{{"cpu", processor}, {"mode", mode}}, value});
    }
  }
  return made;
}

TEST(SeriesReader, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const SeriesKind& kind : series_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
  }
  EXPECT_EQ(kind_of("network_receive:eth0")->unit, "bytes/s");
  EXPECT_EQ(kind_of("nothing"), nullptr);
}

TEST(SeriesReader, ADeviceIsNamedWhereThereIsOneForEachAndNowhereElse) {
  for (const char* wrong : {"cpu_busy:typo", "cpu_busy:", "network_receive", "disk_busy",
                            "filesystem_used", "network_receive_total:eth0"}) {
    EXPECT_EQ(kind_of(wrong), nullptr) << wrong;
  }
  for (const char* right : {"cpu_busy", "disk_busy:sda", "filesystem_used:/", "disk_read_total"}) {
    EXPECT_NE(kind_of(right), nullptr) << right;
  }
}

TEST(SeriesReader, ACounterBecomesARateFromTheSecondReadingOn) {
  SeriesReader reader;
  EXPECT_FALSE(reader.read({family("node_forks_total", 100)}, at(0)).contains("forks"));
  EXPECT_FLOAT_EQ(reader.read({family("node_forks_total", 150)}, at(10)).at("forks"), 5);
}

TEST(SeriesReader, ACounterThatBeganAnewIsLeftOutOnce) {
  SeriesReader reader;
  (void)reader.read({family("node_forks_total", 100)}, at(0));
  EXPECT_FALSE(reader.read({family("node_forks_total", 5)}, at(10)).contains("forks"));
  EXPECT_FLOAT_EQ(reader.read({family("node_forks_total", 15)}, at(20)).at("forks"), 1);
}

TEST(SeriesReader, TheProcessorsTimeIsDividedIntoShares) {
  SeriesReader reader;
  (void)reader.read({cpu(0, 0, 0)}, at(0));
  const Measured measured = reader.read({cpu(2, 1, 7)}, at(10));
  EXPECT_FLOAT_EQ(measured.at("cpu_user"), 0.2F);
  EXPECT_FLOAT_EQ(measured.at("cpu_iowait"), 0.1F);
  EXPECT_FLOAT_EQ(measured.at("cpu_idle"), 0.7F);
  EXPECT_FLOAT_EQ(measured.at("cpu_busy"), 0.2F);
  // A processor was taken away.
  EXPECT_FALSE(reader.read({cpu(1, 0, 3)}, at(20)).contains("cpu_busy"));
}

TEST(SeriesReader, MemoryIsUsedWhereItIsNotAvailable) {
  SeriesReader reader;
  const Measured measured = reader.read(
      {family("node_memory_MemTotal_bytes", 1000), family("node_memory_MemAvailable_bytes", 250),
       family("node_memory_SwapTotal_bytes", 0), family("node_memory_SwapFree_bytes", 0)},
      at(0));
  EXPECT_FLOAT_EQ(measured.at("memory_used"), 0.75F);
  EXPECT_FALSE(measured.contains("swap_used"));
}

TEST(SeriesReader, TotalsCountNoTrafficTwice) {
  SeriesReader reader;
  const auto reading = [](double by) {
    return Families{by_device("node_network_receive_bytes_total", {{"lo", by},
                                                                   {"eth0", by},
                                                                   {"eth1", by},
                                                                   {"bond0", 2 * by},
                                                                   {"eth0.7", by},
                                                                   {"veth12ab", by}})};
  };
  (void)reader.read(reading(0), at(0));
  const Measured measured = reader.read(reading(100), at(10));
  EXPECT_FLOAT_EQ(measured.at("network_receive_total"), 20);
  EXPECT_FLOAT_EQ(measured.at("network_receive:bond0"), 20);
  EXPECT_FALSE(measured.contains("network_receive:lo"));
  EXPECT_FALSE(measured.contains("network_receive:veth12ab"));
}

TEST(SeriesReader, AMachineWithAThousandDevicesHasAFewInItsHistory) {
  std::map<std::string, double> devices;
  for (int i = 0; i < 1000; ++i) devices["eth" + std::to_string(i)] = i;
  SeriesReader reader;
  const Families families{by_device("node_network_receive_bytes_total", devices),
                          by_device("node_network_transmit_bytes_total", devices)};
  (void)reader.read(families, at(0));
  const Measured measured = reader.read(families, at(10));
  EXPECT_EQ(measured.size(), 2 * SeriesReader::kDevicesMax + 2);
}

TEST(SeriesReader, ANameHoldsNothingThatWouldEndItInAQuery) {
  Family size{"node_filesystem_size_bytes", "", MetricType::Gauge, {}};
  size.samples.push_back({{{"mountpoint", "/a,b c\n\xff"}}, 100});
  size.samples.push_back({{{"mountpoint", "/" + std::string(500, 'x')}}, 100});
  Family free = size;
  free.name = "node_filesystem_free_bytes";
  free.samples[0].value = 50;
  Family available = free;
  available.name = "node_filesystem_avail_bytes";
  available.samples[0].value = 30;
  SeriesReader reader;
  const Measured measured = reader.read({size, free, available}, at(0));
  EXPECT_FLOAT_EQ(measured.at("filesystem_used:/a_b_c__"), 50.0F / 80);
  EXPECT_EQ(measured.size(), 2U);
}

}  // namespace
}  // namespace muster::collector
