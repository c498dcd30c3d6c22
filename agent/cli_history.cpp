// muster history: what a node measured of itself lately.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_answers.h"
#include "agent/cli_groups.h"
#include "agent/cli_reads.h"
#include "agent/cli_series.h"
#include "agent/query.h"
#include "agent/text_plot.h"
#include "agent/text_table.h"
#include "base/problem.h"
#include "base/quantity.h"

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kColumns = 80;
constexpr std::size_t kRows = 20;  // with the two lines above the plot
constexpr std::size_t kBytesMax = std::size_t{64} << 20;
constexpr Duration kPatience = std::chrono::seconds(10);

struct HistoryArguments {
  std::string node;
  std::string metric;  // empty: which there are
  std::string since = "1h";
  std::string step;
};

// The agent of the node that is meant, and how that one is.
struct Meant {
  Target agent;
  std::string state;
};
Result<Meant> agent_of(const Target& target, const std::string& node) {
  const auto members = member_addresses(AgentClient(target), kPatience);
  if (!members) return tl::unexpected<Error>(members.error());
  const auto found = std::find_if(members->begin(), members->end(),
                                  [&](const MemberAddress& member) { return member.name == node; });
  if (found == members->end() || found->http.empty()) {
    return fail(Code::NotFound,
                "no member is called " + in_quotes(node) + ": see \"muster members\"");
  }
  return Meant{target.at(found->http), found->state};
}

// A node that is known to have failed is not one whose agent was forgotten.
Result<std::string> ask(const Meant& meant, const std::string& node, const std::string& path) {
  auto answer = AgentClient(meant.agent).download(path, kBytesMax, kPatience);
  if (!answer && answer.error().code == Code::Unavailable && meant.state != "alive") {
    answer.error().text = printable(node) + " is " + printable(meant.state) +
                          ", as its members see it: what it remembers can be read when it is back";
  }
  return answer;
}

Result<std::string> list_text(const std::string& answer) {
  const json body = json::parse(answer, nullptr, false);
  if (!body.is_object() || !body.contains("series")) {
    return fail(Code::Internal, "the answer is no list of series: is it muster?");
  }
  TextTable table({"METRIC", "UNIT"});
  for (const json& one : body["series"]) {
    const std::string unit = word(one, "unit");
    table.add({word(one, "name"), unit.empty() ? "-" : unit});
  }
  return table.text();
}

std::string plot(const SeriesRead& series, const HistoryRead& read, const std::string& node) {
  std::string out = printable(series.name) + " of " + printable(node) + ", ";
  out += duration_text(read.step) + " a point, UTC\n";
  const PlotRange range = range_of(series.column);
  if (range.points == 0) return out + "nothing was recorded in this time\n";
  const auto text = [&](double value) { return value_text(value, series.unit); };
  double newest = 0;
  for (const float value : series.column.mean) {
    if (value == value) newest = static_cast<double>(value);
  }
  out += "min " + text(range.low) + "  avg " + text(range.mean) + "  max " + text(range.high) +
         "  last " + text(newest);
  const std::size_t gaps = series.column.mean.size() - range.points;
  if (gaps > 0) {
    out += "  gaps " + std::to_string(gaps) + " of " + std::to_string(series.column.mean.size());
  }
  out += "\n";
  return out + plot_text(series.column, series.unit, read.from, read.step, kColumns, kRows - 2);
}

Result<std::string> plots(const std::string& answer, const std::string& node) {
  const auto read = parse_history(answer);
  if (!read) return tl::unexpected<Error>(read.error());
  std::string out;
  for (const SeriesRead& series : read->series) out += plot(series, *read, node);
  return out;
}

Exit show(const Target& target, const HistoryArguments& from) {
  const auto meant = agent_of(target, from.node);
  if (!meant) return complain(meant.error(), exit_of(meant.error().code));
  std::string path = "/v1/history/series";
  if (!from.metric.empty()) {
    path = "/v1/history?series=" + percent_encoded(from.metric) +
           "&since=" + percent_encoded(from.since);
    if (!from.step.empty()) path += "&step=" + percent_encoded(from.step);
  }
  const auto answer = ask(*meant, from.node, path);
  if (!answer) return complain(answer.error(), exit_of(answer.error().code));
  const Result<std::string> text = target.json()         ? *answer
                                   : from.metric.empty() ? list_text(*answer)
                                                         : plots(*answer, from.node);
  if (!text) return complain(text.error(), Exit::Failed);
  std::fputs(text->c_str(), stdout);
  return Exit::Done;
}

}  // namespace

void add_history(CLI::App& app, Chosen& chosen) {
  CLI::App* history =
      app.add_subcommand("history", "what a node measured of itself lately")->fallthrough();
  const auto arguments = std::make_shared<HistoryArguments>();
  const CLI::Validator is_duration(
      [](const std::string& text) {
        const auto duration = parse_duration(text);
        return duration ? std::string() : duration.error().text;
      },
      "");
  history->add_option("node", arguments->node, "whose agent is asked")->required();
  history->add_option("metric", arguments->metric, "such as cpu_busy; left out: which there are");
  history->add_option("--since", arguments->since, "from so long ago until now")
      ->type_name("DURATION")
      ->check(is_duration)
      ->capture_default_str();
  history->add_option("--step", arguments->step, "the time that a value stands for")
      ->type_name("DURATION")
      ->check(is_duration);
  history->callback([&chosen, arguments] {
    chosen.run = [arguments](const Target& target) { return show(target, *arguments); };
  });
}

}  // namespace muster::agent
