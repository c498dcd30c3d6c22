#include "collector/glob.h"

#include <algorithm>

namespace muster::collector {
namespace {

// Takes "[a-z]" or "[^ab]" off `pattern` and says whether `c` is in it. A [ without ] is a [.
bool takes_class(std::string_view& pattern, char c) {
  const bool negated = pattern.size() > 1 && (pattern[1] == '^' || pattern[1] == '!');
  const std::size_t first = negated ? 2 : 1;
  const std::size_t close = pattern.find(']', first + 1);
  if (close == std::string_view::npos) {
    pattern.remove_prefix(1);
    return c == '[';
  }
  bool found = false;
  for (std::size_t i = first; i < close; ++i) {
    if (i + 2 < close && pattern[i + 1] == '-') {
      found = found || (c >= pattern[i] && c <= pattern[i + 2]);
      i += 2;
    } else {
      found = found || c == pattern[i];
    }
  }
  pattern.remove_prefix(close + 1);
  return found != negated;
}

bool takes_one(std::string_view& pattern, char c) {
  if (pattern.front() == '[') return takes_class(pattern, c);
  const bool same = pattern.front() == '?' || pattern.front() == c;
  pattern.remove_prefix(1);
  return same;
}

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}
}  // namespace

// Going back to the last * alone is enough, so that no pattern takes more than quadratic time.
bool glob_matches(std::string_view pattern, std::string_view name) {
  std::string_view after_star;
  std::string_view retry;
  bool starred = false;
  while (!name.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      after_star = pattern;
      retry = name;
      starred = true;
      continue;
    }
    if (!pattern.empty() && takes_one(pattern, name.front())) {
      name.remove_prefix(1);
      continue;
    }
    if (!starred) return false;
    retry.remove_prefix(1);
    name = retry;
    pattern = after_star;
  }
  return pattern.find_first_not_of('*') == std::string_view::npos;
}

std::vector<std::string> glob_paths(const HostFs& fs, const std::string& pattern,
                                    std::size_t paths_max) {
  if (!has_wildcard(pattern)) return {pattern};
  std::vector<std::string> paths{""};
  std::string_view rest = pattern;
  while (!rest.empty() && !paths.empty()) {
    if (rest.front() == '/') rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(part.size());
    if (part.empty()) continue;
    std::vector<std::string> next;
    for (const std::string& path : paths) {
      if (!has_wildcard(part)) {
        next.push_back((path + "/").append(part));
        continue;
      }
      const auto names = fs.list(path.empty() ? "/" : path);
      if (!names) continue;
      for (const std::string& name : *names) {
        if (next.size() < paths_max && glob_matches(part, name)) next.push_back(path + "/" + name);
      }
    }
    paths = std::move(next);
  }
  if (paths.empty()) return {pattern};
  return paths;
}

}  // namespace muster::collector
