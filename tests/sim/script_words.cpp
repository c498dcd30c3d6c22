#include "script_words.h"

#include <algorithm>
#include <charconv>

#include "base/quantity.h"
#include "world.h"

namespace muster::sim {
namespace {

bool stands_for_value(const std::string& word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

Result<std::int64_t> integer(std::string_view word) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) {
    return fail(Code::InvalidArgument, "\"" + std::string(word) + "\" is no number");
  }
  return number;
}

Result<NodeName> node(const std::string& word, std::size_t nodes) {
  for (HostId id = 0; id < nodes; ++id) {
    if (word == name_of(id)) return word;
  }
  return fail(Code::InvalidArgument,
              "there is no node \"" + word + "\": there are n1 to " + name_of(nodes - 1));
}

Result<gossip::MemberState> state(const std::string& word) {
  using gossip::MemberState;
  for (const MemberState one :
       {MemberState::Alive, MemberState::Suspect, MemberState::Failed, MemberState::Left}) {
    if (word == gossip::to_text(one)) return one;
  }
  return fail(Code::InvalidArgument,
              "\"" + word + "\" is no state: alive, suspect, failed or left");
}

Status take(const std::string& kind, const std::string& word, std::size_t nodes, Values& values) {
  if (kind == "WHO" && word == "all") return {};
  if (kind == "NODE" || kind == "NODES" || kind == "WHO") {
    const Result<NodeName> name = node(word, nodes);
    if (!name) return tl::unexpected(name.error());
    if (kind == "WHO") {
      values.who = *name;
    } else {
      values.nodes.push_back(*name);
    }
  } else if (kind == "STATE") {
    const auto known = state(word);
    if (!known) return tl::unexpected(known.error());
    values.state = *known;
  } else if (kind == "DURATION") {
    const auto duration = parse_duration(word);
    if (!duration) return tl::unexpected(duration.error());
    values.durations.push_back(*duration);
  } else if (kind == "PERCENT") {
    const auto number = word.ends_with('%')
                            ? integer(std::string_view(word).substr(0, word.size() - 1))
                            : Result<std::int64_t>(fail(Code::InvalidArgument, ""));
    if (!number || *number < 0 || *number > 100) {
      return fail(Code::InvalidArgument, "\"" + word + "\" is no percentage: 0% to 100%");
    }
    values.percent = static_cast<unsigned>(*number);
  } else if (kind == "NUMBER") {
    const auto number = integer(word);
    if (!number) return tl::unexpected(number.error());
    values.number = *number;
  } else {
    values.word = word;
  }
  return {};
}

}  // namespace

std::vector<std::string> words_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string> words;
  std::string word;
  for (const char c : line) {
    const bool blank = c == ' ' || c == '\t' || c == '\r';
    if (!blank) word += c;
    if (blank && !word.empty()) words.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::optional<Result<Values>> match(std::string_view pattern, const std::vector<std::string>& words,
                                    std::size_t nodes) {
  const std::vector<std::string> parts = words_of(pattern);
  const bool open = !parts.empty() && parts.back() == "NODES";
  if (open ? words.size() < parts.size() : words.size() != parts.size()) return std::nullopt;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!stands_for_value(parts[i]) && parts[i] != words[i]) return std::nullopt;
  }
  Values values;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& part = parts[std::min(i, parts.size() - 1)];
    if (!stands_for_value(part)) continue;
    if (const Status taken = take(part, words[i], nodes, values); !taken) {
      return Result<Values>(tl::unexpected(taken.error()));
    }
  }
  return Result<Values>(std::move(values));
}

}  // namespace muster::sim
