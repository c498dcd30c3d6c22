#include "agent/asio_metrics_door.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/base64.h"
#include "tests/driver/agent/scraper_fixture.h"
#include "tests/driver/agent/web_config_fixture.h"

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "Connection: close\r\n\r\n";
}
std::string as(const std::string& user, const std::string& password) {
  return "Authorization: Basic " + base64(user + ":" + password) + "\r\n";
}
const std::string kUsers = std::string("basic_auth_users:\n  ann: ") + kSecretHash + "\n";

class AsioMetricsDoorTest : public testing::Test {
 protected:
  void open(const std::string& web, bool files = true) {
    DoorOptions options;
    options.listen = {"127.0.0.1", 0};
    if (files) options.web_config = files_.write(web);
    options.client_patience = 500ms;
    options.idle_patience = 1min;
    options.look_every = 100ms;
    DoorPorts ports;
    ports.scrape = [this](const ScrapeAsked& asked) {
      ++scrapes_;
      while (held_) std::this_thread::yield();
      return ApiResponse{200, "text/plain",
                         std::string(large_, ' ') + "up 1 " + asked.query + asked.accept + "\n"};
    };
    ports.dropped = [this](const std::string& reason, const std::string& meaning, const Address&) {
      note(reason + ": " + meaning);
    };
    ports.not_proved = [this](const Address& from) { note("not proved: " + from.host); };
    ports.reloaded = [this](bool good, const std::string& text) {
      note((good ? "good: " : "bad: ") + text);
    };
    auto door = AsioMetricsDoor::open(options, ports);
    ASSERT_TRUE(door) << door.error().text;
    door_ = std::move(*door);
  }
  std::string ask(const std::string& bytes, const TlsClient* tls = nullptr) {
    Client client(door_->address().port, tls);
    if (tls != nullptr && !client.shaken()) return "no handshake";
    client.send(bytes);
    return client.read_all();
  }
  void note(const std::string& text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(text);
  }
  std::size_t noted(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(notes_.begin(), notes_.end(),
                      [&](const std::string& one) { return one.find(text) != std::string::npos; }));
  }
  [[nodiscard]] TlsClient client_of(const identity::Town& town) const {
    const auto issued = town.issue(identity::user("prometheus", Role::Viewer), wall_now());
    return {issued.certificate, issued.key, "", TLS1_3_VERSION};
  }

  WebFiles files_;
  std::atomic<int> scrapes_{0};
  std::atomic<bool> held_{false};
  std::size_t large_ = 0;  // bytes before what an answer says
  std::mutex mutex_;
  std::vector<std::string> notes_;
  std::unique_ptr<AsioMetricsDoor> door_;
};

