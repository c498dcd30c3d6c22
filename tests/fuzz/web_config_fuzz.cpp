// Can a web configuration that somebody else wrote do more than be refused? libFuzzer's entry
// point: the input is the file. What is taken has to be fit for use; what is refused names the
// place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "agent/basic_auth.h"
#include "agent/yaml_web_config.h"
#include "base/error.h"
#include "tests/fuzz/directory.h"

namespace {

using namespace muster;
using namespace muster::agent;

// Beside it lies what could be taken for certificates.
const std::string& path() {
  static const fuzz::Directory directory;
  static const std::string made = [] {
    std::ofstream(directory.path() + "/ca.pem")
        << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    return directory.path() + "/web.yml";
  }();
  return made;
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void must_be_fit(const WebConfig& config) {
  for (const auto& [name, value] : config.headers) CHECK(printable(name) && printable(value));
  for (const auto& [user, hash] : config.users) {
    CHECK(!user.empty() && user.find(':') == std::string::npos && !wrong_bcrypt(hash));
  }
  CHECK(config.tls || !config.verifies_clients);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::ofstream(path(), std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  for (const bool must_prove : {false, true}) {
    const LoadedWebConfig loaded = load_web_config(path(), must_prove);
    CHECK(!loaded.files.empty() && !loaded.stale(loaded.stamps()));
    if (loaded.config) {
      must_be_fit(*loaded.config);
      CHECK(!must_prove || loaded.config->proves());
    } else {
      CHECK(loaded.config.error().text.starts_with(path()));
    }
  }
  return 0;
}
