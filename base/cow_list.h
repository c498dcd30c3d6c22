// How does a bounded history stay cheap to copy while it goes on?
//
// Core. A list that grows at its end and is cut at its beginning, whose copies share what is in
// them. Items lie in chunks; a copy knows from where to where it reaches, so that what is put
// behind its end changes nothing for it: both ends move in O(1), and only when a chunk is full is
// the list of chunks copied, once for all that went into it. What is in it never changes.
//
// Lists that were copied from each other are changed by one thread; others may read theirs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"

namespace muster {

template <class T>
class CowList {
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
    reference operator*() const { return list_->at(position_); }
    pointer operator->() const { return &list_->at(position_); }
    const_iterator& operator++() {
      ++position_;
      return *this;
    }
    const_iterator operator++(int) { return const_iterator(list_, position_++); }
    const_iterator& operator--() {
      --position_;
      return *this;
    }
    const_iterator operator--(int) { return const_iterator(list_, position_--); }
    bool operator==(const const_iterator&) const = default;

   private:
    friend class CowList;
    const_iterator(const CowList* list, std::uint64_t position)
        : list_(list), position_(position) {}
    const CowList* list_ = nullptr;
    std::uint64_t position_ = 0;
  };
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  CowList() = default;
  CowList(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }
  CowList(const CowList&) = default;  // to move one is to copy it: that costs a pointer, too
  CowList& operator=(const CowList&) = default;
  ~CowList() = default;

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  [[nodiscard]] bool empty() const { return first_ == next_; }
  [[nodiscard]] const_iterator begin() const { return {this, first_}; }
  [[nodiscard]] const_iterator end() const { return {this, next_}; }
  [[nodiscard]] const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
  [[nodiscard]] const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }
  [[nodiscard]] const T& front() const { return at(first_); }    // Pre: not empty
  [[nodiscard]] const T& back() const { return at(next_ - 1); }  // Pre: not empty
  // By its position since the first push_back() of all. Pre: it is there.
  [[nodiscard]] const T& at(std::uint64_t position) const {
    return chunk_of(position)->at(position % kChunk);
  }
  [[nodiscard]] std::uint64_t next() const { return next_; }  // position of the next push_back()

  void push_back(T item) {
    const bool room = chunks_ && base_ + chunks_->size() > next_ / kChunk;
    if (!room || !chunk_of(next_)->append(next_ % kChunk, item)) {
      begin_chunk();
      CHECK(chunk_of(next_)->append(next_ % kChunk, item));
    }
    ++next_;
  }
  // Lets go of what is cut together with its chunk, when the next one begins. Pre: not empty.
  void pop_front() {
    if (++first_ == next_) chunks_.reset();
  }
  void clear() {
    first_ = next_;
    chunks_.reset();
  }

  // The same items in the same order, wherever they are in it.
  bool operator==(const CowList& other) const {
    if (size() != other.size()) return false;
    const bool shared = chunks_ == other.chunks_ && first_ == other.first_;
    return shared || std::equal(begin(), end(), other.begin());
  }

 private:
  static constexpr std::size_t kChunk = 64;  // items

  // Places for so many items, which are filled in their order and never emptied.
  class Chunk {
   public:
    explicit Chunk(std::size_t first) : first_(first), end_(first) {}
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    ~Chunk() {
      for (std::size_t i = first_; i < end_; ++i) std::destroy_at(&places_[i].item);
    }
    [[nodiscard]] const T& at(std::size_t place) const { return places_[place].item; }
    // Takes the item, unless another list has put one there.
    [[nodiscard]] bool append(std::size_t place, T& item) {
      if (place != end_) return false;
      std::construct_at(&places_[place].item, std::move(item));
      ++end_;
      return true;
    }

   private:
    union Place {
      Place() {}   // NOLINT(modernize-use-equals-default): nothing is in it yet
      ~Place() {}  // NOLINT(modernize-use-equals-default)
      T item;
    };
    std::size_t first_;
    std::size_t end_;
    Place places_[kChunk];
  };
  using Chunks = std::vector<std::shared_ptr<Chunk>>;

  [[nodiscard]] Chunk* chunk_of(std::uint64_t position) const {
    return (*chunks_)[static_cast<std::size_t>(position / kChunk - base_)].get();
  }

  // A chunk of its own for what comes next, in place of the one that another list has gone on with
  // (then with what this list has in it). Those of which nothing is left are let go.
  void begin_chunk() {
    const std::uint64_t full = next_ / kChunk;  // chunks, since the first push_back() of all
    const std::uint64_t from = std::max(first_, full * kChunk);
    auto last = std::make_shared<Chunk>(static_cast<std::size_t>(from % kChunk));
    for (std::uint64_t position = from; position < next_; ++position) {
      T copy = at(position);
      CHECK(last->append(static_cast<std::size_t>(position % kChunk), copy));
    }
    auto chunks = std::make_shared<Chunks>();
    const std::uint64_t base = first_ / kChunk;
    chunks->reserve(static_cast<std::size_t>(full - base) + 1);
    for (std::uint64_t i = base; i < full; ++i) {
      chunks->push_back((*chunks_)[static_cast<std::size_t>(i - base_)]);
    }
    chunks->push_back(std::move(last));
    chunks_ = std::move(chunks);
    base_ = base;
  }

  std::shared_ptr<const Chunks> chunks_;  // null: it is empty
  std::uint64_t base_ = 0;                // of the first chunk: its position / kChunk
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace muster
