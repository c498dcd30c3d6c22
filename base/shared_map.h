// How does a small map that is often read and seldom changed stay cheap to copy?
//
// Core. A std::map behind one pointer: copies share it until one of them is about to change. For
// maps whose values are changed in place and which are small enough to be copied as a whole; the
// large one is a base/cow_map.h. A reference to a value is to be let go before the map is copied.
// Looking something up never copies: what is to be changed is asked for by another name.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <utility>

namespace muster {

template <class Key, class Value>
class SharedMap {
 public:
  using Map = std::map<Key, Value>;
  using key_type = Key;
  using mapped_type = Value;
  using value_type = typename Map::value_type;
  using const_iterator = typename Map::const_iterator;

  SharedMap() = default;
  SharedMap(std::initializer_list<value_type> entries) : map_(std::make_shared<Map>(entries)) {}
  operator const Map&() const { return read(); }  // NOLINT: it is one, to whoever only reads

  [[nodiscard]] std::size_t size() const { return read().size(); }
  [[nodiscard]] bool empty() const { return read().empty(); }
  [[nodiscard]] const_iterator begin() const { return read().begin(); }
  [[nodiscard]] const_iterator end() const { return read().end(); }
  [[nodiscard]] auto rbegin() const { return read().rbegin(); }
  [[nodiscard]] auto rend() const { return read().rend(); }
  [[nodiscard]] const_iterator find(const Key& key) const { return read().find(key); }
  [[nodiscard]] const_iterator lower_bound(const Key& key) const { return read().lower_bound(key); }
  [[nodiscard]] bool contains(const Key& key) const { return read().contains(key); }
  [[nodiscard]] const Value& at(const Key& key) const { return read().at(key); }

  // All below are about to change the map: what other copies share is copied first.
  [[nodiscard]] Map& edit() { return own(); }
  // The value of `key`; null, and nothing is copied, when there is none.
  [[nodiscard]] Value* edit(const Key& key) {
    return contains(key) ? &own().find(key)->second : nullptr;
  }
  Value& operator[](const Key& key) { return own()[key]; }
  template <class... Arguments>
  bool emplace(Arguments&&... arguments) {  // false: there is one
    return own().emplace(std::forward<Arguments>(arguments)...).second;
  }
  bool insert(const value_type& entry) { return own().insert(entry).second; }
  std::size_t erase(const Key& key) { return contains(key) ? own().erase(key) : 0; }
  template <class Predicate>
  std::size_t erase_if(const Predicate& ends) {
    return std::none_of(begin(), end(), ends) ? 0 : std::erase_if(own(), ends);
  }
  void clear() { map_.reset(); }

  friend bool operator==(const SharedMap& a, const SharedMap& b) {
    return a.map_ == b.map_ || a.read() == b.read();
  }

 private:
  [[nodiscard]] const Map& read() const {
    static const Map kNone;
    return map_ ? *map_ : kNone;
  }
  [[nodiscard]] Map& own() {
    const std::shared_ptr<Map> share = map_;  // as in CowMap::own()
    if (!map_) {
      map_ = std::make_shared<Map>();
    } else if (map_.use_count() > 2) {
      map_ = std::make_shared<Map>(*map_);
    }
    return *map_;
  }

  std::shared_ptr<Map> map_;  // null: empty
};

}  // namespace muster
