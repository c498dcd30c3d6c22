// What does a small real HTTP service look like to muster? The demo's and the tests' workload.
//
// It listens on $MUSTER_ADDRESS:$PORT (or $MUSTER_PORT) and answers
//   /         hello from NODE instance ID
//   /healthz  200, and 500 for ever after a call of /fail
//   /readyz   200 once --ready-after-ms have passed since its start, 503 before
//   /fail     makes the liveness probe fail
//   /exit     ends the process with status 1
// SIGTERM and SIGINT end it with status 0.
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include <civetweb.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

std::string environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

struct Options {
  std::string address = environment("MUSTER_ADDRESS", "127.0.0.1");
  std::string port = environment("PORT", environment("MUSTER_PORT", "8080").c_str());
  std::chrono::milliseconds ready_after{0};
};

struct Service {
  std::string greeting;
  Clock::time_point ready_at;
  std::atomic<bool> healthy{true};
};

int answer(mg_connection* connection, int status, std::string_view text) {
  const std::string body = std::string(text) + "\n";
  const std::string reply = "HTTP/1.1 " + std::to_string(status) + " " +
                            mg_get_response_code_text(connection, status) +
                            "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
  mg_write(connection, reply.data(), reply.size());
  return status;
}

int serve(mg_connection* connection, void* user) {
  auto& service = *static_cast<Service*>(user);
  const std::string_view path = mg_get_request_info(connection)->local_uri;
  if (path == "/healthz") {
    return service.healthy ? answer(connection, 200, "ok")
                           : answer(connection, 500, "told to fail");
  }
  if (path == "/readyz") {
    return Clock::now() >= service.ready_at ? answer(connection, 200, "ready")
                                            : answer(connection, 503, "not yet");
  }
  if (path == "/fail") {
    service.healthy = false;
    return answer(connection, 200, "from now on /healthz is 500");
  }
  if (path == "/exit") {
    answer(connection, 200, "exiting with status 1");
    std::_Exit(1);
  }
  if (path == "/") return answer(connection, 200, service.greeting);
  return answer(connection, 404, "no such page");
}

// False after having said on stderr which argument is wrong.
bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view key = argv[i];
    if (i + 1 == argc) {
      std::fprintf(stderr, "muster-hello: %s: a value must follow\n", argv[i]);
      return false;
    }
    const std::string_view value = argv[i + 1];
    if (key == "--address") {
      options.address = value;
    } else if (key == "--port") {
      options.port = value;
    } else if (key == "--ready-after-ms") {
      int milliseconds = 0;
      const auto [end, failure] =
          std::from_chars(value.data(), value.data() + value.size(), milliseconds);
      if (failure != std::errc() || end != value.data() + value.size() || milliseconds < 0) {
        std::fprintf(stderr, "muster-hello: --ready-after-ms: %s is no number of ms\n",
                     argv[i + 1]);
        return false;
      }
      options.ready_after = std::chrono::milliseconds(milliseconds);
    } else {
      std::fprintf(stderr, "muster-hello: %s: known are --address --port --ready-after-ms\n",
                   argv[i]);
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto started = Clock::now();
  Options options;
  if (!parse(argc, argv, options)) return 2;

  // Blocked before the server's threads exist, so that only sigwait() below takes them.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  Service service;
  service.greeting = "hello from " + environment("MUSTER_NODE", "nowhere") + " instance " +
                     environment("MUSTER_INSTANCE_ID", "0");
  service.ready_at = started + options.ready_after;

  const std::string listen = options.address + ":" + options.port;
  const std::array<const char*, 9> settings = {
      "listening_ports",    listen.c_str(), "num_threads", "3", "tcp_nodelay", "1",
      "request_timeout_ms", "5000",         nullptr};
  mg_init_library(0);
  const mg_callbacks callbacks{};
  mg_context* server = mg_start(&callbacks, nullptr, const_cast<const char**>(settings.data()));
  if (server == nullptr) {
    std::fprintf(stderr, "muster-hello: cannot listen on %s\n", listen.c_str());
    return 1;
  }
  mg_set_request_handler(server, "**", serve, &service);
  std::printf("%s listening on %s, pid %d\n", service.greeting.c_str(), listen.c_str(), getpid());
  std::fflush(stdout);

  int received = 0;
  sigwait(&stop, &received);
  std::printf("%s stopping after signal %d\n", service.greeting.c_str(), received);
  std::fflush(stdout);
  // No mg_stop(): it waits up to two seconds for idle threads, and there is nothing to save.
  std::_Exit(0);
}
