#include "health/curl_prober.h"

#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "tests/driver/posix_http_fixture.h"

namespace muster::health {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct CurlProberTest : testing::Test {
  struct Verdict {
    bool passed = false;
    std::string text;
  };
  Verdict check(const ProbeSpec& spec) {
    auto promise = std::make_shared<std::promise<Verdict>>();
    auto verdict = promise->get_future();
    prober.check(spec, [promise](bool passed, std::string text) {
      promise->set_value({passed, std::move(text)});
    });
    if (verdict.wait_for(seconds(20)) != std::future_status::ready) {
      ADD_FAILURE() << "no verdict";
      return {};
    }
    return verdict.get();
  }
  static ProbeSpec spec(ProbeKind kind, std::uint16_t port) {
    ProbeSpec spec;
    spec.kind = kind;
    spec.host = "127.0.0.1";
    spec.port = port;
    return spec;
  }

  CurlTransfers transfers;
  CurlProber prober{transfers};
};

TEST_F(CurlProberTest, HttpPassesFrom200To399) {
  for (const auto& [status, passes] :
       {std::pair{200, true}, {204, true}, {304, true}, {399, true}, {400, false}, {500, false}}) {
    HttpFixture server([status = status](const std::string&) { return http_reply(status); });
    const Verdict verdict = check(spec(ProbeKind::Http, server.port()));
    EXPECT_EQ(verdict.passed, passes) << status;
    EXPECT_EQ(verdict.text.empty(), passes) << verdict.text;
  }
}

TEST_F(CurlProberTest, HttpSendsPathAndHeadersAndSaysWhoItIs) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  ProbeSpec http = spec(ProbeKind::Http, server.port());
  http.path = "healthz?full=1";
  http.headers = {{"Host", "shop.example"}, {"X-Probe", "1"}};
  EXPECT_TRUE(check(http).passed);
  http.headers = {{"User-Agent", "custom"}};
  EXPECT_TRUE(check(http).passed);
  const auto requests = server.requests();
  EXPECT_TRUE(requests.at(0).starts_with("GET /healthz?full=1 HTTP/1.1\r\n")) << requests.at(0);
  EXPECT_NE(requests.at(0).find("Host: shop.example\r\n"), std::string::npos) << requests.at(0);
  EXPECT_NE(requests.at(0).find("X-Probe: 1\r\n"), std::string::npos);
  EXPECT_NE(requests.at(0).find("User-Agent: muster-probe/"), std::string::npos);
  EXPECT_NE(requests.at(1).find("User-Agent: custom\r\n"), std::string::npos);
}

TEST_F(CurlProberTest, ARedirectToTheSameHostIsFollowed) {
  HttpFixture server([](const std::string& request) {
    return request.starts_with("GET /bad ") ? http_reply(503)
                                            : http_reply(302, "", "Location: /bad\r\n");
  });
  const Verdict verdict = check(spec(ProbeKind::Http, server.port()));
  EXPECT_FALSE(verdict.passed);
  EXPECT_NE(verdict.text.find("status 503"), std::string::npos) << verdict.text;
}

TEST_F(CurlProberTest, ARedirectToAnotherHostPassesWithAWarning) {
  HttpFixture server([](const std::string&) {
    return http_reply(302, "", "Location: http://other.invalid/\r\n");
  });
  const Verdict verdict = check(spec(ProbeKind::Http, server.port()));
  EXPECT_TRUE(verdict.passed);
  EXPECT_NE(verdict.text.find("warning"), std::string::npos) << verdict.text;
}

TEST_F(CurlProberTest, ALargeBodyDoesNotMatter) {
  HttpFixture server([](const std::string&) { return http_reply(200, std::string(1 << 20, 'x')); });
  EXPECT_TRUE(check(spec(ProbeKind::Http, server.port())).passed);
}

TEST_F(CurlProberTest, ASilentServiceFailsAfterItsTimeoutButAcceptsTcp) {
  HttpFixture server([](const std::string&) { return std::nullopt; });
  ProbeSpec http = spec(ProbeKind::Http, server.port());
  http.timeout = milliseconds(200);
  const Verdict verdict = check(http);
  EXPECT_FALSE(verdict.passed);
  EXPECT_NE(verdict.text.find("timed out"), std::string::npos) << verdict.text;
  EXPECT_TRUE(check(spec(ProbeKind::Tcp, server.port())).passed);
}

TEST_F(CurlProberTest, AClosedPortFailsBothKinds) {
  for (const ProbeKind kind : {ProbeKind::Http, ProbeKind::Tcp}) {
    const Verdict verdict = check(spec(kind, closed_port()));
    EXPECT_FALSE(verdict.passed);
    EXPECT_NE(verdict.text.find("127.0.0.1"), std::string::npos) << verdict.text;
  }
}

TEST_F(CurlProberTest, APathThatCannotBeAskedForFails) {
  HttpFixture server([](const std::string&) { return http_reply(200); });
  ProbeSpec http = spec(ProbeKind::Http, server.port());
  http.path = "/a\r\nX: y";
  EXPECT_FALSE(check(http).passed);
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace muster::health
