#include "health/curl_prober.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace muster::health {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{10} << 10;  // the body of an answer is not used

std::string url_of(const ProbeSpec& spec) {
  const bool ipv6 = spec.host.find(':') != std::string::npos;
  const std::string host = ipv6 ? "[" + spec.host + "]" : spec.host;
  const std::string at = host + ":" + std::to_string(spec.port);
  if (spec.kind == ProbeKind::Tcp) return "http://" + at;  // the scheme is never spoken
  return spec.scheme + "://" + at + (spec.path.starts_with('/') ? "" : "/") + spec.path;
}

bool names_user_agent(const ProbeSpec& spec) {
  constexpr std::string_view kName = "user-agent";
  return std::any_of(spec.headers.begin(), spec.headers.end(), [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), kName.begin(), kName.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  });
}

std::pair<bool, std::string> judge(const ProbeSpec& spec, const std::string& url,
                                   const HttpOutcome& outcome) {
  if (spec.kind == ProbeKind::Tcp) {
    if (outcome.reached) return {true, {}};
    return {false, "tcp " + spec.host + ":" + std::to_string(spec.port) + ": " + outcome.error};
  }
  if (!outcome.reached) return {false, "GET " + url + ": " + outcome.error};
  if (outcome.redirected_elsewhere) {
    return {true, "GET " + url + ": warning: redirected to another host, which was not asked"};
  }
  if (outcome.status >= 200 && outcome.status < 400) return {true, {}};
  return {false, "GET " + url + ": status " + std::to_string(outcome.status)};
}

}  // namespace

std::uint64_t CurlProber::check(const ProbeSpec& spec, Done done) {
  CHECK(spec.kind == ProbeKind::Http || spec.kind == ProbeKind::Tcp);
  HttpRequest request;
  request.url = url_of(spec);
  request.timeout = spec.timeout;
  request.body_bytes_max = kBodyBytesMax;
  if (spec.kind == ProbeKind::Tcp) {
    request.connect_only = true;
  } else {
    request.headers = spec.headers;
    if (!names_user_agent(spec)) {
      request.headers.emplace_back("User-Agent", "muster-probe/" MUSTER_VERSION);
    }
    request.follow_same_host_redirects = true;
    request.verify_tls = false;  // a probe asks whether it answers, not who it is
  }
  std::string url = request.url;
  return transfers_.start(std::move(request), [spec, url = std::move(url),
                                               done = std::move(done)](HttpOutcome outcome) {
    auto [passed, text] = judge(spec, url, outcome);
    done(passed, std::move(text));
  });
}

}  // namespace muster::health
