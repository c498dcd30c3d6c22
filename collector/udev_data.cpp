#include "collector/udev_data.h"

#include <utility>

namespace muster::collector {

UdevProperties parse_udev_data(std::string_view text) {
  UdevProperties properties;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::size_t equals = line.find('=');
    if (!line.starts_with("E:") || equals == std::string_view::npos) continue;
    properties[std::string(line.substr(2, equals - 2))] = line.substr(equals + 1);
  }
  return properties;
}

const std::string& property(const UdevProperties& properties, std::string_view name) {
  static const std::string kNone;
  const auto found = properties.find(name);
  return found == properties.end() ? kNone : found->second;
}

const UdevProperties& UdevData::of(const HostFs& fs, const std::string& block) {
  static const UdevProperties kNone;
  const std::string path = "/run/udev/data/b" + block;
  const auto modified = fs.modified(path);
  if (!modified) return kNone;
  Entry& entry = entries_[block];
  entry.asked = true;
  if (entry.modified == *modified && *modified != 0) return entry.properties;
  const auto text = fs.read(path);
  if (!text) return kNone;  // modified stays: it is asked for again
  entry.properties = parse_udev_data(*text);
  entry.modified = *modified;
  return entry.properties;
}

void UdevData::forget_others() {
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.asked; });
  for (auto& [block, entry] : entries_) entry.asked = false;
}

}  // namespace muster::collector
