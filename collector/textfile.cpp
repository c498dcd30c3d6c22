#include "collector/textfile.h"

#include <algorithm>
#include <utility>

#include "collector/exposition.h"
#include "collector/exposition_parse.h"
#include "collector/family_table.h"
#include "collector/glob.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kSuffix = ".prom";
// Of these this process writes the families itself, some of them behind the collectors' backs.
constexpr std::string_view kReserved[] = {"muster_",
                                          "node_textfile_",
                                          "node_scrape_collector_",
                                          "process_cpu_seconds_total",
                                          "process_max_fds",
                                          "process_open_fds",
                                          "process_resident_memory_bytes",
                                          "process_start_time_seconds",
                                          "process_virtual_memory_"};

bool is_reserved(std::string_view name) {
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// File names come from others: no control character of theirs goes to the log.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= ' ' && c <= '~' ? c : '?';
  return out;
}

std::size_t series_of(const Families& families) {
  std::size_t count = 0;
  for (const Family& family : families) count += family.samples.size();
  return count;
}
}  // namespace

Result<Families> Textfiles::collect(const HostFs& fs, Complaints& complaints) {
  files_.clear();
  bytes_ = series_ = 0;
  failed_ = false;
  Names taken;
  if (!directory_.empty()) {
    for (const std::string& directory : glob_paths(fs, directory_, kFilesMax)) {
      const auto names = fs.list(directory);
      if (!names) {
        refuse(directory, names.error().text, complaints);
        continue;
      }
      for (const std::string& name : *names) {
        std::string path = directory;
        if (!path.ends_with('/')) path += '/';
        if (name.ends_with(kSuffix)) read(fs, path + name, taken, complaints);
      }
    }
  }
  return shown();
}

void Textfiles::read(const HostFs& fs, const std::string& path, Names& taken,
                     Complaints& complaints) {
  if (files_.size() == kFilesMax) return refuse(path, "there are too many files", complaints);
  const auto text = fs.read(path);
  if (!text) return refuse(path, text.error().text, complaints);
  bytes_ += text->size();
  if (bytes_ > kBytesMax) {
    bytes_ -= text->size();
    return refuse(path, "the files together are too large", complaints);
  }
  auto families = parse_exposition(*text, kSeriesMax - series_);
  if (!families) return refuse(path, families.error().text, complaints);
  File file{path, 0, std::move(*families)};
  if (const auto why = clash(file, taken)) return refuse(path, *why, complaints);
  // Asked for only now, so that a bad file does not look fresh.
  const auto modified = fs.modified(path);
  if (!modified) return refuse(path, modified.error().text, complaints);
  file.modified = static_cast<double>(*modified / 1'000'000'000);
  take(file, taken);
  series_ += series_of(file.families);
  files_.push_back(std::move(file));
}

void Textfiles::refuse(const std::string& path, std::string_view why, Complaints& complaints) {
  failed_ = true;
  std::string text = "collector textfile: ";
  ((text += printable(path)) += ": ") += printable(why);
  complaints.push_back(text + std::string(kLeftOut));
}

std::optional<std::string> Textfiles::clash(const File& file, const Names& taken) {
  for (const Family& family : file.families) {
    if (is_reserved(family.name)) return family.name + " is a name of muster's own";
    for (const std::string& name : part_names(family.name, family.type)) {
      const auto other = taken.find(name);
      if (other == taken.end() || other->second.part_of == family.name) continue;
      return "a part of " + family.name + ", " + name + ", is a metric in " + other->second.from;
    }
    const auto known = taken.find(family.name);
    if (known == taken.end()) continue;
    if (!known->second.part_of.empty()) {
      return family.name + " is a part of " + known->second.part_of + " in " + known->second.from;
    }
    if (known->second.type != family.type) {
      return family.name + " has another type in " + known->second.from;
    }
    for (const Sample& sample : family.samples) {
      if (known->second.series.contains(series_key(sample))) {
        return "a series of " + family.name + " is in " + known->second.from + " too";
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> Textfiles::clash_with_others(const File& file) const {
  for (const auto& [collector, families] : by_others_) {
    if (auto why = clash(file, families)) return why;
  }
  return std::nullopt;
}

void Textfiles::take(const File& file, Names& taken) {
  for (const Family& family : file.families) {
    Known& known = taken[family.name];
    known.type = family.type;
    if (known.from.empty()) known.from = file.path;
    for (const Sample& sample : family.samples) known.series.insert(series_key(sample));
    for (std::string& name : part_names(family.name, family.type)) {
      Known& part = taken[std::move(name)];
      part.part_of = family.name;
      part.from = known.from;
    }
  }
}

Families Textfiles::shown() const {
  Families families;
  std::map<std::string_view, std::size_t> index;
  std::map<std::string_view, std::string> sources;
  for (const File& file : files_) {
    for (const Family& family : file.families) {
      const auto [slot, fresh] = index.try_emplace(family.name, families.size());
      std::string& source = sources[family.name];
      (source += fresh ? "" : ", ") += file.path;
      if (fresh) {
        families.push_back(family);
        continue;
      }
      Family& joined = families[slot->second];
      if (joined.help.empty()) joined.help = family.help;
      joined.samples.insert(joined.samples.end(), family.samples.begin(), family.samples.end());
    }
  }
  for (Family& family : families) {
    if (family.help.empty()) family.help = "Metric read from " + sources.at(family.name);
  }
  Family modified{"node_textfile_mtime_seconds",
                  "Unixtime mtime of textfiles successfully read.",
                  MetricType::Gauge,
                  {}};
  for (const File& file : files_)
    modified.samples.push_back({{{"file", file.path}}, file.modified});
  families.push_back(std::move(modified));
  families.push_back({"node_textfile_scrape_error",
                      "1 if there was an error opening or reading a file, 0 otherwise",
                      MetricType::Gauge,
                      {{{}, failed_ ? 1.0 : 0.0}}});
  return families;
}

std::set<std::string> Textfiles::named() const {
  std::set<std::string> names;
  for (const File& file : files_) {
    for (const Family& family : file.families) {
      names.insert(family.name);
      for (std::string& name : part_names(family.name, family.type)) names.insert(std::move(name));
    }
  }
  return names;
}

void Textfiles::remember(const Others& others) {
  const std::set<std::string> wanted = named();
  for (auto& [collector, families] : by_others_) {
    std::erase_if(families, [&](const auto& family) { return !wanted.contains(family.first); });
  }
  for (const auto& [collector, families] : others) {
    Names& taken = by_others_[std::string(collector)];
    taken.clear();
    for (const Family& family : *families) {
      if (!wanted.contains(family.name) || family.samples.empty()) continue;
      Known& known = taken[family.name];
      known.type = family.type;
      known.from = "the collector " + std::string(collector);
      for (const Sample& sample : family.samples) known.series.insert(series_key(sample));
    }
  }
}

void Textfiles::settle(const Others& others, Families& own, Complaints& complaints) {
  remember(others);
  std::vector<File> fitting;
  for (File& file : files_) {
    if (const auto why = clash_with_others(file)) {
      refuse(file.path, *why, complaints);
    } else {
      fitting.push_back(std::move(file));
    }
  }
  const bool changed = fitting.size() != files_.size();
  files_ = std::move(fitting);
  if (changed) own = shown();
  files_.clear();
}

}  // namespace muster::collector
