// How long until a write is taken after the leader was killed? See run_poll() in load_http.h.
#include <cstdio>
#include <map>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "load_http.h"
#include "load_report.h"

namespace muster::load {
namespace {

struct Poll {
  asio::io_context io;
  std::shared_ptr<asio::ssl::context> tls;
  std::vector<asio::ip::tcp::endpoint> targets;
  std::vector<std::string> requests;
  Clock::time_point killed;
  Clock::duration limit{};
  std::size_t asked = 0;
  std::map<std::string, std::size_t> failures;
};

// Ends the program's loop with the first success: what is under way then does not matter.
asio::awaitable<void> ask_once(Poll& poll, std::size_t target, std::size_t turn) {
  HttpConnection connection(poll.io, poll.tls);
  try {
    co_await connection.connect(poll.targets[target]);
    const int status = co_await connection.ask(poll.requests[turn % poll.requests.size()]);
    if (status / 100 != 2) {
      ++poll.failures[std::to_string(status)];
      co_return;
    }
  } catch (const asio::system_error& error) {
    ++poll.failures[error.code().message()];
    co_return;
  }
  if (poll.io.stopped()) co_return;
  const nlohmann::json out = {{"write_s", seconds(Clock::now() - poll.killed)},
                              {"target", target},
                              {"asked", poll.asked},
                              {"failures", poll.failures}};
  std::printf("%s\n", out.dump().c_str());
  poll.io.stop();
}

asio::awaitable<void> keep_polling(Poll& poll, int victim, std::chrono::milliseconds every) {
  poll.killed = Clock::now();
  ::kill(victim, SIGKILL);
  asio::steady_timer timer(poll.io);
  Clock::time_point next = poll.killed;
  for (std::size_t turn = 0; Clock::now() - poll.killed < poll.limit; ++turn) {
    for (std::size_t target = 0; target < poll.targets.size(); ++target) {
      ++poll.asked;
      asio::co_spawn(poll.io, ask_once(poll, target, turn), asio::detached);
    }
    next += every;
    timer.expires_at(next);
    co_await timer.async_wait(asio::use_awaitable);
  }
  const nlohmann::json out = {
      {"write_s", nullptr}, {"asked", poll.asked}, {"failures", poll.failures}};
  std::printf("%s\n", out.dump().c_str());
  poll.io.stop();
}

}  // namespace

int run_poll(const HttpOptions& options, int victim, int every_ms) {
  Poll poll;
  poll.tls = tls_context(options.tls);
  for (const std::string& target : options.targets) poll.targets.push_back(endpoint_of(target));
  poll.requests = requests_of(options);
  poll.limit =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.timeout));
  asio::co_spawn(poll.io, keep_polling(poll, victim, std::chrono::milliseconds(every_ms)),
                 asio::detached);
  poll.io.run();
  std::fflush(stdout);
  std::quick_exit(0);  // requests that never got an answer hold what the loop would destroy
}

}  // namespace muster::load
