#include "collector/remembered_filter.h"

#include <string>
#include <utility>
#include <vector>

namespace muster::collector {
namespace {

constexpr std::size_t kNamesMax = 8192;  // many times what any kernel lists

class Remembered {
 public:
  explicit Remembered(Filter filter) : filter_(std::move(filter)) {}

  bool operator()(std::string_view name) {
    if (expected(name)) return seen_[next_++].second;
    const std::size_t before = std::exchange(next_, 0);
    if (expected(name)) return seen_[next_++].second;  // the list begins again
    next_ = before;
    if (next_ == kNamesMax) next_ = 0;
    seen_.resize(next_);  // what came after the known names is not what came last time
    seen_.emplace_back(name, filter_(name));
    return seen_[next_++].second;
  }

 private:
  [[nodiscard]] bool expected(std::string_view name) const {
    return next_ < seen_.size() && seen_[next_].first == name;
  }

  Filter filter_;
  std::vector<std::pair<std::string, bool>> seen_;  // in the order of the file
  std::size_t next_ = 0;                            // where the name asked about next should be
};
}  // namespace

Filter remembered(Filter filter) {
  if (!filter) return filter;
  return Remembered(std::move(filter));
}

}  // namespace muster::collector
