#include "agent/asio_tls_front.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/http_head.h"
#include "tests/driver/agent/loopback.h"
#include "tests/driver/identity/openssl_tls_fixture.h"
#include "tests/driver/temp_dir.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using identity::node;
using identity::OpensslTls;
using identity::Town;
using identity::user;

// The plain server behind the front: it notes each request as it came and answers as it is told.
class Server {
 public:
  using Answer = std::function<std::string(const std::string& target)>;
  explicit Server(Answer answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~Server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }
  [[nodiscard]] Address address() const { return {"127.0.0.1", port_}; }
  [[nodiscard]] std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::atomic<int> connections{0};
  std::atomic<int> open{0}, open_most{0};

 private:
  void accept() {
    while (true) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      ++connections;
      open_most = std::max(open_most.load(), ++open);
      threads_.emplace_back([this, socket] {
        serve(socket);
        --open;
        ::close(socket);
      });
    }
  }
  void serve(int socket) {
    std::string in;
    const auto more = [&] {
      char bytes[65536];
      const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
      if (got > 0) in.append(bytes, static_cast<std::size_t>(got));
      return got > 0;
    };
    while (true) {
      const ParsedHead head = parse_request_head(in);
      ASSERT_TRUE(head) << head.error().why;
      if (!*head) {
        if (!more()) return;
        continue;
      }
      std::string request = in.substr(0, (*head)->bytes);
      const std::string target((*head)->target);
      HttpBodyReader body(**head);
      in.erase(0, request.size());
      while (!body.done()) {
        const auto piece = body.take(in);
        ASSERT_TRUE(piece) << piece.error().why;
        request += piece->payload;
        const bool stuck = piece->used == 0;
        in.erase(0, piece->used);
        if (stuck && !more()) return;
      }
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const std::string answer = answer_(target);
      ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (answer.find("Content-Length") == std::string::npos &&
          answer.find("chunked") == std::string::npos) {
        return;
      }
    }
  }

  Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
};

