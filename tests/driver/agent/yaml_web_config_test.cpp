#include "agent/yaml_web_config.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/driver/agent/web_config_fixture.h"

namespace muster::agent {
namespace {

class YamlWebConfig : public testing::Test {
 protected:
  Result<WebConfig> load(const std::string& text, bool must_prove = false) {
    return load_web_config(files_.write(text), must_prove).config;
  }
  // The problem that this has, without the file's name.
  std::string problem_of(const std::string& text, bool must_prove = false) {
    const auto config = load(text, must_prove);
    if (config) return "none";
    std::string why = config.error().text;
    for (std::size_t at; (at = why.find(files_.directory.path() + "/")) != std::string::npos;) {
      why.erase(at, files_.directory.path().size() + 1);
    }
    return why;
  }
  WebFiles files_;
};

TEST_F(YamlWebConfig, AnEmptyFileIsPlainHttpForEverybody) {
  const auto config = load("");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tls, nullptr);
  EXPECT_FALSE(config->proves());
}

TEST_F(YamlWebConfig, EveryKeyOfTheFormatIsTaken) {
  const auto config = load(kTls +
                           "  client_auth_type: RequireAndVerifyClientCert\n"
                           "  client_ca_file: ca.pem\n"
                           "  min_version: TLS12\n"
                           "  max_version: TLS13\n"
                           "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,\n"
                           "    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,\n"
                           "    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256]\n"
                           "  prefer_server_cipher_suites: false\n"
                           "  curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]\n"
                           "http_server_config:\n"
                           "  http2: true\n"
                           "  headers:\n"
                           "    Strict-Transport-Security: max-age=63072000\n"
                           "    X-Frame-Options: deny\n"
                           "basic_auth_users:\n"
                           "  ann: " +
                           kSecretHash + "\n  bob: " + kOtherHash + "\n");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_NE(config->tls, nullptr);
  EXPECT_TRUE(config->verifies_clients);
  EXPECT_EQ(config->users.size(), 2U);
  EXPECT_EQ(config->users.at("bob"), kOtherHash);
  EXPECT_EQ(config->headers,
            (std::vector<std::pair<std::string, std::string>>{
                {"Strict-Transport-Security", "max-age=63072000"}, {"X-Frame-Options", "deny"}}));
}

TEST_F(YamlWebConfig, EverySuiteThatExportersTakeIsOneOfOpenssls) {
  for (const std::string name :
       {"TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"}) {
    EXPECT_EQ(problem_of(kTls + "  cipher_suites: [" + name + "]\n"), "none");
  }
}

TEST_F(YamlWebConfig, EachProblemHasItsPlace) {
  struct Bad {
    std::string text;
    std::string begins;  // of what is said
  };
  const std::string gcm = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
  for (const Bad& bad : std::vector<Bad>{
           {"tls_config: {}\n", "web.yml:1:1: tls_config: "},
           {"basic_auth_users:\n  ann: s3cret\n",
            "web.yml:2:8: basic_auth_users.ann: is no bcrypt hash"},
           {"basic_auth_users:\n  'a:b': x\n", "web.yml:2:10: basic_auth_users.a:b: is no name"},
           {"tls_server_config:\n  cert_file: server.pem\n",
            "web.yml:2:3: tls_server_config.key_file: is missing"},
           {"tls_server_config:\n  key_file: server.key\n",
            "web.yml:2:3: tls_server_config.cert_file: is missing"},
           {"tls_server_config:\n  min_version: TLS13\n",
            "web.yml:2:3: tls_server_config.cert_file: is missing"},
           {"tls_server_config:\n  cert_file: none.pem\n  key_file: server.key\n",
            "web.yml:2:14: tls_server_config.cert_file: cannot read none.pem: "},
           {"tls_server_config:\n  cert_file: .\n  key_file: server.key\n",
            "web.yml:2:14: tls_server_config.cert_file: cannot read "},
           {"tls_server_config:\n  cert_file: web.yml\n  key_file: server.key\n",
            "web.yml:2:14: tls_server_config.cert_file: there is no certificate"},
           {"tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem\n",
            "web.yml:3:13: tls_server_config.key_file: there is no private key"},
           {"tls_server_config:\n  cert_file: server.pem\n  key_file: other.key\n",
            "web.yml:3:13: tls_server_config.key_file: it is not the key of the certificate"},
           {kTls + "  client_auth_type: Please\n",
            "web.yml:4:21: tls_server_config.client_auth_type: \"Please\" is none of NoClientCert"},
           {kTls + "  client_auth_type: RequireAndVerifyClientCert\n",
            "web.yml:2:3: tls_server_config.client_ca_file: is missing"},
           {kTls + "  client_ca_file: ca.pem\n",
            "web.yml:4:19: tls_server_config.client_ca_file: is of no use"},
           {kTls + "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: server.key\n",
            "web.yml:5:19: tls_server_config.client_ca_file: there is no certificate"},
           {kTls + "  min_version: TLS10\n",
            "web.yml:4:16: tls_server_config.min_version: TLS10 has been broken"},
           {kTls + "  max_version: SSL30\n",
            "web.yml:4:16: tls_server_config.max_version: \"SSL30\" is neither TLS12 nor TLS13"},
           {kTls + "  min_version: TLS13\n  max_version: TLS12\n",
            "web.yml:5:16: tls_server_config.max_version: is below min_version"},
           {kTls + "  cipher_suites:\n    - " + gcm + "\n    - TLS_RSA_WITH_RC4_128_SHA\n",
            "web.yml:6:7: tls_server_config.cipher_suites[1]: \"TLS_RSA_WITH_RC4_128_SHA\" is no"},
           {kTls + "  max_version: TLS12\n  cipher_suites: [TLS_AES_128_GCM_SHA256]\n",
            "web.yml:5:18: tls_server_config.cipher_suites: names no suite of TLS12"},
           {kTls + "  curve_preferences: [P256]\n",
            "web.yml:4:23: tls_server_config.curve_preferences[0]: \"P256\" is none of CurveP256"},
           {kTls + "  prefer_server_cipher_suites: often\n",
            "web.yml:4:32: tls_server_config.prefer_server_cipher_suites: "},
           {"http_server_config:\n  http2: maybe\n", "web.yml:2:10: http_server_config.http2: "},
           {"http_server_config:\n  headers:\n    Server: x\n",
            "web.yml:3:13: http_server_config.headers.Server: is no header that can be set"},
           {"http_server_config:\n  headers:\n    X-Frame-Options: allow\n",
            "web.yml:3:22: http_server_config.headers.X-Frame-Options: \"allow\" is neither"},
           {"http_server_config:\n  headers:\n    X-XSS-Protection: \"1\\r\\nSet-Cookie: a\"\n",
            "web.yml:3:23: http_server_config.headers.X-XSS-Protection: is not one line"},
           {"{", "web.yml:"}}) {
    const std::string said = problem_of(bad.text);
    EXPECT_TRUE(said.starts_with(bad.begins)) << bad.text << said;
  }
}

TEST_F(YamlWebConfig, AFileThatIsNotThereIsNamed) {
  const auto loaded = load_web_config(files_.directory.file("none.yml"), false);
  EXPECT_EQ(loaded.config.error().code, Code::NotFound);
  EXPECT_NE(loaded.config.error().text.find("none.yml"), std::string::npos);
}

TEST_F(YamlWebConfig, WhereEverybodyCouldComeSomebodyMustBeAskedForSomething) {
  EXPECT_TRUE(problem_of("", true).starts_with("web.yml:1:1: asks nobody for anything"));
  EXPECT_NE(problem_of(kTls, true), "none");
  EXPECT_NE(problem_of(kTls + "  client_auth_type: RequireAnyClientCert\n", true), "none");
  EXPECT_NE(problem_of(kTls + "  client_auth_type: VerifyClientCertIfGiven\n"
                              "  client_ca_file: ca.pem\n",
                       true),
            "none");
  EXPECT_EQ(problem_of(kTls + "  client_auth_type: RequireAndVerifyClientCert\n"
                              "  client_ca_file: ca.pem\n",
                       true),
            "none");
  EXPECT_EQ(problem_of(std::string("basic_auth_users: {ann: ") + kSecretHash + "}\n", true),
            "none");
}

TEST_F(YamlWebConfig, KnowsWhenOneOfItsFilesIsAnotherOne) {
  const auto loaded = load_web_config(files_.write(kTls), false);
  ASSERT_TRUE(loaded.config) << loaded.config.error().text;
  EXPECT_FALSE(loaded.stale(loaded.stamps()));
  const std::string key = read_file(files_.directory.file("server.key"));
  write_file(files_.directory.file("next.key"), key);
  std::filesystem::rename(files_.directory.file("next.key"), files_.directory.file("server.key"));
  EXPECT_TRUE(loaded.stale(loaded.stamps()));  // though it says the same

  const auto bad = load_web_config(files_.write("nonsense: 1\n"), false);
  EXPECT_FALSE(bad.config);
  EXPECT_FALSE(bad.stale(bad.stamps()));
  files_.write("");
  EXPECT_TRUE(bad.stale(bad.stamps()));
}

}  // namespace
}  // namespace muster::agent
