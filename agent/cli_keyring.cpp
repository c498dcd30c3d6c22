#include "agent/cli_keyring.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/text_table.h"
#include "agent/yaml_config.h"
#include "base/problem.h"
#include "health/openssl_sealer.h"
#include "health/posix_keyring.h"

namespace muster::agent {
namespace {

using health::key_id;
using health::key_id_text;
using health::KeyringFile;
using health::RingKey;

// Of a change: a file that cannot be read was refused before.
Exit exit_of_change(const Error& error) {
  const bool refused = error.code == Code::Conflict || error.code == Code::Exhausted;
  if (error.code == Code::NotFound) return Exit::NotFound;
  return refused ? Exit::Failed : Exit::BadConfiguration;
}

Result<std::string> keyring_path(const KeyringArguments& arguments) {
  if (!arguments.file.empty()) return arguments.file;
  ConfigContext context;
  context.offline = true;
  const auto config = load_config(arguments.config, context);
  if (!config) return tl::unexpected<Error>(config.error());
  if (config->gossip.keyring.empty()) {
    return fail(Code::InvalidArgument,
                arguments.config + ": gossip.keyring is not set: say where the keys are kept");
  }
  return config->gossip.keyring;
}

// The one key on standard input.
Result<RingKey> read_key() {
  const auto text = read_input("-");
  if (!text) return tl::unexpected<Error>(text.error());
  const auto ring = KeyringFile::parse(*text, "stdin");
  if (!ring) return tl::unexpected<Error>(ring.error());
  if (ring->keys().size() != 1) {
    return fail(Code::InvalidArgument, "stdin: holds more than one key: give one at a time");
  }
  return ring->keys().front();
}

void say(const std::string& what) {
  std::printf("%s; running agents take it on `systemctl reload muster`\n", what.c_str());
}

Status generate(const std::string& path) {
  const RingKey key = health::random_ring_key();
  if (Status made = health::create_keyring(path, KeyringFile::with_key(key)); !made) return made;
  std::printf("keyring %s made, its key %s: copy it to every node, mode 600\n", path.c_str(),
              key_id_text(key_id(key)).c_str());
  return {};
}

Status list(const std::string& path, bool as_json) {
  const auto ring = health::load_keyring(path);
  if (!ring) return tl::unexpected<Error>(ring.error());
  TextTable table({"KEY", "USE"});
  auto keys = nlohmann::json::array();
  for (const RingKey& key : ring->keys()) {
    const bool seals = keys.empty();
    table.add({key_id_text(key_id(key)), seals ? "seals and opens" : "opens"});
    keys.push_back({{"id", key_id_text(key_id(key))}, {"seals", seals}});
  }
  const std::string json = nlohmann::json{{"keyring", path}, {"keys", keys}}.dump(
      2, ' ', true, nlohmann::json::error_handler_t::replace);
  std::puts(as_json ? json.c_str() : table.text().substr(0, table.text().size() - 1).c_str());
  return {};
}

Status add(const std::string& path, bool from_stdin) {
  const Result<RingKey> key = from_stdin ? read_key() : health::random_ring_key();
  if (!key) return tl::unexpected<Error>(key.error());
  const std::string id = key_id_text(key_id(*key));
  Status done = health::change_keyring(path, [&](KeyringFile& ring) { return ring.add(*key); });
  if (done) say("key " + id + " added to " + path + ", it opens and does not seal yet");
  return done;
}

// The place of the key with this id in the ring.
Result<std::size_t> find(const KeyringFile& ring, const std::string& path, const std::string& id) {
  const auto wanted = health::parse_key_id(id);
  const auto found = std::find_if(ring.keys().begin(), ring.keys().end(), [&](const RingKey& key) {
    return wanted && key_id(key) == *wanted;
  });
  if (found == ring.keys().end()) {
    return fail(Code::NotFound, "keyring " + path + " has no key " + in_quotes(id) +
                                    ": `muster keyring list` shows which it has");
  }
  return static_cast<std::size_t>(found - ring.keys().begin());
}

Status use(const std::string& path, const std::string& id) {
  Status done = health::change_keyring(path, [&](KeyringFile& ring) -> Status {
    const auto at = find(ring, path, id);
    if (!at) return tl::unexpected<Error>(at.error());
    ring.use(*at);
    return {};
  });
  if (done) say("key " + id + " of " + path + " seals");
  return done;
}

Status remove(const std::string& path, const std::string& id) {
  Status done = health::change_keyring(path, [&](KeyringFile& ring) -> Status {
    const auto at = find(ring, path, id);
    if (!at) return tl::unexpected<Error>(at.error());
    const Status removed = ring.remove(*at);
    if (removed) return {};
    return fail(removed.error().code,
                "key " + id + " stays in " + path + ": " + removed.error().text);
  });
  if (done) say("key " + id + " removed from " + path);
  return done;
}

}  // namespace

Exit run_keyring(const KeyringArguments& arguments) {
  const auto path = keyring_path(arguments);
  if (!path) return complain(path.error(), Exit::BadConfiguration);
  if (arguments.verb == "generate") {
    const Status made = generate(*path);
    return made ? Exit::Done
                : complain(made.error(), made.error().code == Code::Conflict
                                             ? Exit::Failed
                                             : Exit::BadConfiguration);
  }
  if (const auto ring = health::load_keyring(*path); !ring) {
    return complain(ring.error(), Exit::BadConfiguration);
  }
  const auto run = [&]() -> Status {
    if (arguments.verb == "list") return list(*path, arguments.json);
    if (arguments.verb == "add") return add(*path, arguments.from_stdin);
    if (arguments.verb == "use") return use(*path, arguments.id);
    return remove(*path, arguments.id);
  };
  const Status done = run();
  return done ? Exit::Done : complain(done.error(), exit_of_change(done.error()));
}

}  // namespace muster::agent
