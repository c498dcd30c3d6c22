// What do the tests of the HTTP server have in common? One on loopback, whose agent they play.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/civetweb_server.h"
#include "base/curl_transfers.h"
#include "tests/driver/agent/loopback.h"

namespace muster::agent {

// A TCP connection that reads and writes bytes as they are.
class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(connect_to(port)) {}
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // Until `end` has come or the connection is closed.
  std::string read_until(const std::string& end) {
    std::string text;
    char byte = 0;
    while (!text.ends_with(end) && ::recv(socket_, &byte, 1, 0) == 1) text += byte;
    return text;
  }
  std::string read_all() { return read_until("\x01 never"); }

 private:
  int socket_;
};

inline std::uint16_t free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
  ::close(listener);
  return ntohs(at.sin_port);
}

class CivetwebServerTest : public testing::Test {
 protected:
  CivetwebServerTest() {
    view_.self.name = "n5";
    view_.joined = view_.registered = true;
    ports_.view = [this] {
      const std::lock_guard lock(mutex_);
      return std::make_shared<const View>(view_);
    };
    ports_.metrics = [this](const collector::ScrapeRequest& request) -> Result<std::string> {
      const std::lock_guard lock(mutex_);
      scrape_ = request;
      if (request.collectors == std::vector<std::string>{"none"}) {
        return fail(Code::InvalidArgument, "there is no collector none");
      }
      return std::string("up 1\n");
    };
    ports_.since_leader = [this] {
      const std::lock_guard lock(mutex_);
      return since_leader_;
    };
    ports_.write = [this](WriteRequest request, const Done<Outcome>& done) {
      const std::lock_guard lock(mutex_);
      writes_.push_back(std::move(request.body));
      ids_.push_back(request.id);
      digests_.push_back(request.asked);
      if (!silent_) std::thread(done, write_result_).detach();
    };
    ports_.read = [this](const ReadRequest& request, const Done<ReadAnswer>& done) {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request.path + "?" + request.query);
      if (silent_) return;
      if (view_.master) return done(ReadAnswer(std::make_shared<const View>(view_)));
      done(read_answer_);
    };
    ports_.log_tail = [](InstanceId instance, unsigned lines) -> Result<std::string> {
      if (instance != 3) return fail(Code::NotFound, "instance does not run on this node");
      return std::to_string(lines) + " lines\n";
    };
    ports_.audit = [this](const AuditRecord& record) {
      const std::lock_guard lock(mutex_);
      audited_.push_back(record);
    };
  }

  void open(Duration patience = std::chrono::seconds(6)) {
    auto server =
        CivetwebServer::open({"127.0.0.1", port_}, ports_, {.patience = patience, .front = front_});
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
  }
  // A new state of the masters, of which this is one.
  void become(const ClusterState& state) {
    MasterView master;
    master.has_leader = true;
    master.state = std::make_shared<const ClusterState>(state);
    std::shared_ptr<const View> view;
    {
      const std::lock_guard lock(mutex_);
      view_.master = std::make_shared<const MasterView>(master);
      view = std::make_shared<const View>(view_);
    }
    if (server_) server_->published(view);
  }
  static void put(ClusterState& state, const std::string& key, const std::string& value) {
    ++state.index;
    state.kv.put(key, {std::make_shared<const std::string>(value), state.index, state.index, 1});
    state.kv_changes.push_back({state.index, key, false});
  }
  HttpOutcome ask(const std::string& method, const std::string& path, std::string body = "",
                  std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(port_) + path;
    request.body = std::move(body);
    request.headers = std::move(headers);
    return run(std::move(request));
  }
  std::string raw(const std::string& method, const std::string& path,
                  const std::string& headers = "") {
    Connection connection(port_);
    connection.send(method + " " + path + " HTTP/1.1\r\nHost: n5\r\n" + headers +
                    "Connection: close\r\n\r\n");
    return connection.read_all();
  }
  std::vector<AuditRecord> audited() {
    const std::lock_guard lock(mutex_);
    return audited_;
  }

  View view_;
  HttpPorts ports_;
  std::uint16_t port_ = free_port();
  std::string front_;
  std::mutex mutex_;
  std::vector<CommandBody> writes_;
  std::vector<std::string> ids_;
  std::vector<std::uint64_t> digests_;
  std::vector<std::string> asked_;
  std::vector<AuditRecord> audited_;
  collector::ScrapeRequest scrape_;  // the last
  Result<Outcome> write_result_ = Outcome{"done", 7, 3, false};
  Result<ReadAnswer> read_answer_ = ReadAnswer(ApiResponse{200, "application/json", "{}"});
  std::atomic<bool> silent_ = false;
  std::optional<Duration> since_leader_ = Duration::zero();
  std::unique_ptr<CivetwebServer> server_;
};

}  // namespace muster::agent
