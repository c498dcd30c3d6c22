#include "collector/sys_attributes.h"

#include "collector/proc_text.h"

namespace muster::collector {

std::optional<std::string> SysAttributes::text(const std::string& path) {
  return text_of(path, fs_.read(path));
}

std::vector<std::optional<std::string>> SysAttributes::texts(
    const std::string& directory, std::span<const std::string_view> files) {
  std::vector<Result<std::string>> contents = fs_.read_all(directory, files);
  std::vector<std::optional<std::string>> out;
  out.reserve(contents.size());
  for (std::size_t i = 0; i < contents.size(); ++i) {
    std::string path = directory;
    out.push_back(text_of((path += '/') += files[i], std::move(contents[i])));
  }
  return out;
}

std::optional<std::string> SysAttributes::text_of(const std::string& path,
                                                  Result<std::string> content) {
  if (!content) {
    if (content.error().code == Code::Exhausted && !error_) error_ = content.error();
    return std::nullopt;
  }
  if (content->size() > kBytesMax) {
    refuse(path, "is larger than a page");
    return std::nullopt;
  }
  return std::string(trimmed(*content));
}

std::optional<std::int64_t> SysAttributes::integer(const std::string& path) {
  const auto content = text(path);
  return content ? integer(path, *content) : std::nullopt;
}

std::optional<std::int64_t> SysAttributes::integer(const std::string& path, std::string_view text) {
  const auto value = parse_integer(text);
  if (!value) refuse(path, "does not hold a whole number");
  return value;
}

std::optional<std::uint64_t> SysAttributes::count(const std::string& path) {
  const auto content = text(path);
  if (!content) return std::nullopt;
  const auto value = parse_count(*content);
  if (!value) refuse(path, "does not hold a count");
  return value;
}

std::vector<std::string> SysAttributes::names(const std::string& path) {
  Result<std::vector<std::string>> listed = fs_.list(path);
  if (listed) return std::move(*listed);
  if (listed.error().code == Code::Exhausted && !error_) error_ = listed.error();
  return {};
}

void SysAttributes::refuse(const std::string& path, std::string_view why) {
  if (!error_) error_ = collector::refuse({collector_, path}, why).value();
}

std::string_view base_name(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string resolved(std::string_view directory, std::string_view target) {
  std::vector<std::string_view> parts;
  const auto walk = [&parts](std::string_view path) {
    while (!path.empty()) {
      const std::size_t slash = path.find('/');
      const std::string_view part = path.substr(0, slash);
      path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (!parts.empty()) {
        parts.pop_back();
      }
    }
  };
  if (!target.starts_with('/')) walk(directory);
  walk(target);
  std::string path;
  for (const std::string_view part : parts) (path += '/') += part;
  return path.empty() ? "/" : path;
}

}  // namespace muster::collector
