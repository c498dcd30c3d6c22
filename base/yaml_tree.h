// How does YAML text become a tree that remembers positions, and refuses what is not plain?
//
// The inside of base/yaml_reader.h (yaml-cpp's events in, Items out): nobody else includes it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/yaml_reader.h"

namespace muster {

struct YamlTree {
  enum class Kind { Null, Scalar, List, Map };
  struct Entry {
    std::string key;
    YamlPosition at;  // of the key
    std::size_t item;
    bool known = false;  // asked for, or the user's own
  };
  struct Item {
    Kind kind = Kind::Null;
    YamlPosition at;
    std::string text;                // Scalar
    bool quoted = false;             // Scalar
    std::vector<std::size_t> items;  // List
    std::vector<Entry> entries;      // Map, in the file's order
    bool opened = false;             // List, Map: somebody reads what is in it
    bool complained = false;         // its type was found wrong: once is enough
    std::vector<std::string> asked;  // Map: the keys that it could have
  };
  struct Found {
    YamlPosition at;
    Problem problem;
  };

  std::string file;
  std::vector<Item> items;  // index: what YamlNode and Entry hold
  std::vector<std::size_t> documents;
  std::vector<Found> found;
  std::size_t found_beyond = 0;  // problems over kFoundMax: counted only
  std::vector<std::string> unset;

  static constexpr std::size_t kFoundMax = 100;
  void add(YamlPosition at, Problem problem);
  [[nodiscard]] Error error(YamlPosition at, const Problem& problem) const;
};

[[nodiscard]] std::string child_path(std::string_view path, std::string_view key);
[[nodiscard]] std::string child_path(std::string_view path, std::size_t index);

// Fills `tree`, whose file is set. Duplicate keys become problems in it; the first one counts.
[[nodiscard]] Status parse_yaml(std::string_view text, YamlTree& tree);

}  // namespace muster
