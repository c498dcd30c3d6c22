// What does `muster top` show?
//
// Pure: what is known of the nodes in, lines of a terminal out.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"

namespace muster::agent {

using SeriesValues = std::map<std::string, std::vector<float>>;  // by series, oldest first

struct TopNode {
  std::string name;
  std::string state;    // of membership
  std::string address;  // HTTP
  SeriesValues series;  // empty: nothing is known
};

struct TopState {
  std::string node;  // that is asked
  std::string cluster;
  std::string coordinator;
  WallTime now{};
  SeriesValues own;     // of the node that is asked
  std::string trouble;  // why something is missing or old; empty: all is well
  std::vector<TopNode> nodes;
  std::size_t first = 0;  // of the nodes on the screen
};

// What is read for the frame: of each node, and of the one that is asked besides.
inline constexpr const char* kTopSeries =
    "cpu_busy,memory_used,load1,network_receive_total,network_transmit_total";
inline constexpr const char* kTopOwnSeries =
    "cpu_busy,cpu_user,cpu_system,cpu_iowait,cpu_steal,memory_used,memory_total,memory_available,"
    "swap_used,load1,load5,load15,processes_running,processes_blocked,network_receive_total,"
    "network_transmit_total,disk_read_total,disk_write_total,pressure_cpu,pressure_memory,"
    "pressure_io,muster_cpu,muster_memory";

// How many nodes such a terminal has room for.
[[nodiscard]] std::size_t top_rows(std::size_t rows);
// At most `rows` lines of at most `columns` characters, without escape codes. Outside text cannot
// move the cursor.
[[nodiscard]] std::vector<std::string> top_lines(const TopState& state, std::size_t columns,
                                                 std::size_t rows, bool blocks);

}  // namespace muster::agent
