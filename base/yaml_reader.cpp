#include "base/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <numeric>
#include <utility>

#include "base/quantity.h"
#include "base/yaml_tree.h"

namespace muster {
namespace {

using Kind = YamlTree::Kind;
using Item = YamlTree::Item;

std::string describe(const Item& item) {
  switch (item.kind) {
    case Kind::Null: return "nothing";
    case Kind::Scalar: return in_quotes(item.text);
    case Kind::List: return "a list";
    case Kind::Map: return "a mapping";
  }
  return "nothing";
}

// How many letters are to be added, removed or replaced (Levenshtein), up to short words only.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string unknown_key(std::string_view key, const std::vector<std::string>& asked) {
  constexpr std::size_t kWordMax = 40;
  constexpr std::size_t kTypos = 2;
  if (key.size() <= kWordMax) {
    const auto nearest = std::min_element(
        asked.begin(), asked.end(),
        [&](const auto& a, const auto& b) { return distance(key, a) < distance(key, b); });
    if (nearest != asked.end() && distance(key, *nearest) <= std::min(kTypos, key.size() / 2)) {
      return "unknown key, did you mean " + *nearest + "?";
    }
  }
  std::string all;
  for (const std::string& known : asked) all += (all.empty() ? "" : ", ") + known;
  return "unknown key, the keys here are " + all;
}

void collect_unknown(YamlTree& tree, std::size_t index, const std::string& path) {
  const Item& item = tree.items[index];  // the recursion adds no items
  if (!item.opened) return;
  for (std::size_t i = 0; i < item.items.size(); ++i) {
    collect_unknown(tree, item.items[i], child_path(path, i));
  }
  for (const YamlTree::Entry& entry : item.entries) {
    const std::string entry_path = child_path(path, entry.key);
    if (entry.known) {
      collect_unknown(tree, entry.item, entry_path);
    } else {
      const bool full = tree.found.size() >= YamlTree::kFoundMax;  // then it is only counted
      tree.add(entry.at, {entry_path, full ? "" : unknown_key(entry.key, item.asked)});
    }
  }
}

// The position of `path` below `index`, or of the nearest thing above it that is written.
YamlPosition locate(const YamlTree& tree, std::size_t index, std::string_view path,
                    YamlPosition nearest) {
  const Item& item = tree.items[index];
  if (path.starts_with('.')) path.remove_prefix(1);
  if (path.empty()) return nearest;
  if (item.kind == Kind::List && path.starts_with('[')) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(path.data() + 1, path.data() + path.size(), number);
    if (error != std::errc{} || number >= item.items.size()) return nearest;
    path.remove_prefix(std::min(static_cast<std::size_t>(end - path.data()) + 1, path.size()));
    return locate(tree, item.items[number], path, tree.items[item.items[number]].at);
  }
  const YamlTree::Entry* longest = nullptr;  // keys may hold dots: the longest that fits is meant
  for (const YamlTree::Entry& entry : item.entries) {
    const bool fits = path.starts_with(entry.key) &&
                      (path.size() == entry.key.size() || path[entry.key.size()] == '.' ||
                       path[entry.key.size()] == '[');
    if (fits && (!longest || entry.key.size() > longest->key.size())) longest = &entry;
  }
  if (!longest) return nearest;
  return locate(tree, longest->item, path.substr(longest->key.size()),
                tree.items[longest->item].at);
}

}  // namespace

bool YamlNode::is_list() const { return present() && tree_->items[item_].kind == Kind::List; }

void YamlNode::wrong(std::string_view what) const { tree_->add(at_, {path_, std::string(what)}); }

void YamlNode::mismatch(std::string_view expected) const {
  Item& item = tree_->items[item_];
  if (!std::exchange(item.complained, true)) {
    wrong("expected " + std::string(expected) + ", found " + describe(item));
  }
}

std::string YamlNode::child_path(std::string_view key) const {
  return muster::child_path(path_, key);
}

