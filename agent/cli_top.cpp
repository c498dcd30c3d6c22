// muster top: how this node and the others are doing, again and again.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_groups.h"
#include "agent/cli_series.h"
#include "agent/posix_clock.h"
#include "agent/posix_terminal.h"
#include "agent/top_frame.h"

namespace muster::agent {
namespace {

using nlohmann::json;

constexpr auto kEvery = std::chrono::seconds(2);
constexpr Duration kPatience = std::chrono::seconds(2);  // of one node: others go on meanwhile
constexpr std::size_t kBytesMax = std::size_t{1} << 20;
constexpr std::size_t kNodesMax = 64;  // asked at once: no terminal shows more

// Of the last ten minutes. An error: it does not answer, or keeps none.
Result<SeriesValues> series_of(const Target& target, const char* names) {
  SeriesValues values;
  const auto answer = AgentClient(target).download(
      std::string("/v1/history?since=10m&series=") + names, kBytesMax, kPatience);
  if (!answer) return tl::unexpected<Error>(answer.error());
  const auto read = parse_history(*answer);
  if (!read) return tl::unexpected<Error>(read.error());
  for (const SeriesRead& series : read->series) values[series.name] = series.column.mean;
  return values;
}

std::string text_of(const json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

// Everything that a frame shows, of `room` nodes from the one called number `first` on.
Result<TopState> look(const Target& target, std::size_t first, std::size_t room) {
  const AgentClient client(target);
  const auto status = client.download("/v1/status", kBytesMax, kPatience);
  if (!status) return tl::unexpected<Error>(status.error());
  const json body = json::parse(*status, nullptr, false);
  if (!body.is_object()) return fail(Code::Internal, "the answer to /v1/status is none");
  const auto members = member_addresses(client, kPatience);
  if (!members) return tl::unexpected<Error>(members.error());
  TopState state;
  state.node = text_of(body, "node");
  state.cluster = text_of(body, "cluster");
  state.coordinator = text_of(body, "coordinator");
  state.now = wall_now();
  for (const MemberAddress& member : *members) {
    state.nodes.push_back({member.name, member.state, member.http, {}});
  }
  state.first = std::min(first, state.nodes.size());
  const std::size_t end = std::min(state.nodes.size(), state.first + std::min(room, kNodesMax));
  std::vector<std::future<Result<SeriesValues>>> asked(state.nodes.size());
  for (std::size_t i = state.first; i < end; ++i) {
    const TopNode& node = state.nodes[i];
    if (node.state != "alive" || node.address.empty()) continue;
    const Target at = node.name == state.node ? target : target.at(node.address);
    asked[i] = std::async(std::launch::async, [at] { return series_of(at, kTopSeries); });
  }
  if (auto own = series_of(target, kTopOwnSeries)) {
    state.own = std::move(*own);
  } else {
    state.trouble = "nothing is shown of " + state.node + ": " + own.error().text;
  }
  for (std::size_t i = state.first; i < end; ++i) {
    if (asked[i].valid()) state.nodes[i].series = asked[i].get().value_or(SeriesValues{});
  }
  return state;
}

// Looks again and again on a thread of its own: keys are answered while nodes are not.
class Watch {
 public:
  Watch(const Target& target, TopState first, std::size_t room)
      : target_(target), state_(std::move(first)), room_(room), thread_([this] { run(); }) {}
  ~Watch() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    woken_.notify_one();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  TopState state() {
    const std::lock_guard lock(mutex_);
    TopState shown = state_;
    shown.first = std::min(first_, shown.nodes.size());
    return shown;
  }
  void scroll(int by, std::size_t room) {
    {
      const std::lock_guard lock(mutex_);
      const std::size_t last = state_.nodes.size() > room ? state_.nodes.size() - room : 0;
      if (by < 0 && first_ > 0) --first_;
      if (by > 0) ++first_;
      first_ = std::min(first_, last);
      room_ = room;
      soon_ = true;
    }
    woken_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      soon_ = false;
      const std::size_t first = first_;
      const std::size_t room = room_;
      lock.unlock();
      Result<TopState> seen = fail(Code::Internal, "");
      try {
        seen = look(target_, first, room);
      } catch (const std::exception& error) {  // no thread or memory left: the screen stays
        seen = fail(Code::Exhausted, error.what());
      }
      lock.lock();
      if (seen) {
        state_ = std::move(*seen);
      } else {
        state_.trouble = seen.error().text;
      }
      woken_.wait_for(lock, kEvery, [this] { return ended_ || soon_; });
    }
  }

  Target target_;
  std::mutex mutex_;
  std::condition_variable woken_;
  TopState state_;  // at first without values
  std::size_t first_ = 0;
  std::size_t room_;
  bool soon_ = false;
  bool ended_ = false;
  std::thread thread_;  // last: it uses all of the above
};

Exit once(const Target& target) {
  const TerminalSize size;
  const auto state = look(target, 0, kNodesMax);
  if (!state) return complain(state.error(), exit_of(state.error().code));
  const std::size_t rows =
      std::max(size.rows, state->nodes.size() + size.rows - top_rows(size.rows));
  for (const std::string& line : top_lines(*state, size.columns, rows, terminal_has_blocks())) {
    std::puts(line.c_str());
  }
  return Exit::Done;
}

Exit show(PosixTerminal& terminal, Watch& watch) {
  const bool blocks = terminal_has_blocks();
  while (true) {
    const TerminalSize size = terminal_size();
    if (!terminal.draw(top_lines(watch.state(), size.columns, size.rows, blocks))) {
      return Exit::Failed;
    }
    switch (terminal.wait(std::chrono::milliseconds(500))) {
      case PosixTerminal::Happened::Quit: return Exit::Done;
      case PosixTerminal::Happened::Up: watch.scroll(-1, top_rows(size.rows)); break;
      case PosixTerminal::Happened::Down: watch.scroll(1, top_rows(size.rows)); break;
      case PosixTerminal::Happened::Resized: watch.scroll(0, top_rows(terminal_size().rows)); break;
      case PosixTerminal::Happened::Nothing: break;
    }
  }
}

Exit top(const Target& target, bool one_frame) {
  if (target.json()) {
    return complain({Code::InvalidArgument,
                     "top draws; values are in \"muster history NODE METRIC --output json\""},
                    Exit::Usage);
  }
  if (one_frame || !PosixTerminal::there()) return once(target);
  // Whoever cannot be asked at all is told so in a line, and not on a screen that goes away.
  auto first = look(target, 0, 0);
  if (!first) return complain(first.error(), exit_of(first.error().code));
  auto terminal = std::make_unique<PosixTerminal>();
  Watch watch(target, std::move(*first), top_rows(terminal_size().rows));
  const Exit exit = show(*terminal, watch);
  terminal.reset();
  // At once: the last look may take seconds yet, and nobody waits for what it sees.
  std::_Exit(static_cast<int>(exit));
}

}  // namespace

void add_top(CLI::App& app, Chosen& chosen) {
  CLI::App* made =
      app.add_subcommand("top", "how this node and the others are doing, again and again")
          ->fallthrough();
  const auto one_frame = std::make_shared<bool>(false);
  made->add_flag("--once", *one_frame, "one frame, as plain text");
  made->callback([&chosen, one_frame] {
    chosen.run = [one_frame](const Target& target) { return top(target, *one_frame); };
  });
}

}  // namespace muster::agent
