// How does a bounded history stay cheap to copy while it goes on?
//
// Core. A list that grows at its end and is cut at its beginning, whose copies share what is in
// them: a CowMap by position. What is in it never changes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "base/cow_map.h"

namespace muster {

template <class T>
class CowList {
  using Items = CowMap<std::uint64_t, T>;

 public:
  using value_type = T;

  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    const_iterator() = default;
    explicit const_iterator(typename Items::const_iterator at) : at_(at) {}
    reference operator*() const { return at_->second; }
    pointer operator->() const { return &at_->second; }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) { return const_iterator(at_++); }
    const_iterator& operator--() {
      --at_;
      return *this;
    }
    const_iterator operator--(int) { return const_iterator(at_--); }
    bool operator==(const const_iterator&) const = default;

   private:
    typename Items::const_iterator at_;
  };
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  CowList() = default;
  CowList(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }

  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  [[nodiscard]] const_iterator begin() const { return const_iterator(items_.begin()); }
  [[nodiscard]] const_iterator end() const { return const_iterator(items_.end()); }
  [[nodiscard]] const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
  [[nodiscard]] const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }
  [[nodiscard]] const T& front() const { return *begin(); }  // Pre: not empty
  [[nodiscard]] const T& back() const { return *--end(); }   // Pre: not empty
  // By its position since the first push_back() of all. Pre: it is there.
  [[nodiscard]] const T& at(std::uint64_t position) const { return items_.at(position); }
  [[nodiscard]] std::uint64_t next() const { return next_; }  // position of the next push_back()

  void push_back(T item) { items_.put(next_++, std::move(item)); }
  void pop_front() { items_.erase(items_.begin()->first); }  // Pre: not empty
  void clear() { items_.clear(); }

  // The same items in the same order, wherever they are in it.
  bool operator==(const CowList& other) const {
    return size() == other.size() && std::equal(begin(), end(), other.begin());
  }

 private:
  Items items_;
  std::uint64_t next_ = 0;
};

}  // namespace muster
