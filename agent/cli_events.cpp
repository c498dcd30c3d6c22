#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_reads.h"
#include "agent/text_table.h"

namespace muster::agent {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr auto kFollowEvery = std::chrono::milliseconds(500);
constexpr auto kFollowPatience = std::chrono::seconds(30);  // as long as nobody answers
constexpr const char* kFewLast = "10";

std::string word(const json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_string() ? printable(found->get<std::string>()) : "";
}

// Prints the events of an answer; returns where to go on.
Result<std::uint64_t> print_events(const Target& target, const std::string& answer, bool as_lines) {
  const json body = json::parse(answer, nullptr, false);
  if (!body.is_object() || !body.contains("events") || !body.contains("next") ||
      !body["next"].is_number_unsigned()) {
    return fail(Code::Internal, "the answer of " + target.address + " holds no events");
  }
  if (target.json() && !as_lines) {
    std::fputs(answer.c_str(), stdout);
    return body["next"].get<std::uint64_t>();
  }
  for (const json& event : body["events"]) {
    if (!event.is_object()) continue;
    if (target.json()) {
      std::puts(event.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
    } else {
      std::printf("%s  %-19s %-16s %s\n", word(event, "at").c_str(), word(event, "kind").c_str(),
                  word(event, "subject").c_str(), word(event, "text").c_str());
    }
  }
  return body["next"].get<std::uint64_t>();
}

}  // namespace

Exit show_events(const Target& target, const EventArguments& arguments) {
  const AgentClient client(target);
  std::string path = "/v1/events";
  if (arguments.since) {
    path += "?since=" + std::to_string(*arguments.since);
  } else if (arguments.follow) {
    path += std::string("?limit=") + kFewLast;
  }
  std::uint64_t next = arguments.since.value_or(0);
  bool answered = false;
  Clock::time_point last = Clock::now();
  while (true) {
    const auto answer = client.get(path);
    if (answer) {
      const auto to = print_events(target, *answer, arguments.follow);
      if (!to) return complain(to.error(), Exit::Failed);
      next = *to;
      answered = true;
      last = Clock::now();
    } else {
      // An election ends, an agent comes back: who follows wants to see what was then.
      const Exit exit = exit_of(answer.error().code);
      const bool may_pass = answered && exit == Exit::Unavailable;
      if (!arguments.follow || !may_pass || Clock::now() - last > kFollowPatience) {
        return complain(answer.error(), exit);
      }
    }
    if (!arguments.follow) return Exit::Done;
    if (std::fflush(stdout) != 0) return Exit::Failed;  // nobody reads any more
    path = "/v1/events?since=" + std::to_string(next);
    std::this_thread::sleep_for(kFollowEvery);
  }
}

}  // namespace muster::agent