YamlNode YamlNode::key(std::string_view name) const {
  const std::string path = child_path(name);
  if (!present()) {
    tree_->unset.push_back(path);
    return {tree_, kAbsent, at_, path};
  }
  Item& item = tree_->items[item_];
  if (item.kind != Kind::Map && item.kind != Kind::Null) mismatch("a mapping of keys to values");
  item.opened = true;
  if (std::find(item.asked.begin(), item.asked.end(), name) == item.asked.end()) {
    item.asked.emplace_back(name);
  }
  for (YamlTree::Entry& entry : item.entries) {
    if (entry.key != name) continue;
    entry.known = true;
    return {tree_, entry.item, tree_->items[entry.item].at, path};
  }
  tree_->unset.push_back(path);
  return {tree_, kAbsent, at_, path};
}

std::vector<YamlNode> YamlNode::items(std::size_t max, std::string_view expected) const {
  std::vector<YamlNode> nodes;
  if (!present()) return nodes;
  Item& item = tree_->items[item_];
  if (item.kind != Kind::List) {
    if (item.kind != Kind::Null) mismatch(expected);
    return nodes;
  }
  if (item.items.size() > max) {
    wrong("at most " + std::to_string(max) + " items are taken, found " +
          std::to_string(item.items.size()));
    return nodes;
  }
  item.opened = true;
  for (std::size_t i = 0; i < item.items.size(); ++i) {
    nodes.push_back(
        {tree_, item.items[i], tree_->items[item.items[i]].at, muster::child_path(path_, i)});
  }
  return nodes;
}

std::vector<std::pair<std::string, YamlNode>> YamlNode::entries(std::size_t max) const {
  std::vector<std::pair<std::string, YamlNode>> nodes;
  if (!present()) return nodes;
  Item& item = tree_->items[item_];
  if (item.kind != Kind::Map) {
    if (item.kind != Kind::Null) mismatch("a mapping of names to text");
    return nodes;
  }
  if (item.entries.size() > max) {
    wrong("at most " + std::to_string(max) + " entries are taken, found " +
          std::to_string(item.entries.size()));
    return nodes;
  }
  item.opened = true;
  for (YamlTree::Entry& entry : item.entries) {
    entry.known = true;
    nodes.emplace_back(
        entry.key, YamlNode(tree_, entry.item, tree_->items[entry.item].at, child_path(entry.key)));
  }
  return nodes;
}

const std::string* YamlNode::scalar(std::string_view expected) const {
  if (!present()) return nullptr;
  const Item& item = tree_->items[item_];
  if (item.kind == Kind::Scalar) return &item.text;
  mismatch(expected);
  return nullptr;
}

const std::string* YamlNode::plain_scalar(std::string_view expected) const {
  const std::string* text = scalar(expected);
  if (!text || !tree_->items[item_].quoted) return text;
  mismatch(std::string(expected) + " without quotes");
  return nullptr;
}

bool YamlNode::read(std::string& out) const {
  const std::string* text = scalar("text");
  if (text) out = *text;
  return text != nullptr;
}

bool YamlNode::read(bool& out) const {
  const std::string* text = plain_scalar("true or false");
  if (!text) return false;
  if (*text != "true" && *text != "false") {
    mismatch("true or false");
    return false;
  }
  out = *text == "true";
  return true;
}

bool YamlNode::read_integer(std::int64_t& out, std::int64_t min, std::int64_t max) const {
  const std::string expected =
      "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  const std::string* text = plain_scalar(expected);
  if (!text) return false;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const std::string_view digits = std::string_view(*text).substr(text->starts_with('-') ? 1 : 0);
  // 0755 is octal for some readers of YAML and decimal for others: nobody gets to guess.
  const bool ambiguous = digits.size() > 1 && digits.front() == '0';
  if (error != std::errc{} || end != text->data() + text->size() || ambiguous || value < min ||
      value > max) {
    mismatch(expected);
    return false;
  }
  out = value;
  return true;
}

bool YamlNode::read_duration(Duration& out) const {
  const std::string* text = scalar("a duration such as 500ms, 10s, 5m, 1h or 7d");
  const auto value = text ? parse_duration(*text) : Duration{};
  if (!value) wrong(value.error().text);
  if (text && value) out = *value;
  return text && value;
}

