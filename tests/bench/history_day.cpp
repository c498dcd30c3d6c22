// What does it cost to record a node's history for a day, and to read it?
//
// bench_history DIRECTORY [SERIES]: two simulated days through the production store, flushed once a
// minute, in DIRECTORY, which should be on a real disk.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/resource.h>

#include "collector/sqlite_history.h"

namespace {

using muster::WallTime;
using muster::collector::HistoryOptions;
using muster::collector::Measured;
using muster::collector::SqliteHistory;

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(used.ru_utime) + of(used.ru_stime);
}

// Of all files of the history.
std::uintmax_t bytes_in(const std::string& directory) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().filename().string().starts_with("history.db")) bytes += entry.file_size();
  }
  return bytes;
}

// A fifth of the series never moves, as those of idle devices; the others never repeat.
Measured measured(int series, int tick) {
  Measured values;
  std::uint64_t seed = static_cast<std::uint64_t>(tick) * 977 + 1;
  for (int i = 0; i < series; ++i) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    values["network_receive_packets:eth" + std::to_string(i)] =
        i % 5 == 0 ? 0.0F : static_cast<float>(seed >> 40) / 1000.0F;
  }
  return values;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int series = argc > 2 ? std::atoi(argv[2]) : 100;
  const std::string path = std::string(argv[1]) + "/history.db";
  std::filesystem::remove(path);
  constexpr int kTicks = 2 * 8640;
  constexpr int kTicksAMinute = 6;
  std::int64_t at = 1'700'000'000'000;
  std::uintmax_t largest = 0;
  double slowest = 0;
  double making = 0;
  SqliteHistory history(path, HistoryOptions{});
  const double before = cpu_seconds();
  for (int tick = 0; tick < kTicks; ++tick, at += 10'000) {
    const double begin = cpu_seconds();
    const Measured values = measured(series, tick);
    making += cpu_seconds() - begin;
    history.add(WallTime(std::chrono::milliseconds(at)), values);
    if (tick % kTicksAMinute != 0) continue;
    const auto start = std::chrono::steady_clock::now();
    for (const auto& notice : history.flush()) std::fprintf(stderr, "%s\n", notice.text.c_str());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    slowest = std::max(slowest, took.count());
    largest = std::max(largest, bytes_in(argv[1]));
  }
  const double spent = cpu_seconds() - before - making;
  std::printf("%d series, two days: %.2f s of processor, %.4f %% of a core\n", series, spent,
              100 * spent / (kTicks * 10));
  std::printf("largest on disk: %.2f MiB; slowest flush %.1f ms\n",
              static_cast<double>(largest) / (1 << 20), slowest * 1000);
  const auto start = std::chrono::steady_clock::now();
  const auto grid = history.read("network_receive_packets:eth1",
                                 WallTime(std::chrono::milliseconds(at - 86'400'000)),
                                 WallTime(std::chrono::milliseconds(at)), std::chrono::seconds(10));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  if (!grid) return 1;
  const auto column = grid->column();
  const auto there = std::count_if(column.mean.begin(), column.mean.end(),
                                   [](float value) { return !std::isnan(value); });
  std::printf("a day of one series: %zu points of which %td are there, read in %.2f ms\n",
              column.mean.size(), there, took.count() * 1000);
  return 0;
}
