// Can a certificate, a bundle or a request for a certificate harm who reads or signs it?
// libFuzzer's entry point: what is signed names what was ordered, whatever the request says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "identity/clock.h"
#include "identity/openssl_authority.h"
#include "identity/openssl_certificate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace muster;
  using namespace muster::identity;
  static const WallTime kNow{std::chrono::hours(24 * 365 * 50)};
  static const SigningAuthority kAuthority = make_authority("prod", kNow).value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto facts = read_certificate(text)) {
    CHECK(!facts->serial.empty() && facts->pin.size() == 64);
    CHECK(facts->name.has_value() != !facts->nameless.empty());
    (void)utc_text(facts->begins);
    (void)signed_by_first(text, text);
  }
  if (const auto bundle = read_bundle(text)) CHECK(bundle->size() <= kBundleMax);
  (void)belongs(text, text);
  const CertificateName name{"prod", "n1", NodeRole::Agent};
  const auto made =
      sign({kAuthority, std::string(text), name, {"n1", "10.0.0.1"}, kNow, kNodeLife});
  CHECK(made.has_value() == check_request(text).has_value());
  if (made) CHECK(read_certificate(made->certificate)->name == name);
  return 0;
}