bool YamlNode::read_address(Address& out) const {
  std::string text;
  if (!read(text)) return false;
  const auto address = parse_address(text);
  if (!address) wrong(address.error().text);
  if (address) out = *address;
  return address.has_value();
}

bool YamlNode::read_seconds(Duration& out) const {
  const std::string* text = plain_scalar("a number of seconds such as 10 or 0.2");
  const auto value = text ? parse_seconds(*text) : Duration{};
  if (!value) wrong(value.error().text);
  if (text && value) out = *value;
  return text && value;
}

bool YamlNode::read_size(std::uint64_t& out) const {
  const std::string* text = scalar("a size such as 256MiB");
  const auto value = text ? parse_size(*text) : Result<std::uint64_t>(0);
  if (!value) wrong(value.error().text);
  if (text && value) out = *value;
  return text && value;
}

bool YamlNode::read_cpu(std::uint32_t& out_millis) const {
  const std::string* text = scalar("a share of processors such as 500m or 1.5");
  const auto value = text ? parse_cpu(*text) : Result<std::uint32_t>(0);
  if (!value) wrong(value.error().text);
  if (text && value) out_millis = *value;
  return text && value;
}

Result<YamlFile> YamlFile::parse(std::string_view text, std::string file) {
  auto tree = std::make_shared<YamlTree>();
  tree->file = std::move(file);
  if (const Status parsed = parse_yaml(text, *tree); !parsed) {
    return tl::unexpected<Error>(parsed.error());
  }
  return YamlFile(std::move(tree));
}

std::vector<YamlNode> YamlFile::documents() const {
  std::vector<YamlNode> nodes;
  for (const std::size_t item : tree_->documents) {
    if (tree_->items[item].kind == Kind::Null) continue;
    nodes.push_back(YamlNode(tree_, item, tree_->items[item].at, ""));
  }
  return nodes;
}

YamlNode YamlFile::document() const {
  const std::vector<YamlNode> all = documents();
  if (all.empty()) {
    tree_->items.push_back({});
    return {tree_, tree_->items.size() - 1, {}, ""};
  }
  if (all.size() > 1) all[1].wrong("only one document is taken: remove this one");
  return all.front();
}

std::size_t YamlFile::problem_count() const { return tree_->found.size() + tree_->found_beyond; }

void YamlFile::add(const YamlNode& document, const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    tree_->add(locate(*tree_, document.item_, problem.path, document.at_), problem);
  }
}

std::vector<Error> YamlFile::finish() {
  for (const std::size_t document : tree_->documents) collect_unknown(*tree_, document, "");
  std::stable_sort(tree_->found.begin(), tree_->found.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  std::vector<Error> errors;
  for (const auto& [at, problem] : tree_->found) errors.push_back(tree_->error(at, problem));
  if (tree_->found_beyond > 0) {
    errors.push_back(
        {Code::InvalidArgument,
         tree_->file + ": and " + std::to_string(tree_->found_beyond) + " more problems"});
  }
  return errors;
}

std::vector<std::string> YamlFile::unset() const { return tree_->unset; }

Error joined(const std::vector<Error>& errors) {
  Error all{Code::InvalidArgument, ""};
  for (const Error& error : errors) all.text += (all.text.empty() ? "" : "\n") + error.text;
  return all;
}

Result<std::string> read_yaml_text(const std::string& path) {
  const auto refused = [&](int reason) {
    const Code code = reason == ENOENT   ? Code::NotFound
                      : reason == EACCES ? Code::PermissionDenied
                                         : Code::Internal;
    return fail(code, "cannot read " + path + ": " + std::strerror(reason));
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return refused(errno);
  std::string text(kYamlBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return refused(errno != 0 ? errno : EIO);  // a directory opens but does not read
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kYamlBytesMax) {
    return fail(Code::Exhausted, "cannot read " + path + ": it is larger than " +
                                     std::to_string(kYamlBytesMax) + " bytes");
  }
  return text;
}

}  // namespace muster
