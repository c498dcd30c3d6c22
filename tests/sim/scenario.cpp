#include "scenario.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/quantity.h"
#include "scenario_words.h"
#include "script_words.h"

namespace muster::sim {
namespace {

constexpr std::size_t kTail = 60;
constexpr Duration kLook = std::chrono::milliseconds(1);

// "" once it holds; what is otherwise when `within` has passed.
Action await(Condition condition, Duration within) {
  return [condition = std::move(condition), within](Stage& stage) {
    const Instant end = stage.world.now() + within;
    std::string otherwise = condition(stage.world);
    while (!otherwise.empty() && stage.world.now() < end) {
      stage.world.run_for(kLook);
      otherwise = condition(stage.world);
    }
    return otherwise;
  };
}

Action hold(Condition condition, Duration time) {
  return [condition = std::move(condition), time](Stage& stage) {
    const Instant end = stage.world.now() + time;
    std::string otherwise = condition(stage.world);
    while (otherwise.empty() && stage.world.now() < end) {
      stage.world.run_for(kLook);
      otherwise = condition(stage.world);
    }
    return otherwise;
  };
}

Result<Action> parse_expectation(std::vector<std::string> words, std::size_t nodes) {
  words.erase(words.begin());
  std::optional<Duration> within;
  std::optional<Duration> lasting;
  if (words.size() > 2) {
    const std::string& keyword = words[words.size() - 2];
    if (keyword == "within" || keyword == "for") {
      const Result<Duration> duration = parse_duration(words.back());
      if (!duration) return tl::unexpected(duration.error());
      (keyword == "for" ? lasting : within) = *duration;
      words.resize(words.size() - 2);
    }
  }
  Result<Condition> condition = parse_condition(words, nodes);
  if (!condition) return tl::unexpected(condition.error());
  if (lasting) return hold(std::move(*condition), *lasting);
  return await(std::move(*condition), within.value_or(Duration::zero()));
}

// The line that says how large the cluster is, or that gives the seed; false: it is another one.
Result<bool> parse_head(const std::vector<std::string>& words, Scenario& scenario) {
  constexpr std::size_t kNodesMax = 1000;
  if (const auto seed = match("seed NUMBER", words, 1)) {
    if (!*seed) return tl::unexpected(seed->error());
    scenario.seed = static_cast<std::uint64_t>((*seed)->number);
    return true;
  }
  if (words.size() != 4 || words[0] != "nodes" || words[2] != "masters") return false;
  const auto nodes = match("nodes NUMBER", {words[0], words[1]}, 1);
  const auto masters = match("masters NUMBER", {words[2], words[3]}, 1);
  if (!*nodes) return tl::unexpected(nodes->error());
  if (!*masters) return tl::unexpected(masters->error());
  const std::int64_t many = (*nodes)->number;
  const std::int64_t leading = (*masters)->number;
  const bool odd = leading == 1 || leading == 3 || leading == 5;
  if (many < 1 || many > static_cast<std::int64_t>(kNodesMax) || !odd || leading > many) {
    return fail(Code::InvalidArgument, "1 to 1000 nodes, 1, 3 or 5 of them masters");
  }
  scenario.nodes = static_cast<std::size_t>(many);
  scenario.masters = static_cast<std::size_t>(leading);
  return true;
}

Result<ScenarioStep> parse_step(std::vector<std::string> words, std::size_t nodes) {
  ScenarioStep step;
  if (words[0] == "at") {
    if (words.size() < 3) return fail(Code::InvalidArgument, "at TIME, and then what?");
    const Result<Duration> at = parse_duration(words[1]);
    if (!at) return tl::unexpected(at.error());
    step.at = *at;
    words.erase(words.begin(), words.begin() + 2);
  }
  Result<Action> action =
      words[0] == "expect" ? parse_expectation(words, nodes) : parse_action(words, nodes);
  if (!action) return tl::unexpected(action.error());
  step.act = std::move(*action);
  for (const std::string& word : words) step.text += (step.text.empty() ? "" : " ") + word;
  return step;
}

}  // namespace

Result<Scenario> parse_scenario(const std::string& file, std::string_view text) {
  Scenario scenario;
  scenario.file = file;
  int number = 0;
  while (!text.empty()) {
    const std::vector<std::string> words = words_of(text.substr(0, text.find('\n')));
    text.remove_prefix(
        std::min(text.size(), text.find('\n') == text.npos ? text.size() : text.find('\n') + 1));
    ++number;
    if (words.empty()) continue;
    const std::string where = file + ":" + std::to_string(number) + ": ";
    const Result<bool> head = parse_head(words, scenario);
    if (!head) return fail(head.error().code, where + head.error().text);
    if (*head) continue;
    if (scenario.nodes == 0) {
      return fail(Code::InvalidArgument, where + "it begins with: nodes NUMBER masters NUMBER");
    }
    Result<ScenarioStep> step = parse_step(words, scenario.nodes);
    if (!step) return fail(step.error().code, where + step.error().text);
    step->line = number;
    scenario.steps.push_back(std::move(*step));
  }
  if (scenario.steps.empty()) return fail(Code::InvalidArgument, file + ":1: it does nothing");
  return scenario;
}

Result<Scenario> read_scenario(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::NotFound, "cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return parse_scenario(path, text);
}

ScenarioReport run_scenario(const Scenario& scenario, std::optional<std::uint64_t> seed) {
  WorldOptions options;
  options.nodes = scenario.nodes;
  options.masters = scenario.masters;
  World world(options, seed.value_or(scenario.seed));
  world.trace().keep();
  Stage stage{world, world.now()};
  ScenarioReport report;
  for (const ScenarioStep& step : scenario.steps) {
    const std::string where = scenario.file + ":" + std::to_string(step.line) + ": " + step.text;
    if (step.at) {
      const Instant when = stage.begun + *step.at;
      if (when < world.now()) {
        report.failure = where + ": it is " + duration_text(world.now() - stage.begun) + " already";
        break;
      }
      world.run_for(when - world.now());
    }
    const std::string otherwise = step.act(stage);
    if (!otherwise.empty()) report.failure = where + ": " + otherwise;
    if (report.failure.empty()) report.failure = world.violation();
    if (!report.failure.empty()) break;
  }
  if (!report.failure.empty()) report.tail = world.trace().tail({}, kTail);
  report.virtual_seconds = seconds(world.now() - stage.begun);
  report.events = world.events();
  return report;
}

}  // namespace muster::sim
