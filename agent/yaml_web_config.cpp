#include "agent/yaml_web_config.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <string_view>

#include "agent/basic_auth.h"
#include "base/yaml_reader.h"
#include "identity/openssl_server_tls.h"

namespace muster::agent {
namespace {

using identity::ClientCertificate;
using identity::ServerTlsOptions;
using identity::ServerTlsPart;
using identity::TlsVersion;
template <class Value>
using Names = std::span<const std::pair<std::string_view, Value>>;

constexpr std::size_t kPemFileBytesMax = std::size_t{256} << 10;
constexpr std::size_t kUsersMax = 256;
constexpr std::size_t kUserBytesMax = 128;
constexpr std::size_t kHeaderBytesMax = 2048;
constexpr std::size_t kListMax = 32;

constexpr std::array<std::pair<std::string_view, ClientCertificate>, 6> kClientKinds{
    {{"NoClientCert", ClientCertificate::NotAsked},
     {"RequestClientCert", ClientCertificate::Asked},
     {"RequireAnyClientCert", ClientCertificate::Needed},
     {"RequireClientCert", ClientCertificate::Needed},
     {"VerifyClientCertIfGiven", ClientCertificate::VerifiedIfGiven},
     {"RequireAndVerifyClientCert", ClientCertificate::NeededAndVerified}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kCurves{
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};
// Those that exporters take. The first three are of TLS 1.3, where nothing is chosen.
constexpr std::array<std::string_view, 17> kSuites{"TLS_AES_128_GCM_SHA256",
                                                   "TLS_AES_256_GCM_SHA384",
                                                   "TLS_CHACHA20_POLY1305_SHA256",
                                                   "TLS_RSA_WITH_AES_128_CBC_SHA",
                                                   "TLS_RSA_WITH_AES_256_CBC_SHA",
                                                   "TLS_RSA_WITH_AES_128_GCM_SHA256",
                                                   "TLS_RSA_WITH_AES_256_GCM_SHA384",
                                                   "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
                                                   "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
                                                   "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                                                   "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
                                                   "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                                   "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                                                   "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                                   "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                                                   "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
                                                   "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"};
constexpr std::size_t kSuitesOfTls13 = 3;
constexpr std::array<std::string_view, 5> kHeaders{"Strict-Transport-Security",
                                                   "X-Content-Type-Options", "X-Frame-Options",
                                                   "X-XSS-Protection", "Content-Security-Policy"};

class Reader {
 public:
  Reader(const std::string& path, bool must_prove, LoadedWebConfig& out)
      : path_(path), must_prove_(must_prove), out_(out) {}

  Result<WebConfig> read() {
    stamp(path_);
    const auto text = read_yaml_text(path_);
    if (!text) return tl::unexpected<Error>(text.error());
    auto yaml = YamlFile::parse(*text, path_);
    if (!yaml) return tl::unexpected<Error>(yaml.error());
    const YamlNode root = yaml->document();
    WebConfig config;
    read_tls(*yaml, root.key("tls_server_config"), config);
    read_http(root.key("http_server_config"), config);
    read_users(root.key("basic_auth_users"), config);
    if (yaml->problem_count() == 0 && must_prove_ && !config.proves()) {
      root.wrong(
          "asks nobody for anything, but metrics.listen can be reached from outside: set "
          "basic_auth_users, or tls_server_config.client_auth_type: RequireAndVerifyClientCert");
    }
    const auto errors = yaml->finish();
    if (!errors.empty()) return tl::unexpected<Error>(joined(errors));
    return config;
  }

 private:
  void stamp(const std::string& path) { out_.files.emplace_back(path, stamp_of(path)); }

  template <class Value>
  static void read_name(const YamlNode& from, Names<Value> names, Value& out) {
    std::string text;
    if (!from.read(text)) return;
    std::string all;
    for (const auto& [name, value] : names) {
      if (name == text) {
        out = value;
        return;
      }
      (all += all.empty() ? "" : ", ") += name;
    }
    from.wrong(in_quotes(text) + " is none of " + all);
  }

  static void read_version(const YamlNode& from, TlsVersion& out) {
    std::string text;
    if (!from.read(text)) return;
    if (text == "TLS12") {
      out = TlsVersion::V12;
    } else if (text == "TLS13") {
      out = TlsVersion::V13;
    } else if (text == "TLS10" || text == "TLS11") {
      from.wrong(text + " has been broken since 2011 and is not spoken: take TLS12 or TLS13");
    } else {
      from.wrong(in_quotes(text) + " is neither TLS12 nor TLS13");
    }
  }

  static void read_suites(const YamlNode& from, ServerTlsOptions& out) {
    bool any = false;
    for (const YamlNode& item : from.items(kListMax, "a list of names of cipher suites")) {
      std::string name;
      if (!item.read(name)) continue;
      any = true;
      const auto* const known = std::find(kSuites.begin(), kSuites.end(), name);
      if (known == kSuites.end()) {
        item.wrong(in_quotes(name) + " is no cipher suite that is taken: write one as " +
                   std::string(kSuites[kSuites.size() - 4]));
      } else if (known >= kSuites.begin() + kSuitesOfTls13) {
        out.suites.push_back(name);
      }
    }
    if (!any || !out.suites.empty()) return;
    // Only suites of TLS 1.3 are named: TLS 1.2 is left without any.
    if (out.max == TlsVersion::V12) {
      from.wrong("names no suite of TLS12, which max_version keeps to");
    }
    out.min = TlsVersion::V13;
  }

  static void read_curves(const YamlNode& from, ServerTlsOptions& out) {
    for (const YamlNode& item : from.items(kListMax, "a list of names of curves")) {
      std::string_view name;
      read_name<std::string_view>(item, kCurves, name);
      if (!name.empty()) out.curves.emplace_back(name);
    }
  }

  // The text of the file that is named there, relative to this file's directory.
  bool read_pem(const YamlNode& from, std::string& out) {
    std::string name;
    if (!from.read(name)) return false;
    if (name.empty() || !one_line_text(name)) {
      from.wrong(in_quotes(name) + " is no path");
      return false;
    }
    const auto path = std::filesystem::path(path_).parent_path() / name;
    stamp(path.string());
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
      from.wrong("cannot read " + path.string() + ": " +
                 (error ? error.message() : "it is not a regular file"));
      return false;
    }
    const auto text = read_yaml_text(path.string());
    if (!text || text->size() > kPemFileBytesMax) {
      from.wrong(text ? path.string() + " is too large for PEM" : text.error().text);
      return false;
    }
    out = *text;
    return true;
  }

  void read_tls(YamlFile& yaml, const YamlNode& from, WebConfig& out) {
    ServerTlsOptions options;
    const std::size_t before = yaml.problem_count();
    const bool certificate = read_pem(from.key("cert_file"), options.certificate);
    const bool key = read_pem(from.key("key_file"), options.key);
    const YamlNode kind = from.key("client_auth_type");
    read_name<ClientCertificate>(kind, kClientKinds, options.client);
    const YamlNode authorities = from.key("client_ca_file");
    read_pem(authorities, options.client_authorities);
    read_version(from.key("min_version"), options.min);
    const YamlNode max = from.key("max_version");
    read_version(max, options.max);
    if (options.min > options.max) max.wrong("is below min_version");
    read_suites(from.key("cipher_suites"), options);
    from.key("prefer_server_cipher_suites").read(options.own_preference);
    read_curves(from.key("curve_preferences"), options);
    if (!from.present() || yaml.problem_count() > before) return;
    if (!certificate) from.key("cert_file").wrong("is missing: without it there is no TLS");
    if (!key) from.key("key_file").wrong("is missing: it is the key of cert_file");
    const bool verifies = options.client == ClientCertificate::VerifiedIfGiven ||
                          options.client == ClientCertificate::NeededAndVerified;
    if (verifies && !authorities.present()) {
      authorities.wrong("is missing: it says whose certificates clients must have");
    } else if (options.client == ClientCertificate::NotAsked && authorities.present()) {
      authorities.wrong("is of no use while client_auth_type asks no client for a certificate");
    }
    if (yaml.problem_count() > before) return;
    auto made = identity::OpensslServerTls::make(options);
    if (!made) return from.key(key_of(made.error().part)).wrong(made.error().what);
    out.tls = std::move(*made);
    out.verifies_clients = options.client == ClientCertificate::NeededAndVerified;
  }

  static std::string_view key_of(ServerTlsPart part) {
    switch (part) {
      case ServerTlsPart::Certificate: return "cert_file";
      case ServerTlsPart::Key: return "key_file";
      case ServerTlsPart::ClientAuthorities: return "client_ca_file";
      case ServerTlsPart::Suites: return "cipher_suites";
      case ServerTlsPart::Curves: return "curve_preferences";
    }
    return "cert_file";
  }

  static void read_http(const YamlNode& from, WebConfig& out) {
    bool http2 = true;  // is taken and changes nothing: every client speaks HTTP/1.1, too
    from.key("http2").read(http2);
    const YamlNode headers = from.key("headers");
    for (const auto& [name, node] : headers.entries(kHeaders.size())) {
      std::string value;
      if (std::find(kHeaders.begin(), kHeaders.end(), name) == kHeaders.end()) {
        std::string all;
        for (const auto& one : kHeaders) (all += all.empty() ? "" : ", ") += one;
        node.wrong("is no header that can be set here; there are " + all);
      } else if (node.read(value) && !value.empty()) {
        check_header(name, node, value);
        out.headers.emplace_back(name, value);
      }
    }
  }

  static void check_header(const std::string& name, const YamlNode& node,
                           const std::string& value) {
    const bool visible =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
    if (!visible || value.size() > kHeaderBytesMax) {
      node.wrong("is not one line of at most " + std::to_string(kHeaderBytesMax) +
                 " printable ASCII characters");
    } else if (name == "X-Content-Type-Options" && value != "nosniff") {
      node.wrong(in_quotes(value) + " is not nosniff");
    } else if (name == "X-Frame-Options" && value != "deny" && value != "sameorigin") {
      node.wrong(in_quotes(value) + " is neither deny nor sameorigin");
    }
  }

  static void read_users(const YamlNode& from, WebConfig& out) {
    for (const auto& [name, node] : from.entries(kUsersMax)) {
      std::string hash;
      if (name.empty() || name.size() > kUserBytesMax || !one_line_text(name) ||
          name.find(':') != std::string::npos) {
        node.wrong("is no name of a user: 1 to " + std::to_string(kUserBytesMax) +
                   " bytes without a colon");
      } else if (node.read(hash)) {
        if (const auto wrong = wrong_bcrypt(hash)) {
          node.wrong(*wrong);
        } else {
          out.users[name] = hash;
        }
      }
    }
  }

  const std::string path_;
  const bool must_prove_;
  LoadedWebConfig& out_;
};

}  // namespace

std::vector<std::optional<FileStamp>> LoadedWebConfig::stamps() const {
  std::vector<std::optional<FileStamp>> out;
  out.reserve(files.size());
  for (const auto& [path, stamp] : files) out.push_back(stamp_of(path));
  return out;
}

bool LoadedWebConfig::stale(const std::vector<std::optional<FileStamp>>& now) const {
  return !std::equal(files.begin(), files.end(), now.begin(), now.end(),
                     [](const auto& file, const auto& stamp) { return file.second == stamp; });
}

LoadedWebConfig load_web_config(const std::string& path, bool must_prove) {
  LoadedWebConfig loaded;
  loaded.config = Reader(path, must_prove, loaded).read();
  return loaded;
}

Status check_web_config(const Config& config) {
  if (config.metrics.web_config.empty()) return {};
  const auto loaded = load_web_config(config.metrics.web_config, config.door_must_prove());
  if (loaded.config) return {};
  Error wrong = loaded.config.error();
  if (wrong.text.starts_with("cannot read ")) wrong.text = "metrics.web_config: " + wrong.text;
  return tl::unexpected<Error>(std::move(wrong));
}

}  // namespace muster::agent
