#include "base/yaml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace muster {
namespace {

YamlPosition position(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

YAML::Mark mark_of(YamlPosition at) {
  YAML::Mark mark;
  mark.line = at.line - 1;
  mark.column = at.column - 1;
  return mark;
}

// Thrown through yaml-cpp's parser, which has no other way to be stopped; parse_yaml() catches it.
struct Refusal : YAML::ParserException {
  using YAML::ParserException::ParserException;
};

// Follows the parser's events with a stack of the lists and mappings that are still open.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlTree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    refuse_as_key(mark, "nothing");
    // yaml-cpp marks an empty value with whatever comes after it, so it stands where its key does.
    add(open_.empty() ? position(mark) : at_of_parent_, YamlTree::Kind::Null);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw Refusal(mark, "aliases (*name) are not taken: write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    refuse_tag(mark, tag);
    if (awaits_key()) {
      open_.back().key = YamlTree::Entry{value, position(mark), 0};
      at_of_parent_ = position(mark);
      return;
    }
    const std::size_t item = add(position(mark), YamlTree::Kind::Scalar);
    tree_.items[item].text = value;
    tree_.items[item].quoted = tag == "!";
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    refuse_as_key(mark, "a list");
    open(mark, tag, YamlTree::Kind::List);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    refuse_as_key(mark, "a mapping");
    open(mark, tag, YamlTree::Kind::Map);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] YamlPosition innermost() const { return at_of_parent_; }
  // Of what was being read last: where a parser's error belongs.
  [[nodiscard]] std::string path() const {
    std::string path;
    for (const Open& open : open_) {
      if (open.key) path = child_path(path, open.key->key);
      if (tree_.items[open.item].kind == YamlTree::Kind::List) {
        // The item in progress is the last one that has begun.
        const std::size_t begun = tree_.items[open.item].items.size();
        path = child_path(path, begun == 0 ? 0 : begun - 1);
      }
    }
    return path;
  }

 private:
  struct Open {
    std::size_t item;
    std::optional<YamlTree::Entry> key;  // Map: read, its value is not yet
  };

  [[nodiscard]] bool awaits_key() const {
    return !open_.empty() && !open_.back().key &&
           tree_.items[open_.back().item].kind == YamlTree::Kind::Map;
  }
  void refuse_as_key(const YAML::Mark& mark, const char* what) const {
    if (awaits_key()) throw Refusal(mark, std::string("a key must be a word, found ") + what);
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    // "?" and "!" are what yaml-cpp gives to values without a tag: plain and quoted ones.
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Refusal(mark, "tags are not taken: remove " + in_quotes(tag));
  }
  void open(const YAML::Mark& mark, const std::string& tag, YamlTree::Kind kind) {
    refuse_tag(mark, tag);
    if (open_.size() >= kYamlDepthMax) {
      throw Refusal(mark, "nested deeper than " + std::to_string(kYamlDepthMax) + " levels");
    }
    open_.push_back({add(position(mark), kind), std::nullopt});
    at_of_parent_ = position(mark);
  }
  void close() {
    open_.pop_back();
    if (!open_.empty()) value_complete();
  }
  // Hangs a new item under the innermost open one.
  std::size_t add(YamlPosition at, YamlTree::Kind kind) {
    if (tree_.items.size() >= kYamlValuesMax) {
      throw Refusal(mark_of(at), "more than " + std::to_string(kYamlValuesMax) + " values");
    }
    const std::size_t item = tree_.items.size();
    tree_.items.emplace_back();
    tree_.items.back().kind = kind;
    tree_.items.back().at = at;
    if (open_.empty()) {
      tree_.documents.push_back(item);
    } else if (tree_.items[open_.back().item].kind == YamlTree::Kind::List) {
      tree_.items[open_.back().item].items.push_back(item);
    } else {
      add_entry(item);
    }
    const bool leaf = kind == YamlTree::Kind::Null || kind == YamlTree::Kind::Scalar;
    if (leaf && !open_.empty()) value_complete();
    return item;
  }
  void add_entry(std::size_t item) {
    YamlTree::Entry entry = *open_.back().key;
    std::vector<YamlTree::Entry>& entries = tree_.items[open_.back().item].entries;
    if (entries.size() >= kYamlKeysMax) {
      throw Refusal(mark_of(entry.at),
                    "more than " + std::to_string(kYamlKeysMax) + " keys in one mapping");
    }
    const auto first = std::find_if(entries.begin(), entries.end(),
                                    [&](const auto& other) { return other.key == entry.key; });
    if (first != entries.end()) {
      tree_.add(entry.at, {path(), "duplicate key, given before at line " +
                                       std::to_string(first->at.line) + ": remove one of them"});
      return;  // the item stays in the tree with nothing that leads to it
    }
    entry.item = item;
    entries.push_back(std::move(entry));
  }
  void value_complete() {
    Open& parent = open_.back();
    parent.key.reset();
    at_of_parent_ = tree_.items[parent.item].at;
  }

  YamlTree& tree_;
  std::vector<Open> open_;
  YamlPosition at_of_parent_;  // of the key read last, or of the innermost open list or mapping
};

// yaml-cpp takes byte 4 for the end of the text and guesses UTF-16 from zeros: neither gets in.
std::optional<YAML::Mark> first_bad_byte(std::string_view text) {
  YAML::Mark mark;
  std::size_t line_start = 0;
  const auto allowed = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\n' || c == '\t' || c == '\r';
  };
  while (line_start < text.size()) {
    const std::size_t line_end = std::min(text.find('\n', line_start), text.size());
    const std::string_view line = text.substr(line_start, line_end - line_start);
    const auto bad = std::find_if_not(line.begin(), line.end(), allowed);
    if (bad != line.end() || !valid_utf8(line)) {
      mark.column = bad == line.end() ? 0 : static_cast<int>(bad - line.begin());
      return mark;
    }
    ++mark.line;
    line_start = line_end + 1;
  }
  return std::nullopt;
}

}  // namespace

