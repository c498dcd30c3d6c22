#include "collector/netstat.h"

#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/collector/families.h"
#include "tests/unit/collector/made_up_host.h"

namespace muster::collector {
namespace {

const Filter kAll = [](std::string_view) { return true; };

struct NetworkedMachine : MadeUpHost {
  NetworkedMachine() {
    files = {
        {"/proc/net/netstat",
         "TcpExt: SyncookiesSent TW ListenDrops TCPOFOQueue\nTcpExt: 11 100626 7 260\n"
         "IpExt: InNoRoutes InOctets\nIpExt: 0 13970125054\n"},
        {"/proc/net/snmp",
         "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn RetransSegs InErrs\nTcp: -1 3359 2\n"},
        {"/proc/net/snmp6", "Ip6InReceives   5\nIp6InOctets 1892896\nUdp6InErrors\t3\nOther 4\n"}};
  }
};

TEST(Netstat, TheFieldsThatAreKeptAreShownFromAllThreeFiles) {
  const NetworkedMachine machine;
  const std::set<std::string, std::less<>> wanted{"TcpExt_ListenDrops", "IpExt_InOctets",
                                                  "Tcp_MaxConn", "Ip6_InOctets", "Udp6_InErrors"};
  const auto families =
      collect_netstat(machine, [&](std::string_view name) { return wanted.contains(name); });
  EXPECT_EQ(samples_text(families),
            "node_netstat_TcpExt_ListenDrops 7\nnode_netstat_IpExt_InOctets 13970125054\n"
            "node_netstat_Tcp_MaxConn -1\nnode_netstat_Ip6_InOctets 1892896\n"
            "node_netstat_Udp6_InErrors 3\n");
  ASSERT_TRUE(families);
  EXPECT_EQ(families->front().type, MetricType::Untyped);
  EXPECT_EQ(families->front().help, "Statistic TcpExtListenDrops.");
  EXPECT_EQ(collect_netstat(machine, {}).value().size(), 14U);
}

TEST(Netstat, AKernelWithoutIpv6ShowsTheRestAndOneWithoutIpv4HasNoData) {
  NetworkedMachine machine;
  machine.files.erase("/proc/net/snmp6");
  EXPECT_TRUE(collect_netstat(machine, {}));
  machine.files.erase("/proc/net/snmp");
  const auto none = collect_netstat(machine, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::NotFound);
}

TEST(Netstat, PairsOfLinesThatDoNotFitTogetherAreRefused) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "is empty"},
      {"Ip: A\nIp: 1", "is cut off"},
      {"Ip: A\n", "has no line of numbers"},
      {"Ip: A\nTcp: 1\n", "do not begin with one protocol"},
      {"Ip A\nIp 1\n", "do not begin with one protocol"},
      {"\n\n", "do not begin with one protocol"},
      {"Ip: A B\nIp: 1\n", "have not the same number of fields"},
      {"Ip: A\nIp: 1 2\n", "have not the same number of fields"},
      {"Ip: A\nIp: x\n", "is not made of names and numbers"},
      {"Ip: A{}\nIp: 1\n", "is not made of names and numbers"},
      {"Ip: A A\nIp: 1 2\n", "has a field for the second time"},
  };
  for (const auto& [text, why] : cases) {
    expect_refusal(parse_netstat("/proc/net/snmp", text, kAll), "netstat", why);
  }
  std::string names = "Ip:";
  std::string numbers = "Ip:";
  for (int i = 0; i < 5000; ++i) {
    names += " F" + std::to_string(i);
    numbers += " 1";
  }
  expect_refusal(parse_netstat("/proc/net/snmp", names + "\n" + numbers + "\n", kAll), "netstat",
                 "has more fields than any kernel");
}

TEST(Netstat, LinesOfSnmp6ThatAreNoNameAndNumberAreRefused) {
  for (const char* text : {"", "Ip6InOctets 1", "Ip6InOctets\n", "Ip6InOctets x\n", "Ip6{} 1\n",
                           "Ip6 1\n", "\n", "Other x\n", "Ip6A 1\nIp6A 2\n"}) {
    EXPECT_FALSE(parse_snmp6(text, kAll)) << text;
  }
}

}  // namespace
}  // namespace muster::collector
