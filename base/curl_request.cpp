#include "base/curl_request.h"

#include <algorithm>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace muster {
namespace {

constexpr int kRedirectsMax = 10;
constexpr std::size_t kHeaderBytesMax = std::size_t{64} << 10;

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct TextDeleter {
  void operator()(char* text) const { curl_free(text); }
};

// Empty when `url` cannot be parsed.
std::string host_of(const char* url) {
  const std::unique_ptr<CURLU, UrlDeleter> parsed(curl_url());
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url, 0) != CURLUE_OK) return {};
  char* raw = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_HOST, &raw, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, TextDeleter> host(raw);
  std::string text(host.get());
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

// A line break or a NUL in one field would smuggle another field into the request.
bool one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

long to_ms(Duration d) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return static_cast<long>(std::clamp<decltype(ms)>(ms, 1, 24L * 3600 * 1000));
}

}  // namespace

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

CurlRequest::CurlRequest(std::uint64_t id, HttpRequest request)
    : id_(id), request_(std::move(request)), easy_(curl_easy_init()) {}

template <class Value>
void CurlRequest::set(CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
  if (refused_ == CURLE_OK) refused_ = code;
}

bool CurlRequest::prepare() {
  if (!easy_) {
    fail("out of memory");
    return false;
  }
  if (!one_line(request_.url) || !one_line(request_.method)) {
    fail("the URL or the method holds a line break");
    return false;
  }
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // A connection of its own each time: a probe must see that the service accepts, and an idle
  // connection that the peer has closed meanwhile would look like a failure of the peer.
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_TIMEOUT_MS, to_ms(request_.timeout));
  set(CURLOPT_CONNECTTIMEOUT_MS, to_ms(request_.timeout));
  set(CURLOPT_SSL_VERIFYPEER, request_.verify_tls ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, request_.verify_tls ? 2L : 0L);
  if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  if (!request_.certificate_file.empty()) {
    set(CURLOPT_SSLCERT, request_.certificate_file.c_str());
    const std::string& key = request_.key_file;
    set(CURLOPT_SSLKEY, key.empty() ? request_.certificate_file.c_str() : key.c_str());
  }
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
  set(CURLOPT_HEADERFUNCTION, &CurlRequest::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlRequest::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PRIVATE, this);
  if (request_.connect_only) {
    set(CURLOPT_CONNECT_ONLY, 1L);
  } else {
    set_method();
    if (!set_headers()) return false;
  }
  if (refused_ == CURLE_OK) return true;
  fail(std::string("libcurl refused the request: ") + curl_easy_strerror(refused_));
  return false;
}

void CurlRequest::set_method() {
  if (request_.method == "GET" && request_.body.empty()) {
    set(CURLOPT_HTTPGET, 1L);
    return;
  }
  if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
    return;
  }
  if (request_.method == "POST" || !request_.body.empty()) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  }
  if (request_.method != "POST") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

bool CurlRequest::set_headers() {
  // libcurl would wait up to a second for "100 Continue" before it sends a large body.
  std::vector<std::string> lines{"Expect:"};
  for (const auto& [name, value] : request_.headers) {
    if (name.empty() || !one_line(name) || !one_line(value) ||
        name.find_first_of(": \t") != std::string::npos) {
      fail("the header \"" + name.substr(0, name.find_first_of("\r\n")) +
           "\" is not a name and a value on one line");
      return false;
    }
    // Without a value, libcurl wants a semicolon; with a colon it would drop the header.
    lines.push_back(value.empty() ? name + ";" : name + ": " + value);
  }
  for (const std::string& line : lines) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) {
      fail("out of memory");
      return false;
    }
    (void)headers_.release();  // `longer` is the same list, or its first node
    headers_.reset(longer);
  }
  set(CURLOPT_HTTPHEADER, headers_.get());
  return true;
}

std::size_t CurlRequest::on_header(char*, std::size_t size, std::size_t count, void* self) {
  auto& request = *static_cast<CurlRequest*>(self);
  request.header_bytes_ += size * count;
  if (request.header_bytes_ <= kHeaderBytesMax) return size * count;
  request.too_many_headers_ = true;
  return 0;
}

std::size_t CurlRequest::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& request = *static_cast<CurlRequest*>(self);
  if (request.request_.on_body && request.good()) {
    const bool more = request.request_.on_body(std::string_view(bytes, size * count));
    return more ? size * count : 0;
  }
  std::string& body = request.outcome_.body;
  const std::size_t room = request.request_.body_bytes_max - body.size();
  body.append(bytes, std::min(room, size * count));
  if (size * count <= room) return size * count;
  request.outcome_.truncated = true;
  return 0;  // ends the request with CURLE_WRITE_ERROR
}

bool CurlRequest::good() const {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  return status >= 200 && status < 300;
}

bool CurlRequest::finish(CURLcode code) {
  if (code != CURLE_OK && !outcome_.truncated) {
    outcome_.body.clear();
    fail(too_many_headers_   ? "the answer's headers are longer than 64 KiB"
         : error_[0] != '\0' ? std::string(error_.data())
                             : std::string(curl_easy_strerror(code)));
    return false;
  }
  if (request_.connect_only) {
    outcome_.reached = true;
    return false;
  }
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  outcome_.status = static_cast<int>(status);
  curl_off_t wait = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RETRY_AFTER, &wait);
  if (wait > 0) {
    outcome_.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, 30 * 24 * 3600));
  }
  if (status >= 300 && status < 400 && request_.follow_same_host_redirects) return follow();
  outcome_.reached = true;
  return false;
}

bool CurlRequest::follow() {
  outcome_.reached = true;
  char* raw = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_REDIRECT_URL, &raw);
  if (raw == nullptr || (request_.method != "GET" && request_.method != "HEAD")) return false;
  const std::string target(raw);
  const std::string host = host_of(target.c_str());
  if (host.empty() || host != host_of(request_.url.c_str())) {
    outcome_.redirected_elsewhere = true;
    return false;
  }
  curl_off_t spent_us = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_TOTAL_TIME_T, &spent_us);
  request_.timeout -= std::chrono::microseconds(spent_us);
  const bool again = ++redirects_ <= kRedirectsMax && request_.timeout > Duration{0};
  outcome_ = {};
  if (!again) {
    fail(redirects_ > kRedirectsMax ? "more than 10 redirects" : "no time left after a redirect");
    return false;
  }
  request_.url = target;
  header_bytes_ = 0;
  error_[0] = '\0';
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_TIMEOUT_MS, to_ms(request_.timeout));
  set(CURLOPT_CONNECTTIMEOUT_MS, to_ms(request_.timeout));
  return true;
}

HttpOutcome run(HttpRequest request) {
  initialise_curl();
  CurlRequest curl(0, std::move(request));
  if (curl.prepare()) {
    while (curl.finish(curl_easy_perform(curl.easy()))) {
    }
  }
  return curl.take_outcome();
}

}  // namespace muster
