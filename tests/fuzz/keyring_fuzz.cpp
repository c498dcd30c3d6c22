// Can a keyring file harm an agent or the command line? libFuzzer's entry point: what is read must
// be written and read back as the same ring, after any change too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/ids.h"
#include "health/keyring_file.h"

namespace {

using namespace muster;
using health::KeyringFile;

void must_survive(const KeyringFile& ring) {
  CHECK(!ring.keys().empty() && ring.keys().size() <= health::kKeysMax);
  const std::string text = ring.text();
  const auto again = KeyringFile::parse(text, "again");
  if (text.size() > health::kKeyringBytesMax) return;  // such a change is not written
  CHECK(again.has_value() && again->keys() == ring.keys() && again->text() == text);
  for (const health::RingKey& key : ring.keys()) {
    CHECK(health::parse_ring_key(health::ring_key_text(key)).value() == key);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto ring = KeyringFile::parse(text, "ring");
  if (!ring) {
    CHECK(ring.error().text.starts_with("ring:"));
    CHECK(ring.error().text.find('\n') == std::string::npos);
    return 0;
  }
  must_survive(*ring);
  const std::size_t count = ring->keys().size();
  const std::size_t chosen = fnv1a64(text) % count;
  const health::RingKey key = ring->keys()[chosen];
  ring->use(chosen);
  CHECK(ring->keys().front() == key && ring->keys().size() == count);
  must_survive(*ring);
  CHECK(!ring->add(key));
  CHECK(!ring->remove(0));
  if (count > 1) {
    CHECK(ring->remove(count - 1).has_value());
    must_survive(*ring);
  }
  health::RingKey added{};
  for (std::size_t i = 0; i < added.size(); ++i) added[i] = static_cast<unsigned char>(i);
  if (ring->add(added)) must_survive(*ring);
  return 0;
}
