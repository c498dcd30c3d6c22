#include "base/curl_transfers.h"

#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include <curl/curl.h>

#include "base/curl_request.h"
#include "base/error.h"

namespace muster {
namespace {

constexpr long kIdlePollMs = 60'000;  // start(), cancel() and the destructor wake the poll earlier

struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

}  // namespace

// What is above the mutex belongs to the thread; what is below it is shared.
class CurlTransfers::Loop {
 public:
  ~Loop();
  std::uint64_t start(HttpRequest request, Done done);
  void cancel(std::uint64_t id);

 private:
  struct Orders {
    std::vector<std::pair<std::uint64_t, HttpRequest>> start;
    std::vector<std::uint64_t> cancel;
    bool stop = false;
  };

  void main();
  void carry_out(Orders orders);
  void collect();
  void fail_all(const char* why);
  void end(std::map<std::uint64_t, std::unique_ptr<CurlRequest>>::iterator at, bool added);

  std::unique_ptr<CURLM, MultiDeleter> multi_;  // made before the thread, freed after it
  std::map<std::uint64_t, std::unique_ptr<CurlRequest>> running_;

  std::mutex mutex_;
  Orders orders_;
  std::map<std::uint64_t, Done> waiting_;  // an entry gone: cancelled or done
  std::uint64_t last_id_ = 0;
  std::thread thread_;
};

CurlTransfers::Loop::~Loop() {
  {
    const std::lock_guard lock(mutex_);
    orders_.stop = true;
    waiting_.clear();
  }
  if (!thread_.joinable()) return;
  curl_multi_wakeup(multi_.get());
  thread_.join();
}

std::uint64_t CurlTransfers::Loop::start(HttpRequest request, Done done) {
  std::unique_lock lock(mutex_);
  const std::uint64_t id = ++last_id_;
  std::string refusal;
  if (waiting_.size() >= kTransfersMax) {
    refusal = "too many requests at once: " + std::to_string(kTransfersMax) + " are running";
  } else if (!thread_.joinable()) {
    initialise_curl();
    if (!multi_) multi_.reset(curl_multi_init());
    CHECK(multi_ != nullptr);
    try {
      thread_ = std::thread([this] { main(); });
    } catch (const std::system_error& error) {
      refusal = std::string("cannot start a thread for HTTP requests: ") + error.what();
    }
  }
  if (refusal.empty()) {
    waiting_.emplace(id, std::move(done));
    orders_.start.emplace_back(id, std::move(request));
    curl_multi_wakeup(multi_.get());
    return id;
  }
  lock.unlock();
  HttpOutcome outcome;
  outcome.error = std::move(refusal);
  done(std::move(outcome));
  return id;
}

void CurlTransfers::Loop::cancel(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (waiting_.erase(id) == 0) return;
  orders_.cancel.push_back(id);
  curl_multi_wakeup(multi_.get());
}

void CurlTransfers::Loop::main() {
  for (;;) {
    Orders orders;
    {
      const std::lock_guard lock(mutex_);
      std::swap(orders, orders_);
    }
    if (orders.stop) break;
    carry_out(std::move(orders));
    int still_running = 0;
    CURLMcode code = curl_multi_perform(multi_.get(), &still_running);
    if (code == CURLM_OK) {
      collect();
      code = curl_multi_poll(multi_.get(), nullptr, 0, kIdlePollMs, nullptr);
    }
    if (code != CURLM_OK) fail_all(curl_multi_strerror(code));
  }
  for (const auto& [id, transfer] : running_) {
    curl_multi_remove_handle(multi_.get(), transfer->easy());
  }
  running_.clear();
}

void CurlTransfers::Loop::carry_out(Orders orders) {
  for (auto& [id, request] : orders.start) {
    const auto at =
        running_.emplace(id, std::make_unique<CurlRequest>(id, std::move(request))).first;
    if (!at->second->prepare()) {
      end(at, false);
    } else if (curl_multi_add_handle(multi_.get(), at->second->easy()) != CURLM_OK) {
      at->second->fail("libcurl refused the request");
      end(at, false);
    }
  }
  for (const std::uint64_t id : orders.cancel) {
    const auto at = running_.find(id);
    if (at == running_.end()) continue;
    curl_multi_remove_handle(multi_.get(), at->second->easy());
    running_.erase(at);
  }
}

void CurlTransfers::Loop::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;  // `message` dies with remove_handle below
    char* self = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &self);
    const auto at = running_.find(reinterpret_cast<CurlRequest*>(self)->id());
    CHECK(at != running_.end());
    const bool again = at->second->finish(code);
    curl_multi_remove_handle(multi_.get(), easy);
    if (again && curl_multi_add_handle(multi_.get(), easy) == CURLM_OK) continue;
    if (again) at->second->fail("libcurl refused to follow a redirect");
    end(at, false);
  }
}

void CurlTransfers::Loop::fail_all(const char* why) {
  while (!running_.empty()) {
    running_.begin()->second->fail(why);
    end(running_.begin(), true);
  }
}

void CurlTransfers::Loop::end(std::map<std::uint64_t, std::unique_ptr<CurlRequest>>::iterator at,
                              bool added) {
  if (added) curl_multi_remove_handle(multi_.get(), at->second->easy());
  const std::uint64_t id = at->first;
  HttpOutcome outcome = at->second->take_outcome();
  running_.erase(at);
  Done done;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = waiting_.find(id);
    if (entry == waiting_.end()) return;
    done = std::move(entry->second);
    waiting_.erase(entry);
  }
  done(std::move(outcome));
}

CurlTransfers::CurlTransfers() : loop_(std::make_unique<Loop>()) {}
CurlTransfers::~CurlTransfers() = default;

std::uint64_t CurlTransfers::start(HttpRequest request, Done done) {
  return loop_->start(std::move(request), std::move(done));
}
void CurlTransfers::cancel(std::uint64_t id) { loop_->cancel(id); }

}  // namespace muster
