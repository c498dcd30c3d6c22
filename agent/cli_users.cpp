// muster user: certificates with which people and programs use the API.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli_agent.h"
#include "agent/cli_answers.h"
#include "agent/cli_groups.h"
#include "agent/cli_reads.h"
#include "agent/text_table.h"
#include "identity/openssl_authority.h"
#include "identity/posix_identity.h"
#include "identity/user_certificate.h"

namespace muster::agent {
namespace {

using nlohmann::json;

struct UserArguments {
  std::string name;
  std::string role;
  std::string ttl;
  std::string out;
};

std::optional<std::string> certificates_text(const std::string& text) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object() || !body.contains("certificates") || !body["certificates"].is_array()) {
    return std::nullopt;
  }
  TextTable table({"SERIAL", "USER", "ROLE", "EXPIRES", "ISSUED BY"});
  for (const json& one : body["certificates"]) {
    table.add({word(one, "serial"), word(one, "name"), word(one, "role"), word(one, "expires"),
               word(one, "issued_by")});
  }
  return table.text();
}

// The key is written first: what was signed without it would be of no use to anybody.
Status certify(const Target& target, const UserArguments& from) {
  std::error_code ignored;
  const std::string key = from.out + ".key", certificate = from.out + ".pem";
  for (const std::string& path : {key, certificate}) {
    if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) continue;
    return fail(Code::Conflict, path + " is there already: nothing is overwritten");
  }
  auto made = identity::make_request();
  if (!made) return tl::unexpected<Error>(made.error());
  if (Status kept = identity::create_file(key, made->key); !kept) return kept;
  json body{{"name", from.name}, {"role", from.role}, {"csr", made->request}};
  if (!from.ttl.empty()) body["ttl"] = from.ttl;
  const auto asked = AgentClient(target).post(
      "/v1/users/certificates", body.dump(-1, ' ', true, json::error_handler_t::replace));
  const auto answer = asked ? identity::parse_user_answer(*asked)
                            : Result<identity::UserAnswer>(tl::unexpected(asked.error()));
  if (!answer) {
    std::filesystem::remove(key, ignored);
    return tl::unexpected<Error>(answer.error());
  }
  if (Status wrote = identity::create_file(certificate, answer->certificate); !wrote) {
    Error error = wrote.error();
    error.text += "; certificate " + answer->serial + " was made: `muster revoke --serial " +
                  answer->serial + "` unmakes it";
    return tl::unexpected(std::move(error));
  }
  if (target.json()) {
    const json said{{"serial", answer->serial}, {"certificate", certificate}, {"key", key}};
    std::printf("%s\n", said.dump(-1, ' ', true, json::error_handler_t::replace).c_str());
    return {};
  }
  std::printf(
      "user %s is %s, by certificate %s\n"
      "  certificate  %s\n"
      "  key          %s (keep it secret)\n"
      "Next: muster --certificate %s --key %s status\n",
      from.name.c_str(), from.role.c_str(), answer->serial.c_str(), certificate.c_str(),
      key.c_str(), certificate.c_str(), key.c_str());
  return {};
}

}  // namespace

void add_users(CLI::App& app, Chosen& chosen) {
  CLI::App* user = app.add_subcommand("user", "certificates of people and programs for the API");
  user->fallthrough()->require_subcommand(1);
  const auto from = std::make_shared<UserArguments>();
  CLI::App* made =
      user->add_subcommand("certificate", "make a key here and have it certified")->fallthrough();
  made->add_option("name", from->name, "of the person or the program")->required();
  made->add_option("--role", from->role, "what it may do")
      ->required()
      ->check(CLI::IsMember({"admin", "operator", "viewer"}));
  made->add_option("--out", from->out, "writes FILE.pem and FILE.key; never over what is there")
      ->type_name("FILE")
      ->required();
  made->add_option("--ttl", from->ttl, "how long it is good, as 24h; else 720h, at most 8760h");
  made->callback([&chosen, from] {
    chosen.run = [from](const Target& target) {
      const Status done = certify(target, *from);
      return done ? Exit::Done : complain(done.error(), exit_of(done.error().code));
    };
  });
  user->add_subcommand("list", "which certificates are good now")->fallthrough()->callback([&] {
    chosen.run = [](const Target& target) {
      return print_answer(target, "/v1/users/certificates", certificates_text);
    };
  });
}

}  // namespace muster::agent
