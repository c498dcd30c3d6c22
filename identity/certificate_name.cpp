#include "identity/certificate_name.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/problem.h"

namespace muster::identity {
namespace {

constexpr std::string_view kScheme = "muster://";
constexpr std::size_t kUriBytesMax = 256;

struct Uri {
  std::string_view cluster, kind, value;
};

// muster://CLUSTER/KIND/VALUE, and nothing else.
std::optional<Uri> parse_uri(std::string_view text) {
  if (text.size() > kUriBytesMax || !text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t first = text.find('/');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const Uri uri{text.substr(0, first), text.substr(first + 1, second - first - 1),
                text.substr(second + 1)};
  if (!valid_name(uri.cluster) || !valid_name(uri.value)) return std::nullopt;
  return uri;
}

tl::unexpected<Error> refuse(const std::string& why) {
  return fail(Code::PermissionDenied, "the certificate names no node or user of muster: " + why);
}

}  // namespace

std::string CertificateName::text() const {
  return (is_node() ? "node " : "user ") + name + " of cluster " + cluster;
}

std::vector<std::string> uris_of(const CertificateName& name) {
  CHECK(valid_name(name.cluster) && valid_name(name.name));
  const std::string begin = std::string(kScheme) + name.cluster;
  const std::string_view role =
      name.is_node() ? to_text(std::get<NodeRole>(name.role)) : to_text(std::get<Role>(name.role));
  return {begin + (name.is_node() ? "/node/" : "/user/") + name.name,
          begin + "/role/" + std::string(role)};
}

Result<CertificateName> name_of(const std::vector<std::string>& uris) {
  if (uris.size() != 2) {
    return refuse("it has " + std::to_string(uris.size()) + " URIs, not two");
  }
  std::vector<Uri> parsed;
  for (const std::string& text : uris) {
    const auto uri = parse_uri(text);
    if (!uri) return refuse(in_quotes(text) + " is not of the form muster://CLUSTER/KIND/NAME");
    parsed.push_back(*uri);
  }
  if (parsed[0].kind == "role") std::swap(parsed[0], parsed[1]);
  const Uri& holder = parsed[0];
  const Uri& role = parsed[1];
  if (holder.cluster != role.cluster) return refuse("it names two clusters");
  CertificateName name{std::string(holder.cluster), std::string(holder.value), {}};
  const auto node_role = parse_node_role(role.value);
  const auto user_role = parse_role(role.value);
  if (role.kind == "role" && holder.kind == "node" && node_role) {
    name.role = *node_role;
  } else if (role.kind == "role" && holder.kind == "user" && user_role) {
    name.role = *user_role;
  } else {
    return refuse(in_quotes(uris[0]) + " and " + in_quotes(uris[1]) + " do not belong together");
  }
  return name;
}

}  // namespace muster::identity