void YamlTree::add(YamlPosition at, Problem problem) {
  if (found.size() < kFoundMax) {
    found.push_back({at, std::move(problem)});
  } else {
    ++found_beyond;
  }
}

Error YamlTree::error(YamlPosition at, const Problem& problem) const {
  constexpr std::size_t kPathShown = 200;
  Problem shown = problem;
  if (!one_line_text(shown.path) || shown.path.size() > kPathShown) {
    shown.path = in_quotes(shown.path);  // a key may hold anything that double quotes allow
  }
  const Error without_place = to_error(shown);
  return {without_place.code, file + ":" + std::to_string(at.line) + ":" +
                                  std::to_string(at.column) + ": " + without_place.text};
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : std::string(path) + "." + std::string(key);
}

std::string child_path(std::string_view path, std::size_t index) {
  return std::string(path) + "[" + std::to_string(index) + "]";
}

Status parse_yaml(std::string_view text, YamlTree& tree) {
  const auto refuse = [&](YamlPosition at, const Problem& problem) {
    return tl::unexpected<Error>(tree.error(at, problem));
  };
  if (text.size() > kYamlBytesMax) {
    return refuse({}, {"", "larger than " + std::to_string(kYamlBytesMax) + " bytes: split it"});
  }
  if (const auto bad = first_bad_byte(text)) {
    return refuse(position(*bad), {"", "not UTF-8 text: a control character or a broken sequence"});
  }
  TreeBuilder builder(tree);
  // The end marker makes yaml-cpp notice a quote that is still open there; otherwise it closes it.
  const bool line_open = !text.empty() && text.back() != '\n';
  try {
    std::istringstream in{std::string(text) + (line_open ? "\n...\n" : "...\n")};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    return refuse(position(refusal.mark), {builder.path(), refusal.msg});
  } catch (const YAML::Exception& error) {
    const auto lines = std::count(text.begin(), text.end(), '\n') + (line_open ? 1 : 0);
    if (error.mark.line >= lines) {  // at the end marker: where it began says more
      const std::string why = "not YAML: what begins here is never closed (" + error.msg + ")";
      return refuse(builder.innermost(), {builder.path(), why});
    }
    return refuse(position(error.mark), {builder.path(), "not YAML: " + error.msg});
  }
  return {};
}

}  // namespace muster
