// How does a map of a million keys stay cheap to copy while it changes?
//
// Core. An ordered map whose copies share their nodes: a B+ tree (Comer 1979) in which a node is
// copied only when it is about to change and somebody else still holds it ("path copying", Driscoll
// et al. 1989). A copy costs one pointer; a change costs O(log n) and never moves what other copies
// see, so one thread may change its map while others read their own copies of it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"

namespace muster {

// Key is ordered by std::less<>: for texts a std::string_view finds as well. Values are replaced,
// never changed in place. Iterators end with the next change of their map.
template <class Key, class Value>
class CowMap {
  struct Node;

 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = std::pair<const Key, Value>;

  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = CowMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return *leaf_->entries[at_]; }
    pointer operator->() const { return leaf_->entries[at_].get(); }
    const_iterator& operator++() {
      if (++at_ == leaf_->entries.size()) *this = map_->above(leaf_->entries.back()->first);
      return *this;
    }
    const_iterator operator++(int) {
      const_iterator before = *this;
      ++*this;
      return before;
    }
    const_iterator& operator--() {  // of end() too
      if (leaf_ == nullptr) return *this = map_->last();
      if (at_ == 0) return *this = map_->below(leaf_->entries.front()->first);
      --at_;
      return *this;
    }
    const_iterator operator--(int) {
      const_iterator before = *this;
      --*this;
      return before;
    }
    bool operator==(const const_iterator& other) const {
      return leaf_ == other.leaf_ && at_ == other.at_;
    }

