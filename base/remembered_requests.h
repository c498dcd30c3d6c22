// Which requests of clients were done lately, and what was their result?
//
// Core. A client that never heard the answer asks again with the same id and gets the first answer.
// Bounded, the oldest is forgotten first; lookups are O(log n), copies share everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/cow_list.h"
#include "base/cow_map.h"
#include "base/error.h"

namespace muster {

struct RequestRecord {
  std::string id;
  // 0: written by version 1 of the log, which remembered only that it was done.
  std::uint64_t index = 0;
  std::string text{};       // of its success
  std::uint64_t token = 0;  // fencing token that it was given; 0: none
  std::optional<Error> error{};
  bool operator==(const RequestRecord&) const = default;
};

class RememberedRequests {
 public:
  using const_iterator = CowList<RequestRecord>::const_iterator;

  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] const_iterator begin() const { return order_.begin(); }  // oldest first
  [[nodiscard]] const_iterator end() const { return order_.end(); }
  [[nodiscard]] bool contains(const std::string& id) const { return places_.contains(id); }
  // Null when it is not remembered; good until the next change.
  [[nodiscard]] const RequestRecord* find(const std::string& id) const {
    const auto place = places_.find(id);
    return place == places_.end() ? nullptr : &order_.at(place->second);
  }

  // Pre: !contains(record.id). Forgets the oldest until at most `most` are left.
  void remember(RequestRecord record, std::size_t most) {
    places_.put(record.id, order_.next());
    order_.push_back(std::move(record));
    while (order_.size() > most) {
      places_.erase(order_.front().id);
      order_.pop_front();
    }
  }

  bool operator==(const RememberedRequests& other) const { return order_ == other.order_; }

 private:
  CowList<RequestRecord> order_;
  CowMap<std::string, std::uint64_t> places_;  // by id: its position in order_
};

}  // namespace muster
