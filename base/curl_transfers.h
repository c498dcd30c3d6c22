// How does muster speak HTTP to others? Many requests at once, each with an end in sight.
//
// A driver (libcurl). start() and cancel() may be called from any thread; `done` runs on the
// driver's own thread, so callers post from there to their loop. It never uses a proxy
// from the environment, cookies, or another scheme than http and https, and never follows a
// redirect to another host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace muster {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // name, value
  std::string body;
  Duration timeout = std::chrono::seconds(10);  // for everything, redirects included; >= 1 ms
  bool follow_same_host_redirects = false;      // GET and HEAD only; ten at most
  bool verify_tls = true;        // the certificate's authority, and that it is for the URL's host
  std::string ca_file;           // PEM of whom to trust; empty: whom the machine trusts
  std::string certificate_file;  // PEM of who asks; empty: nobody in particular
  std::string key_file;          // PEM of its key; empty: it is in certificate_file
  bool connect_only = false;     // a TCP connection to the URL's host and port, nothing sent
  std::size_t body_bytes_max = std::size_t{1} << 20;  // of the answer; the rest is not read
  // Takes the body of a 2xx answer as it comes, in place of HttpOutcome::body; false ends the
  // request, which then was not reached.
  std::function<bool(std::string_view)> on_body;
};

struct HttpOutcome {
  bool reached = false;    // a whole answer came, or one cut at body_bytes_max; or TCP connected
  int status = 0;          // of the answer; 0 when not reached and for connect_only
  std::string body;        // at most body_bytes_max
  bool truncated = false;  // the answer was longer
  std::string error;       // why it was not reached; empty otherwise; never names the URL's secrets
  std::optional<Duration> retry_after;  // the answer's Retry-After, when it had one
  bool redirected_elsewhere = false;    // a redirect to another host, which was not followed
};

// Blocks the calling thread until the answer is there or the timeout has passed.
[[nodiscard]] HttpOutcome run(HttpRequest request);

class CurlTransfers {
 public:
  using Done = std::function<void(HttpOutcome)>;
  static constexpr std::size_t kTransfersMax = 512;  // at once; more are refused with an error

  CurlTransfers();  // cheap: thread and sockets come with the first start()
  // Drops what still runs without calling its `done`; waits for a `done` that is running now.
  // Must not be called from within one.
  ~CurlTransfers();
  CurlTransfers(const CurlTransfers&) = delete;
  CurlTransfers& operator=(const CurlTransfers&) = delete;

  // Returns an id that is never reused. `done` is called exactly once unless cancelled; also for a
  // request that cannot be made (a wrong URL, a header with a line break), and inside start() for
  // one too many. It must not throw or block; it may call start() and cancel().
  std::uint64_t start(HttpRequest request, Done done);
  // After it returns, `done` of `id` will not begin (it may be running at this moment). Unknown
  // and ended ids are ignored.
  void cancel(std::uint64_t id);

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace muster