// A client whose bytes are what the test says.
class Client {
 public:
  Client(std::uint16_t port, const OpensslTls& tls)
      : socket_(connect_to(port)), ssl_(tls.begin(identity::TlsEnd::NodeClient)) {
    SSL_set_fd(ssl_.get(), socket_);
    EXPECT_EQ(SSL_do_handshake(ssl_.get()), 1);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const int n =
          SSL_write(ssl_.get(), bytes.data() + sent, static_cast<int>(bytes.size() - sent));
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
  // Until the text ends so or the connection is closed.
  std::string read_until(const std::string& end) {
    std::string text;
    char byte = 0;
    while (!text.ends_with(end) && SSL_read(ssl_.get(), &byte, 1) == 1) text += byte;
    return text;
  }
  std::string read_all() { return read_until("\x01 never"); }
  // For a moment.
  [[nodiscard]] bool hears_nothing() const {
    pollfd ears{socket_, POLLIN, 0};
    return ::poll(&ears, 1, 50) == 0;
  }

 private:
  int socket_;
  identity::Ssl ssl_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class AsioTlsFrontTest : public testing::Test {
 protected:
  void open(Server::Answer answer, std::size_t connections = 2) {
    server_ = std::make_unique<Server>(std::move(answer));
    FrontOptions options;
    options.listen = {"127.0.0.1", 0};
    options.server = server_->address();
    options.secret = "s3cret";
    options.connections = connections;
    options.client_patience = 500ms;
    options.turn_patience = 300ms;
    options.body_patience = 1500ms;
    auto front = AsioTlsFront::open(options, identity::tls(town_.issue(node("n1"))),
                                    [this](const AsioTlsFront::Dropped& what) {
                                      const std::lock_guard lock(mutex_);
                                      dropped_.push_back(what.reason);
                                    });
    ASSERT_TRUE(front) << front.error().text;
    front_ = std::move(*front);
    port_ = front_->address().port;
  }
  std::string ask(const std::string& bytes) {
    Client client(port_, *agent_);
    client.send(bytes);
    return client.read_all();
  }
  bool was_dropped_as(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    return std::find(dropped_.begin(), dropped_.end(), reason) != dropped_.end();
  }

  Town town_;
  std::unique_ptr<OpensslTls> agent_ = identity::tls(town_.issue(node("a1")));
  std::unique_ptr<Server> server_;
  std::mutex mutex_;
  std::vector<std::string> dropped_;
  std::unique_ptr<AsioTlsFront> front_;
  std::uint16_t port_ = 0;
};

TEST_F(AsioTlsFrontTest, EveryRequestOfAConnectionCarriesTheSecretAndTheAddressOnce) {
  open([](const std::string& target) { return ok("you asked for " + target + "\n"); });
  Client client(port_, *agent_);
  for (int i = 0; i < 3; ++i) {
    client.send(
        "GET /" + std::to_string(i) +
        " HTTP/1.1\r\nHost: x\r\nX-Muster-Front: guess\r\nx-muster-peer-role: admin\r\n\r\n");
    EXPECT_EQ(client.read_until("\n"), "HTTP/1.1 200 OK\r\n");
    EXPECT_TRUE(client.read_until("for /" + std::to_string(i) + "\n").ends_with("\n"));
  }
  ASSERT_EQ(server_->requests().size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(server_->requests()[static_cast<std::size_t>(i)],
              "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\nX-Muster-Front: s3cret\r\n" +
                  "X-Muster-Peer-Address: 127.0.0.1\r\n\r\n");
  }
  EXPECT_EQ(server_->connections, 1);
}

TEST_F(AsioTlsFrontTest, ListensAtASecondAddressIfItCan) {
  open([](const std::string&) { return ok("here\n"); });
  EXPECT_EQ(front_->also(), Address{});
  FrontOptions options;
  options.listen = {"127.0.0.2", 0};
  options.also = Address{"127.0.0.1", 0};
  options.server = server_->address();
  const auto tls = [this] { return identity::tls(town_.issue(node("n1"))); };
  const auto both = AsioTlsFront::open(options, tls(), [](const AsioTlsFront::Dropped&) {});
  ASSERT_TRUE(both) << both.error().text;
  EXPECT_EQ((*both)->address().host, "127.0.0.2");
  port_ = (*both)->also().port;
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ends_with("here\n"));
  options.also = (*both)->also();  // taken
  const auto one = AsioTlsFront::open(options, tls(), [](const AsioTlsFront::Dropped&) {});
  ASSERT_TRUE(one) << one.error().text;
  EXPECT_EQ((*one)->also(), Address{});
  EXPECT_NE((*one)->why_not_also().find("in use"), std::string::npos) << (*one)->why_not_also();
}

TEST_F(AsioTlsFrontTest, AUsersCertificateSaysWhoAsks) {
  open([](const std::string&) { return ok("hi"); });
  const auto credentials = town_.issue(user("ada", Role::Operator));
  // A node's context does not take a user's certificate: OpenSSL is asked directly.
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()),
                                                             SSL_CTX_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> pem(BIO_new_mem_buf(credentials.certificate.data(), -1),
                                                BIO_free);
  X509* const certificate = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr);
  const std::unique_ptr<BIO, int (*)(BIO*)> key_pem(BIO_new_mem_buf(credentials.key.data(), -1),
                                                    BIO_free);
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr);
  ASSERT_EQ(SSL_CTX_use_certificate(context.get(), certificate), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(context.get(), key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  const identity::Ssl ssl(SSL_new(context.get()));
  const int socket = connect_to(port_);
  SSL_set_fd(ssl.get(), socket);
  ASSERT_EQ(SSL_connect(ssl.get()), 1);
  const std::string ask = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  SSL_write(ssl.get(), ask.data(), static_cast<int>(ask.size()));
  char byte = 0;
  EXPECT_EQ(SSL_read(ssl.get(), &byte, 1), 1);
  ::close(socket);
  ASSERT_EQ(server_->requests().size(), 1U);
  EXPECT_NE(
      server_->requests()[0].find("X-Muster-Peer-Name: ada\r\nX-Muster-Peer-Role: operator\r\n"
                                  "X-Muster-Peer-Serial: "),
      std::string::npos)
      << server_->requests()[0];
}

TEST_F(AsioTlsFrontTest, BodiesOfEitherFormPassWholeAndTheNextRequestBehindThemToo) {
  open([](const std::string& target) {
    if (target == "/chunks") {
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk_of("ab") +
             chunk_of(std::string(100'000, 'c')) + chunk_of("");
    }
    return ok(target);
  });
  const std::string body(300'000, 'b');
  Client client(port_, *agent_);
  client.send("PUT /one HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + body +
              "POST /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
              chunk_of(body) + chunk_of("x") + chunk_of("") +
              "GET /chunks HTTP/1.1\r\nHost: x\r\n\r\n"
              "HEAD /three HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_all();
  EXPECT_NE(answers.find("\r\n\r\n/one"), std::string::npos);
  EXPECT_NE(answers.find("\r\n\r\n/two"), std::string::npos);
  EXPECT_NE(answers.find(std::string(1000, 'c')), std::string::npos);
  EXPECT_TRUE(answers.ends_with("Connection: close\r\nContent-Length: 6\r\n\r\n"));
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_TRUE(requests[0].ends_with("\r\n\r\n" + body));
  EXPECT_TRUE(requests[1].ends_with("\r\n\r\n" + body + "x"));
}

TEST_F(AsioTlsFrontTest, AnAnswerWithoutAnEndOfItsOwnEndsTheConnection) {
  open([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\n\r\nevent\n"); });
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nevent\n");
}

TEST_F(AsioTlsFrontTest, WhatCouldBeReadInTwoWaysReachesNobody) {
  open([](const std::string&) { return ok("never"); });
  for (const std::string& bytes : std::vector<std::string>{
           "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
           "0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
           "GET / HTTP/1.1\r\n" + std::string(20'000, 'a')}) {
    EXPECT_TRUE(ask(bytes).starts_with("HTTP/1.1 4")) << bytes;
  }
  EXPECT_TRUE(ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello")
                  .starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(server_->requests().empty());
  EXPECT_TRUE(was_dropped_as("bad_request"));
}

TEST_F(AsioTlsFrontTest, ManyClientsTakeTurnsOnFewConnections) {
  open([](const std::string& target) { return ok(target + "\n"); });
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(std::make_unique<Client>(port_, *agent_));
  for (int round = 0; round < 5; ++round) {
    for (auto& client : clients) client->send("GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
    for (auto& client : clients) EXPECT_TRUE(client->read_until("/x\n").ends_with("/x\n"));
  }
  EXPECT_LE(server_->open_most, 2);
}

TEST_F(AsioTlsFrontTest, WhoWaitsTooLongForATurnIsToldToComeBack) {
  std::atomic<bool> go_on = false;
  open(
      [&](const std::string& target) {
        if (target == "/slow") eventually([&] { return go_on.load(); });
        return ok(target);
      },
      1);
  Client slow(port_, *agent_);
  slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return server_->requests().size() == 1; }));
  EXPECT_TRUE(ask("GET /x HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 503"));
  go_on = true;
  EXPECT_TRUE(slow.read_until("/slow").ends_with("/slow"));
}

TEST_F(AsioTlsFrontTest, WhoStopsInTheMiddleIsSentAway) {
  open([](const std::string&) { return ok("x"); });
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408"));
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nfour"), "");
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(AsioTlsFrontTest, ASmallBodyThatComesSlowlyHoldsNoConnectionToTheServer) {
  open([](const std::string& target) { return ok(target); }, 1);
  Client slow(port_, *agent_);
  slow.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    slow.send("x");
    EXPECT_TRUE(ask("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ends_with("/x"));
  }
  slow.send(std::string(20'000 - 4, 'x'));
  EXPECT_TRUE(slow.read_until("/slow").ends_with("/slow"));
}

TEST_F(AsioTlsFrontTest, ABodyMustBeWholeInTimeHoweverItDrips) {
  open([](const std::string& target) { return ok(target); });
  Client slow(port_, *agent_);
  slow.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n");
  int drops = 0;
  while (drops < 100 && slow.hears_nothing()) {
    slow.send("x");
    ++drops;
  }
  EXPECT_LT(drops, 60);
  EXPECT_EQ(slow.read_all(), "");
  EXPECT_TRUE(server_->requests().empty());
}

TEST_F(AsioTlsFrontTest, LargeBodiesOfOneAddressHoldFewConnections) {
  open([](const std::string& target) { return ok(target); }, 40);
  const std::string half(100'000, 'x');
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<Client>(port_, *agent_));
    clients.back()->send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + half);
  }
  ASSERT_TRUE(eventually([&] { return server_->open_most >= 4; }));
  EXPECT_TRUE(ask("GET /y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ends_with("/y"));
  EXPECT_LE(server_->open_most, 5);
}

TEST_F(AsioTlsFrontTest, AClientThatWaitsToBeToldSendsItsBodyThen) {
  open([](const std::string&) { return ok("thanks"); });
  Client client(port_, *agent_);
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_TRUE(client.read_until("thanks").ends_with("thanks"));
  EXPECT_TRUE(server_->requests()[0].ends_with("body"));
}

TEST_F(AsioTlsFrontTest, PlainHttpIsRefusedAndCounted) {
  open([](const std::string&) { return ok("never"); });
  const int socket = connect_to(port_);
  const std::string ask = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ::send(socket, ask.data(), ask.size(), MSG_NOSIGNAL);
  char bytes[100];
  while (::recv(socket, bytes, sizeof bytes, 0) > 0) {
  }
  ::close(socket);
  EXPECT_TRUE(eventually([&] { return was_dropped_as("tls_not_tls"); }));
}

TEST_F(AsioTlsFrontTest, WithoutAServerBehindItEveryAnswerSaysSo) {
  open([](const std::string&) { return ok("x"); });
  server_.reset();
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 503"));
}

}  // namespace
}  // namespace muster::agent
