#include "agent/metrics_config.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/quantity.h"
#include "collector/collectors.h"

namespace muster::agent {
namespace {

constexpr Duration kDeadlineMin = std::chrono::milliseconds(10);
constexpr Duration kDeadlineMax = std::chrono::minutes(1);

class Check {
 public:
  explicit Check(const MetricsConfig& config) : config_(config) {}

  std::vector<Problem> take() {
    door();
    absolute("procfs", config_.procfs);
    absolute("sysfs", config_.sysfs);
    absolute("rootfs", config_.rootfs);
    names();
    if (config_.deadline < kDeadlineMin || config_.deadline > kDeadlineMax) {
      add("deadline", duration_text(config_.deadline) + " is not between " +
                          duration_text(kDeadlineMin) + " and " + duration_text(kDeadlineMax));
    }
    if (!config_.compat.empty() && config_.compat != "1.5") {
      add("compat", in_quotes(config_.compat) + " is not 1.5");
    }
    one_of_both("arp", config_.arp);
    one_of_both("diskstats", config_.diskstats);
    one_of_both("netdev", config_.netdev);
    if (!config_.textfile_directory.empty()) {
      absolute("textfile.directory", config_.textfile_directory);
    }
    return std::move(problems_);
  }

 private:
  void add(const std::string& key, std::string what) {
    problems_.push_back({"metrics." + key, std::move(what)});
  }
  void absolute(const std::string& key, const std::string& path) {
    if (!path.starts_with('/') || !one_line_text(path)) {
      add(key, in_quotes(path) + " is not an absolute path");
    }
  }
  // Who may reach it is for the check of the whole configuration.
  void door() {
    if (config_.web_config.empty()) return;
    absolute("web_config", config_.web_config);
    if (config_.listen.host.empty()) {
      add("web_config", "is of no use without metrics.listen, whose port it is about");
    }
  }
  // As node_exporter has it: with both it would not be clear which counts.
  void one_of_both(const std::string& key, const Choice& choice) {
    if (!choice.include.empty() && !choice.exclude.empty()) {
      add(key, std::string("device_include and device_exclude exclude each other") +
                   (key == "diskstats" ? ", and the latter has a default" : "") +
                   ": set one of them to \"\"");
    }
  }
  void names() {
    std::set<std::string> known;
    for (const collector::Collector& one : collector::all_collectors({})) known.insert(one.name);
    const auto look_up = [&](const std::string& key, const std::vector<std::string>& named) {
      for (std::size_t i = 0; i < named.size(); ++i) {
        if (known.contains(named[i])) continue;
        std::string all;
        for (const std::string& name : known) (all += all.empty() ? "" : ", ") += name;
        add(key + "[" + std::to_string(i) + "]",
            in_quotes(named[i]) + " is no collector; there are " + all);
      }
    };
    look_up("enable", config_.enable);
    look_up("disable", config_.disable);
    for (const std::string& name : config_.enable) {
      const auto& disabled = config_.disable;
      if (std::find(disabled.begin(), disabled.end(), name) != disabled.end()) {
        add("enable", in_quotes(name) + " is disabled too");
      }
    }
  }

  const MetricsConfig& config_;
  std::vector<Problem> problems_;
};
}  // namespace

std::vector<Problem> problems(const MetricsConfig& config) { return Check(config).take(); }

std::vector<collector::Collector> chosen(std::vector<collector::Collector> all,
                                         const MetricsConfig& config) {
  const auto named = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::erase_if(all, [&](const collector::Collector& one) {
    return named(config.disable, one.name) || (!one.by_default && !named(config.enable, one.name));
  });
  return all;
}

}  // namespace muster::agent