TEST_F(AsioMetricsDoorTest, WithoutAFileItIsPlainHttpForEverybody) {
  open("", false);
  const std::string answer = ask(get("/metrics?collect[]=cpu", "Accept: text/plain\r\n"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nup 1 collect[]=cputext/plain\n")) << answer;
  EXPECT_TRUE(door_->text().ends_with("/metrics, for everybody")) << door_->text();
}

TEST_F(AsioMetricsDoorTest, OneConnectionServesManyScrapesAndAnswersToHeadHaveNoBody) {
  open("", false);
  Client client(door_->address().port, nullptr);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(client.read_until("up 1 \n").starts_with("HTTP/1.1 200 OK\r\n"));
  }
  client.send("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = client.read_all();
  EXPECT_NE(head.find("Content-Length: 6\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n")) << head;
  EXPECT_EQ(scrapes_, 4);
}

TEST_F(AsioMetricsDoorTest, ThereIsNothingBehindItButMetricsAndAPageThatLeadsThere) {
  open("", false);
  EXPECT_NE(ask(get("/")).find("href=\"/metrics\""), std::string::npos);
  for (const std::string path : {"/v1/status", "/healthz", "/metrics/", "//metrics", "/metrics%00",
                                 "/../metrics", "/METRICS", "/debug/pprof"}) {
    EXPECT_TRUE(ask(get(path)).starts_with("HTTP/1.1 404 ")) << path;
  }
  for (const std::string method : {"PUT", "POST", "DELETE", "OPTIONS", "TRACE"}) {
    const std::string answer =
        ask(method + " /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << method;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos);
  }
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AsioMetricsDoorTest, WhatCouldBeReadInTwoWaysAndWhatHasABodyIsRefused) {
  open("", false);
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\nHost: x\n\n").starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(noted("bad_request"), 1U);
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(ask("GET /metrics HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(ask(""), "");  // it is sent away
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AsioMetricsDoorTest, MoreScrapesAtOnceThanItBearsAreToldToComeBack) {
  held_ = true;
  open("", false);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < AsioMetricsDoor::kScrapesMax; ++i) {
    clients.push_back(std::make_unique<Client>(door_->address().port, nullptr));
    clients.back()->send(get("/metrics"));
  }
  ASSERT_TRUE(eventually([&] {
    const std::string answer = ask(get("/metrics"));
    return answer.starts_with("HTTP/1.1 503 ");
  }));
  held_ = false;
  for (const auto& client : clients) EXPECT_TRUE(client->read_all().ends_with("up 1 \n"));
}

TEST_F(AsioMetricsDoorTest, WhoAsksNothingForLongestGivesWayToWhoComes) {
  open("", false);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::size_t i = 0; i < AsioMetricsDoor::kClientsMax; ++i) {
    clients.push_back(std::make_unique<Client>(door_->address().port, nullptr));
    clients.back()->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    clients.back()->read_until("</html>\n");
  }
  EXPECT_TRUE(ask(get("/metrics")).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(clients.front()->is_closed());
  clients.back()->send(get("/metrics"));
  EXPECT_TRUE(clients.back()->read_all().starts_with("HTTP/1.1 200 "));
}

// --- passwords ---
TEST_F(AsioMetricsDoorTest, OnlyAUserWithHisPasswordSeesAnything) {
  open(kUsers);
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).ends_with("up 1 \n"));
  for (const std::string& wrong : {as("ann", "secret"), as("bob", "s3cret"), as("", ""),
                                   std::string("Authorization: Bearer s3cret\r\n")}) {
    for (const std::string path : {"/metrics", "/", "/v1/status"}) {
      EXPECT_TRUE(ask(get(path, wrong)).starts_with("HTTP/1.1 4")) << wrong << path;
    }
  }
  EXPECT_EQ(scrapes_, 1);
  EXPECT_GE(noted("not proved: 127.0.0.1"), 8U);
  EXPECT_EQ(noted("s3cret"), 0U);
}

TEST_F(AsioMetricsDoorTest, WhoShowsNothingIsAskedForItAndHasNotFailed) {
  open(kUsers);
  for (int i = 0; i < 30; ++i) {
    const std::string answer = ask(get("/metrics"));
    ASSERT_TRUE(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << answer;
    EXPECT_NE(answer.find("\r\nWWW-Authenticate: Basic realm="), std::string::npos);
  }
  EXPECT_EQ(noted("not proved"), 0U);
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(
      ask(get("/metrics", as("ann", "s3cret") + as("ann", "s3cret"))).starts_with("HTTP/1.1 400 "));
}

TEST_F(AsioMetricsDoorTest, WhoGuessesTooOftenIsNotLookedAtWhateverHeShows) {
  open(kUsers);
  std::string answer;
  for (int i = 0; i < 12; ++i) answer = ask(get("/metrics", as("ann", std::to_string(i))));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
  EXPECT_NE(answer.find("Retry-After: "), std::string::npos);
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 429 "));
  EXPECT_EQ(scrapes_, 0);
}

TEST_F(AsioMetricsDoorTest, WhoIsTurnedAwayUnseenIsCountedToo) {
  open(kUsers);
  for (int i = 0; i < 25; ++i) ask(get("/metrics", as("ann", std::to_string(i))));
  EXPECT_EQ(noted("not proved: 127.0.0.1"), 25U);
}

TEST_F(AsioMetricsDoorTest, WhoGuessesBesideAScraperDoesNotEndItsConnection) {
  open(kUsers);
  const std::string good = "GET /metrics HTTP/1.1\r\nHost: x\r\n" + as("ann", "s3cret") + "\r\n";
  Client scraper(door_->address().port, nullptr);
  scraper.send(good);
  ASSERT_TRUE(scraper.read_until("up 1 \n").starts_with("HTTP/1.1 200 "));
  for (int i = 0; i < 12; ++i) ask(get("/metrics", as("ann", std::to_string(i))));
  ASSERT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 429 "));
  scraper.send(good);
  EXPECT_TRUE(scraper.read_until("up 1 \n").starts_with("HTTP/1.1 200 "));
  // What it has proved is that, and not that it may try something else.
  scraper.send(get("/metrics", as("bob", "s3cret")));
  EXPECT_TRUE(scraper.read_all().starts_with("HTTP/1.1 429 "));
}

TEST_F(AsioMetricsDoorTest, SuccessesGiveNobodyMoreGuesses) {
  open(kUsers);
  std::string answer;
  for (int i = 0; i < 12; ++i) {
    answer = ask(get("/metrics", as("bob", std::to_string(i))));
    if (i >= 8) continue;
    ASSERT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 200 ")) << i;
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 ")) << answer;
}

TEST_F(AsioMetricsDoorTest, APasswordThatWasProvedOnceCostsNothingMore) {
  // Cost 10: each check takes 50 ms or more.
  open("basic_auth_users:\n  ann: $2y$10$abcdefghijklmnopqrstuu3KWNuWLhBnmgYfnzONPueahDuedC/lu\n");
  Client client(door_->address().port, nullptr);
  for (int i = 0; i < 500; ++i) {
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n" + as("ann", "s3cret") + "\r\n");
    ASSERT_TRUE(client.read_until("up 1 \n").starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(door_->passwords_checked(), 1U);
}

TEST_F(AsioMetricsDoorTest, WhatHeadersTheFileNamesAreInEveryAnswer) {
  open("http_server_config:\n  headers:\n    X-Frame-Options: deny\n" + kUsers);
  EXPECT_NE(ask(get("/metrics")).find("\r\nX-Frame-Options: deny\r\n"), std::string::npos);
  EXPECT_NE(ask(get("/metrics", as("ann", "s3cret"))).find("\r\nX-Frame-Options: deny\r\n"),
            std::string::npos);
}

// --- TLS ---
TEST_F(AsioMetricsDoorTest, SpeaksTlsThatClientsTrustAndNothingPlain) {
  open(kTls);
  TlsClient trusting;
  trusting.trusts = read_file(files_.directory.file("ca.pem"));
  EXPECT_TRUE(ask(get("/metrics"), &trusting).ends_with("up 1 \n"));
  trusting.trusts = files_.theirs.authority.certificate;
  EXPECT_EQ(ask(get("/metrics"), &trusting), "no handshake");
  EXPECT_EQ(ask(get("/metrics")).find("up 1"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return noted("tls_not_tls") == 1; }));
}

TEST_F(AsioMetricsDoorTest, SpeaksTheVersionsThatTheFileSays) {
  open(kTls);
  TlsClient old;
  old.max_version = TLS1_2_VERSION;
  EXPECT_EQ(Client(door_->address().port, &old).version(), "TLSv1.2");
  const TlsClient present;
  EXPECT_EQ(Client(door_->address().port, &present).version(), "TLSv1.3");
  open(kTls + "  min_version: TLS13\n");
  EXPECT_EQ(ask(get("/metrics"), &old), "no handshake");
  open(kTls + "  cipher_suites: [TLS_AES_128_GCM_SHA256]\n");  // none of TLS 1.2
  EXPECT_EQ(ask(get("/metrics"), &old), "no handshake");
  EXPECT_TRUE(ask(get("/metrics"), &present).ends_with("up 1 \n"));
  open(kTls + "  max_version: TLS12\n");
  EXPECT_EQ(Client(door_->address().port, &present).version(), "TLSv1.2");
}

TEST_F(AsioMetricsDoorTest, EachWayToAskClientsForCertificatesLetsInWhomItSays) {
  const TlsClient none;
  const TlsClient ours = client_of(files_.ours);
  const TlsClient theirs = client_of(files_.theirs);
  struct Case {
    std::string kind;
    bool none, ours, theirs;  // gets in
  };
  for (const Case& one : std::vector<Case>{{"NoClientCert", true, true, true},
                                           {"RequestClientCert", true, true, true},
                                           {"RequireAnyClientCert", false, true, true},
                                           {"RequireClientCert", false, true, true},
                                           {"VerifyClientCertIfGiven", true, true, false},
                                           {"RequireAndVerifyClientCert", false, true, false}}) {
    std::string text = kTls + "  client_auth_type: " + one.kind + "\n";
    if (one.kind != "NoClientCert") text += "  client_ca_file: ca.pem\n";
    open(text);
    const auto gets_in = [&](const TlsClient& client) {
      return ask(get("/metrics"), &client).ends_with("up 1 \n");
    };
    EXPECT_EQ(gets_in(none), one.none) << one.kind;
    EXPECT_EQ(gets_in(ours), one.ours) << one.kind;
    EXPECT_EQ(gets_in(theirs), one.theirs) << one.kind;
  }
}

TEST_F(AsioMetricsDoorTest, ACertificateDoesNotStandForAPassword) {
  open(kTls + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n" +
       kUsers);
  const TlsClient ours = client_of(files_.ours);
  const TlsClient none;
  EXPECT_TRUE(ask(get("/metrics"), &ours).starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret")), &ours).starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(ask(get("/metrics", as("ann", "s3cret")), &none).find("200"), std::string::npos);
  EXPECT_TRUE(door_->text().starts_with("https://")) << door_->text();
}

// --- the file, while it is open ---
TEST_F(AsioMetricsDoorTest, AChangedFileHoldsAlsoForThoseWhoAreInAlready) {
  open(kUsers);
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 200 "));
  Client stays(door_->address().port, nullptr);
  stays.send("GET / HTTP/1.1\r\nHost: x\r\n" + as("ann", "s3cret") + "\r\n");
  EXPECT_TRUE(stays.read_until("</html>\n").starts_with("HTTP/1.1 200 "));
  files_.write(std::string("basic_auth_users: {ann: ") + kOtherHash + "}\n");
  EXPECT_TRUE(stays.is_closed());  // by itself, although nobody has asked anything
  EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 401 "));
  EXPECT_TRUE(ask(get("/metrics", as("ann", "other"))).starts_with("HTTP/1.1 200 "));
  EXPECT_EQ(noted("good: taken"), 1U);
}

TEST_F(AsioMetricsDoorTest, ANewCertificateIsShownWithoutARestart) {
  open(kTls);
  TlsClient trusting;
  trusting.trusts = files_.theirs.authority.certificate;
  EXPECT_EQ(ask(get("/metrics"), &trusting), "no handshake");
  const auto next = files_.theirs.issue(identity::node("n1"), wall_now());
  write_file(files_.directory.file("server.pem"), next.certificate);
  write_file(files_.directory.file("server.key"), next.key);
  ASSERT_TRUE(eventually([&] { return noted("good: taken") == 1; }));
  EXPECT_EQ(noted("bad: "), 0U);  // the pair was not met halfway
  EXPECT_TRUE(ask(get("/metrics"), &trusting).ends_with("up 1 \n"));
}

TEST_F(AsioMetricsDoorTest, ABadFileChangesNothingAndIsSaidOnce) {
  open(kUsers);
  files_.write("basic_auth_users: {ann: s3cret}\n");
  ASSERT_TRUE(eventually([&] { return noted("bad: ") == 1; }));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(ask(get("/metrics")).starts_with("HTTP/1.1 401 "));
    EXPECT_TRUE(ask(get("/metrics", as("ann", "s3cret"))).starts_with("HTTP/1.1 200 "));
  }
  EXPECT_EQ(noted("bad: metrics.web_config not taken, what it said before holds: "), 1U);
  EXPECT_EQ(noted("web.yml:1:25: basic_auth_users.ann: is no bcrypt hash"), 1U);
  EXPECT_EQ(noted("s3cret"), 0U);
  door_->reload();  // whoever asks is told again
  EXPECT_TRUE(eventually([&] { return noted("bad: ") == 2; }));
}

TEST_F(AsioMetricsDoorTest, ReloadingAsksThoseAnewWhoAreInAlready) {
  open("");
  Client client(door_->address().port, nullptr);
  client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_until("up 1 \n").starts_with("HTTP/1.1 200 "));
  files_.write(kTls);
  door_->reload();
  EXPECT_TRUE(client.is_closed());  // it came in without TLS
  const TlsClient any;
  EXPECT_TRUE(ask(get("/metrics"), &any).ends_with("up 1 \n"));
}

// Its answer says that the connection stays; what came in under the old file goes nevertheless.
TEST_F(AsioMetricsDoorTest, ReloadingEndsThoseWhoAreBeingAnswered) {
  large_ = std::size_t{32} << 20;  // more than fits between them
  open("");
  Client client(door_->address().port, nullptr);
  client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n").starts_with("HTTP/1.1 200 "));
  door_->reload();
  EXPECT_TRUE(eventually([&] { return noted("good: ") > 0; }));
  const auto size = client.drain();
  ASSERT_TRUE(size);
  EXPECT_GT(*size, large_);
}

TEST_F(AsioMetricsDoorTest, ItEndsWhileScrapesAndPasswordsAreUnderWay) {
  held_ = true;
  open(kUsers);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<Client>(door_->address().port, nullptr));
    clients.back()->send(get("/metrics", as("ann", i < 6 ? "s3cret" : "wrong")));
  }
  ASSERT_TRUE(eventually([&] { return scrapes_ > 0; }));
  std::thread opener([&] { held_ = false; });
  door_.reset();
  opener.join();
}

TEST_F(AsioMetricsDoorTest, AnAddressThatIsTakenIsNamed) {
  open("", false);
  DoorOptions options;
  options.listen = door_->address();
  const auto second = AsioMetricsDoor::open(options, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Unavailable);
  EXPECT_NE(second.error().text.find(door_->address().text()), std::string::npos);
}

}  // namespace
}  // namespace muster::agent
