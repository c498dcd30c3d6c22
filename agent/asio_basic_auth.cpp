#include "agent/asio_basic_auth.h"

#include <iterator>
#include <utility>

#include <asio/post.hpp>

#include "agent/crypt_password.h"
#include "agent/posix_clock.h"
#include "identity/openssl_authority.h"

namespace muster::agent {
namespace {

constexpr std::size_t kKeyBytes = 32;

// Of a user who is not there: that of another one, so that the check takes as long, and always of
// the same one, so that asking twice says nothing.
const std::string& hash_of(const WebConfig& config, const std::string& user, const std::string& key,
                           bool& known) {
  const auto found = config.users.find(user);
  known = found != config.users.end();
  if (known) return found->second;
  const std::string digest = identity::sha256(key + user);
  std::size_t pick = 0;
  for (const char c : digest.substr(0, 8)) pick = pick * 31 + static_cast<unsigned char>(c);
  const auto at = static_cast<std::ptrdiff_t>(pick % config.users.size());
  return std::next(config.users.begin(), at)->second;
}

}  // namespace

AsioBasicAuth::AsioBasicAuth(asio::io_context& io, std::function<void(const Address&)> on_failed)
    : io_(io), on_failed_(std::move(on_failed)), key_(identity::random_bytes(kKeyBytes)) {}

// What join() may throw means a broken system: the end of the process is right then.
// NOLINTNEXTLINE(bugprone-exception-escape)
AsioBasicAuth::~AsioBasicAuth() {
  *alive_ = false;
  worker_.stop();
  worker_.join();
}

AsioBasicAuth::Verdict AsioBasicAuth::failed(const Address& from, Duration& wait) {
  on_failed_(from);
  wait = attempts_.failed(from.host, control_now());
  return wait > Duration::zero() ? Verdict::MustWait : Verdict::Wrong;
}

bool AsioBasicAuth::must_wait(const Address& from, Duration& wait) {
  wait = attempts_.wait(from.host, control_now());
  if (wait > Duration::zero()) on_failed_(from);
  return wait > Duration::zero();
}

void AsioBasicAuth::ask(const std::shared_ptr<const WebConfig>& config,
                        const std::string& authorization, const Address& from,
                        const std::shared_ptr<Standing>& standing, Done done) {
  if (authorization.empty()) return done(Verdict::NotShown, {});
  const auto shown = basic_credentials(authorization);
  Duration wait{};
  if (!shown) {
    const Verdict verdict = must_wait(from, wait) ? Verdict::MustWait : failed(from, wait);
    return done(verdict, wait);
  }
  bool known = false;
  const std::string hash = hash_of(*config, shown->user, key_, known);
  std::string all = key_ + shown->user;
  all += '\0';
  all += hash;
  all += shown->password;
  const std::string digest = identity::sha256(all);
  // Who guesses at the same address does not end what a connection has proved already.
  if (known && standing->digest == digest) return done(Verdict::Proved, {});
  if (must_wait(from, wait)) return done(Verdict::MustWait, wait);
  if (known && proved_.knows(digest)) {
    standing->digest = digest;
    return done(Verdict::Proved, {});
  }
  const auto own = under_way_.find(from.host);
  if (waiting_ == kChecksMax || (own != under_way_.end() && own->second == kChecksOfAddressMax)) {
    return done(Verdict::Busy, std::chrono::seconds(1));
  }
  ++under_way_[from.host];
  ++waiting_;
  asio::post(worker_, [this, hash, password = shown->password, known, digest, from, standing,
                       done = std::move(done), alive = alive_]() mutable {
    const bool fits = is_password_of(hash, password) && known;
    // The last to hold `done` must be the loop, whose connections are in it.
    asio::post(io_, [this, digest, from, standing, fits, done = std::move(done), alive] {
      if (!*alive) return;
      if (fits) standing->digest = digest;
      checked(from, digest, fits, done);
    });
  });
}

void AsioBasicAuth::checked(const Address& from, const std::string& digest, bool fits,
                            const Done& done) {
  ++checked_;
  --waiting_;
  const auto own = under_way_.find(from.host);
  if (--own->second == 0) under_way_.erase(own);
  if (fits) {
    proved_.remember(digest);
    return done(Verdict::Proved, {});
  }
  Duration wait{};
  const Verdict verdict = failed(from, wait);
  done(verdict, wait);
}

}  // namespace muster::agent
