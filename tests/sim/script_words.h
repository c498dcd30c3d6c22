// Do the words of a line match a pattern, and which values do they give?
//
// A pattern is words; those in capitals stand for a value: NODE (n1 ...), NODES (one or more, the
// rest of the line), WHO (all or a node), STATE, DURATION, PERCENT, NUMBER (may be negative), WORD.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/gossip.h"
#include "base/ids.h"
#include "base/time.h"

namespace muster::sim {

struct Values {  // in the order of the pattern, each kind by itself
  std::vector<NodeName> nodes;
  std::optional<NodeName> who;  // NODE of WHO; empty: all
  gossip::MemberState state = gossip::MemberState::Alive;
  std::vector<Duration> durations;
  unsigned percent = 0;
  std::int64_t number = 0;
  std::string word;
};

[[nodiscard]] std::vector<std::string> words_of(std::string_view line);  // up to a #
// Nothing when the words are others; an error when a value is wrong: a node that does not exist.
[[nodiscard]] std::optional<Result<Values>> match(std::string_view pattern,
                                                  const std::vector<std::string>& words,
                                                  std::size_t nodes);

}  // namespace muster::sim
