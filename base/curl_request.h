// What is one HTTP request to libcurl? A handle with everything that the handle points to.
//
// A driver (libcurl), shared by run() and CurlTransfers; nobody else needs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <curl/curl.h>

#include "base/curl_transfers.h"

namespace muster {

// Before the first handle of any kind; any thread, any number of times.
void initialise_curl();

// Not thread-safe; one thread at a time.
class CurlRequest {
 public:
  CurlRequest(std::uint64_t id, HttpRequest request);
  CurlRequest(const CurlRequest&) = delete;  // libcurl keeps pointers into it
  CurlRequest& operator=(const CurlRequest&) = delete;

  // False when the request cannot be made; the outcome then says why.
  bool prepare();
  // The handle ended with `code`. True: run it again, it now points at a redirect's target.
  bool finish(CURLcode code);
  void fail(std::string why) { outcome_.error = std::move(why); }

  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] HttpOutcome take_outcome() { return std::move(outcome_); }

 private:
  struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct ListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  template <class Value>
  void set(CURLoption option, Value value);
  bool set_headers();
  void set_method();
  bool follow();
  [[nodiscard]] bool good() const;  // the answer's status is 2xx

  std::uint64_t id_;
  HttpRequest request_;
  HttpOutcome outcome_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::unique_ptr<curl_slist, ListDeleter> headers_;
  std::size_t header_bytes_ = 0;
  bool too_many_headers_ = false;
  int redirects_ = 0;
  CURLcode refused_ = CURLE_OK;              // the first option that libcurl did not take
  std::unique_ptr<CURL, EasyDeleter> easy_;  // last: its destructor may use what is above
};

}  // namespace muster