   private:
    friend class CowMap;
    const_iterator(const CowMap* map, const Node* leaf, std::size_t at)
        : map_(map), leaf_(leaf), at_(at) {}
    const CowMap* map_ = nullptr;
    const Node* leaf_ = nullptr;  // null: the end
    std::size_t at_ = 0;
  };
  using iterator = const_iterator;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const_iterator begin() const {
    const Node* node = root_.get();
    while (node != nullptr && !node->leaf()) node = node->children.front().get();
    return {this, node, 0};
  }
  [[nodiscard]] const_iterator end() const { return {this, nullptr, 0}; }
  [[nodiscard]] const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
  [[nodiscard]] const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }

  template <class K>
  [[nodiscard]] const_iterator find(const K& key) const {
    if (!root_) return end();
    const Node* node = root_.get();
    while (!node->leaf()) node = node->children[child_of(*node, key)].get();
    const std::size_t at = entry_of(*node, key);
    if (at == node->entries.size() || std::less<>()(key, node->entries[at]->first)) return end();
    return {this, node, at};
  }
  template <class K>
  [[nodiscard]] bool contains(const K& key) const {
    return find(key) != end();
  }
  template <class K>
  [[nodiscard]] const Value& at(const K& key) const {  // Pre: contains(key)
    const const_iterator found = find(key);
    CHECK(found != end());
    return found->second;
  }
  // The first whose key is not less.
  template <class K>
  [[nodiscard]] const_iterator lower_bound(const K& key) const {
    return root_ ? first(*root_, key, true) : end();
  }

  // Puts `value` in the place of the one that there is. True: the key is new.
  bool put(Key key, Value value) {
    auto entry = std::make_shared<const value_type>(std::move(key), std::move(value));
    if (!root_) root_ = std::make_shared<Node>();
    bool fresh = false;
    Split split = put_into(own(root_), std::move(entry), fresh);
    if (split.right) {
      auto root = std::make_shared<Node>();
      root->children.push_back(std::move(root_));
      root->lows.emplace_back();
      root->children.push_back(std::move(split.right));
      root->lows.push_back(std::move(split.low));
      root_ = std::move(root);
    }
    if (fresh) ++size_;
    return fresh;
  }
  // True: it was there.
  template <class K>
  bool erase(const K& key) {
    if (!contains(key)) return false;  // and nothing is copied for it
    erase_from(own(root_), key);
    --size_;
    while (!root_->leaf() && root_->children.size() == 1) {
      Child only = root_->children.front();
      root_ = std::move(only);
    }
    if (size_ == 0) root_.reset();
    return true;
  }
  void clear() {
    root_.reset();
    size_ = 0;
  }

  bool operator==(const CowMap& other) const {
    if (size_ != other.size_) return false;
    return root_ == other.root_ || std::equal(begin(), end(), other.begin());
  }

 private:
  static constexpr std::size_t kMost = 32;  // entries or children of one node
  static constexpr std::size_t kFew = 8;    // fewer are put together with a neighbour's

  using Entry = std::shared_ptr<const value_type>;
  using Child = std::shared_ptr<Node>;
  using Low = std::shared_ptr<const Key>;
  struct Node {
    std::vector<Entry> entries;   // of a leaf; never empty but while it changes
    std::vector<Child> children;  // of any other node
    std::vector<Low> lows;        // no key below children[i] is less; of the first: null
    [[nodiscard]] bool leaf() const { return children.empty(); }
    [[nodiscard]] std::size_t count() const { return leaf() ? entries.size() : children.size(); }
  };
  struct Split {
    Child right;  // null: there was room
    Low low;
  };

  // The node, for this map to change. Taking a share of it first is what makes the count worth
  // reading: shared_ptr counts up and down with acquire and release, so whoever gave up the last
  // other share has done with the node when the count says that there is no other.
  static Node& own(Child& child) {
    const Child share = child;
    if (child.use_count() > 2) child = std::make_shared<Node>(*child);
    return *child;
  }

  template <class K>
  static std::size_t child_of(const Node& node, const K& key) {
    const auto above =
        std::upper_bound(node.lows.begin() + 1, node.lows.end(), key,
                         [](const K& k, const Low& low) { return std::less<>()(k, *low); });
    return static_cast<std::size_t>(above - node.lows.begin()) - 1;
  }
  template <class K>
  static std::size_t entry_of(const Node& leaf, const K& key) {
    const auto at = std::lower_bound(
        leaf.entries.begin(), leaf.entries.end(), key,
        [](const Entry& entry, const K& k) { return std::less<>()(entry->first, k); });
    return static_cast<std::size_t>(at - leaf.entries.begin());
  }

  // The first entry whose key is greater, or not less where `equal`.
  template <class K>
  const_iterator first(const Node& node, const K& key, bool equal) const {
    if (node.leaf()) {
      std::size_t at = entry_of(node, key);
      const bool same = at < node.entries.size() && !std::less<>()(key, node.entries[at]->first);
      if (same && !equal) ++at;
      return at < node.entries.size() ? const_iterator(this, &node, at) : end();
    }
    for (std::size_t c = child_of(node, key); c < node.children.size(); ++c) {
      const const_iterator found = first(*node.children[c], key, equal);
      if (found != end()) return found;
    }
    return end();
  }
  const_iterator above(const Key& key) const { return first(*root_, key, false); }
  // The last entry whose key is less; end() when there is none.
  const_iterator below(const Key& key) const { return last_below(*root_, key); }
  const_iterator last_below(const Node& node, const Key& key) const {
    if (node.leaf()) {
      const std::size_t at = entry_of(node, key);
      return at > 0 ? const_iterator(this, &node, at - 1) : end();
    }
    for (std::size_t c = child_of(node, key) + 1; c > 0; --c) {
      const const_iterator found = last_below(*node.children[c - 1], key);
      if (found != end()) return found;
    }
    return end();
  }
  const_iterator last() const {
    const Node* node = root_.get();
    while (node != nullptr && !node->leaf()) node = node->children.back().get();
    return {this, node, node == nullptr ? 0 : node->entries.size() - 1};
  }

  // In small steps: most nodes of a map in use are neither full nor about to be.
  template <class T>
  static void insert_at(std::vector<T>& list, std::size_t at, T item) {
    if (list.size() == list.capacity()) list.reserve(std::min(list.size() + 8, kMost + 1));
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), std::move(item));
  }
  template <class T>
  static void move_tail(std::vector<T>& from, std::size_t cut, std::vector<T>& to) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(cut);
    to.insert(to.end(), std::make_move_iterator(begin), std::make_move_iterator(from.end()));
    from.erase(begin, from.end());
  }
  // Half of an overfull node goes to a new neighbour; only the new last one when it came at the
  // end: maps that are filled in order get full nodes.
  static Split split(Node& node, bool at_end) {
    if (node.count() <= kMost) return {};
    const std::size_t cut = at_end ? kMost : node.count() / 2;
    Split split{std::make_shared<Node>(), nullptr};
    if (node.leaf()) {
      move_tail(node.entries, cut, split.right->entries);
      split.low = std::make_shared<const Key>(split.right->entries.front()->first);
    } else {
      move_tail(node.children, cut, split.right->children);
      move_tail(node.lows, cut, split.right->lows);
      split.low = std::move(split.right->lows.front());
    }
    return split;
  }
  static Split put_into(Node& node, Entry entry, bool& fresh) {
    const Key& key = entry->first;
    if (node.leaf()) {
      const std::size_t at = entry_of(node, key);
      const bool at_end = at == node.entries.size();
      fresh = at_end || std::less<>()(key, node.entries[at]->first);
      if (!fresh) {
        node.entries[at] = std::move(entry);
        return {};
      }
      insert_at(node.entries, at, std::move(entry));
      return split(node, at_end);
    }
    const std::size_t c = child_of(node, key);
    Split below = put_into(own(node.children[c]), std::move(entry), fresh);
    if (!below.right) return {};
    const bool at_end = c + 1 == node.children.size();
    insert_at(node.children, c + 1, std::move(below.right));
    insert_at(node.lows, c + 1, std::move(below.low));
    return split(node, at_end);
  }

  template <class K>
  static void erase_from(Node& node, const K& key) {
    if (node.leaf()) {
      node.entries.erase(node.entries.begin() + static_cast<std::ptrdiff_t>(entry_of(node, key)));
      return;
    }
    const std::size_t c = child_of(node, key);
    Node& child = own(node.children[c]);
    erase_from(child, key);
    if (child.count() == 0) return drop_child(node, c);
    if (child.count() >= kFew) return;
    const std::size_t left = c > 0 ? c - 1 : c;
    if (left + 1 == node.children.size()) return;
    if (node.children[left]->count() + node.children[left + 1]->count() > kMost) return;
    Node& into = own(node.children[left]);
    Node& from = own(node.children[left + 1]);
    if (!from.leaf()) from.lows.front() = node.lows[left + 1];
    move_tail(from.entries, 0, into.entries);
    move_tail(from.children, 0, into.children);
    move_tail(from.lows, 0, into.lows);
    drop_child(node, left + 1);
  }
  static void drop_child(Node& node, std::size_t c) {
    node.children.erase(node.children.begin() + static_cast<std::ptrdiff_t>(c));
    node.lows.erase(node.lows.begin() + static_cast<std::ptrdiff_t>(c));
    if (!node.lows.empty()) node.lows.front().reset();
  }

  Child root_;  // null when the map is empty
  std::size_t size_ = 0;
};

}  // namespace muster
