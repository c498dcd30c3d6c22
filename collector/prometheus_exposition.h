// What does muster count of itself?
//
// Driver of prometheus-cpp: owns its registry and every instrument of muster, declared in one table
// in prometheus_exposition.cpp. May be used from any thread; no call blocks but on its own lock.
// An unknown name, the wrong verb for a type, or label names other than the declared ones are
// mistakes of our own and abort; label values may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sample.h"

namespace prometheus {
class Counter;
class Histogram;
}  // namespace prometheus

namespace muster::collector {

using Labels = std::map<std::string, std::string>;

class Instruments {
 public:
  // A series more than that in one family is not recorded but counted in
  // muster_series_dropped_total: label values may come from outside.
  static constexpr std::size_t kSeriesMax = 10'000;

  // One series, looked up once: for what happens many times a second. Valid as long as the
  // Instruments.
  class Counter {
   public:
    void add(double by = 1) const;  // pre: by >= 0 and finite

   private:
    friend class Instruments;
    prometheus::Counter* series_ = nullptr;  // null: the family was full
  };
  class Histogram {
   public:
    void observe(double value) const;  // as Instruments::observe()

   private:
    friend class Instruments;
    prometheus::Histogram* series_ = nullptr;
  };

  // Counters and histograms without labels begin at 0; muster_build_info is set. A gauge is absent
  // until it is set: it does not claim what nobody has measured.
  Instruments();
  ~Instruments();
  Instruments(const Instruments&) = delete;
  Instruments& operator=(const Instruments&) = delete;

  // Counter += by. Pre: by >= 0 and finite.
  void count(std::string_view name, const Labels& labels = {}, double by = 1);
  // Gauge = value.
  void set(std::string_view name, const Labels& labels, double value);
  // The gauge family becomes exactly `series`: what is not in it disappears. Atomic for read().
  void replace(std::string_view name, const std::vector<std::pair<Labels, double>>& series);
  // Histogram takes in `value`, in the unit of the name; what is below 0 or not finite counts as 0.
  void observe(std::string_view name, double value, const Labels& labels = {});

  // The series begins at 0 with the first call.
  [[nodiscard]] Counter counter(std::string_view name, const Labels& labels = {});
  [[nodiscard]] Histogram histogram(std::string_view name, const Labels& labels = {});

  // What has a value, families in the order of the table, series by their labels. Kept by who reads
  // again and again: while no series comes or goes, only values are written anew. Of one
  // Instruments.
  class Reading {
   public:
    [[nodiscard]] const Families& families() const { return families_; }

   private:
    friend class Instruments;
    Families families_;
    std::uint64_t of_ = 0;  // State::changes; 0: nothing was read yet
  };
  void read(Reading& reading) const;
  // The same in Prometheus' text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace muster::collector
