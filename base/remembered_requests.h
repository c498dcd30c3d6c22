// Which requests of clients were done lately, and what was their result?
//
// Core. A client that never heard the answer asks again with the same id and gets the first answer.
// Bounded, the oldest is forgotten first; copies share everything, as those of a base/cow_list.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cow_list.h"
#include "base/error.h"
#include "base/ids.h"

namespace muster {

struct RequestRecord {
  std::string id;
  // 0: written by version 1 of the log, which remembered only that it was done.
  std::uint64_t index = 0;
  std::string text{};       // of its success
  std::uint64_t token = 0;  // fencing token that it was given; 0: none
  std::optional<Error> error{};
  std::uint64_t asked = 0;  // digest of what it was and whose; 0: not known
  bool operator==(const RequestRecord&) const = default;
};

class RememberedRequests {
 public:
  using const_iterator = CowList<RequestRecord>::const_iterator;

  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] const_iterator begin() const { return order_.begin(); }  // oldest first
  [[nodiscard]] const_iterator end() const { return order_.end(); }
  [[nodiscard]] bool contains(const std::string& id) const { return find(id) != nullptr; }
  // Null when it is not remembered; good until the next change.
  [[nodiscard]] const RequestRecord* find(const std::string& id) const {
    const std::uint64_t hash = hash_of(id);
    const Node* node = places_.get();
    for (int level = 0; level < kLevels && node != nullptr; ++level) {
      node = node->below[branch(hash, level)].get();
    }
    if (node == nullptr) return nullptr;
    for (const Place& place : node->places) {
      if (place.hash != hash || place.position < oldest()) continue;
      const RequestRecord& record = order_.at(place.position);
      if (record.id == id) return &record;
    }
    return nullptr;
  }

  // Pre: !contains(record.id). Forgets the oldest until at most `most` are left.
  void remember(RequestRecord record, std::size_t most) {
    put({hash_of(record.id), order_.next()});
    order_.push_back(std::move(record));
    while (order_.size() > most) order_.pop_front();
  }

  bool operator==(const RememberedRequests& other) const { return order_ == other.order_; }

 private:
  // Where in order_ a request is: a tree by the bits of its id's hash, of which a change copies the
  // path. Few branches and wide leaves, because a copied pointer costs more than a copied number:
  // it writes to what it points to. A leaf lets go of what was forgotten when it is next put to.
  static constexpr int kLevels = 3;
  static constexpr std::size_t kBranches = 8;
  struct Place {
    std::uint64_t hash;
    std::uint64_t position;
  };
  struct Node {
    std::array<std::shared_ptr<Node>, kBranches> below;  // null: nothing is there
    std::vector<Place> places;                           // of a leaf
  };

  static std::uint64_t hash_of(const std::string& id) {
    const std::uint64_t hash = fnv1a64(id);
    return hash ^ (hash >> 32);
  }
  static std::size_t branch(std::uint64_t hash, int level) { return (hash >> (3 * level)) % 8; }
  [[nodiscard]] std::uint64_t oldest() const { return order_.next() - order_.size(); }

  static Node& own(std::shared_ptr<Node>& node) {
    const std::shared_ptr<Node> share = node;  // as in CowMap::own()
    if (!node) {
      node = std::make_shared<Node>();
    } else if (node.use_count() > 2) {
      node = std::make_shared<Node>(*node);
    }
    return *node;
  }
  void put(Place place) {
    Node* node = &own(places_);
    for (int level = 0; level < kLevels; ++level) {
      node = &own(node->below[branch(place.hash, level)]);
    }
    std::erase_if(node->places, [&](const Place& one) { return one.position < oldest(); });
    node->places.push_back(place);
  }

  CowList<RequestRecord> order_;
  std::shared_ptr<Node> places_;  // null: nothing was ever remembered
};

}  // namespace muster
