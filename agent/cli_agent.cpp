#include "agent/cli_agent.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <system_error>

#include <stdlib.h>

#include "agent/asio_runtime.h"
#include "agent/node_options.h"
#include "agent/yaml_api.h"
#include "agent/yaml_config.h"
#include "agent/yaml_web_config.h"
#include "base/yaml_reader.h"
#include "failover/yaml_workload.h"

namespace muster::agent {
namespace {

namespace fs = std::filesystem;

// A new directory that goes away with this object.
class ThrowAwayDirectory {
 public:
  ThrowAwayDirectory() {
    std::error_code error;
    fs::path parent = fs::temp_directory_path(error);
    if (error) parent = "/tmp";
    std::string pattern = (parent / "muster-dev-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~ThrowAwayDirectory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  ThrowAwayDirectory(const ThrowAwayDirectory&) = delete;
  ThrowAwayDirectory& operator=(const ThrowAwayDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  std::string path_;
};

void set_roots(MetricsConfig& metrics, const AgentArguments& arguments) {
  if (!arguments.procfs.empty()) metrics.procfs = arguments.procfs;
  if (!arguments.sysfs.empty()) metrics.sysfs = arguments.sysfs;
  if (!arguments.rootfs.empty()) metrics.rootfs = arguments.rootfs;
}

// One node that is its own only master.
Config dev_config(const AgentArguments& arguments) {
  Config config;
  config.cluster = "dev";
  config.node.name = "dev";
  config.insecure = arguments.insecure;
  config.leave_on_terminate = true;
  config.alerts.receivers.clear();
  set_roots(config.metrics, arguments);
  if (!arguments.address.empty()) config.listen.address = arguments.address;
  if (arguments.gossip_port != 0) config.listen.gossip_port = arguments.gossip_port;
  if (arguments.rpc_port != 0) config.listen.rpc_port = arguments.rpc_port;
  if (arguments.http_port != 0) config.listen.http_port = arguments.http_port;
  config.masters.push_back({config.node.name, config.advertised_rpc(), config.advertised_gossip()});
  return config;
}

int run_dev_agent(const AgentArguments& arguments) {
  Config config = dev_config(arguments);
  if (!arguments.data_dir.empty()) {
    std::error_code error;
    config.data_dir = fs::absolute(arguments.data_dir, error).lexically_normal().string();
  }
  for (const Problem& problem : problems(config)) {
    return static_cast<int>(complain(to_error(problem), Exit::BadConfiguration));
  }
  std::printf(
      "muster: a cluster of one node at %s; its workloads and its data end with it\n"
      "        try: muster%s status\n",
      config.advertised_http().text().c_str(),
      config.advertised_http() == Config{}.advertised_http()
          ? ""
          : (" --address " + config.advertised_http().text()).c_str());
  std::fflush(stdout);
  if (!arguments.data_dir.empty()) return run_agent(config, OnHangup::Stop);
  const ThrowAwayDirectory directory;
  if (directory.path().empty()) {
    return static_cast<int>(complain(
        {Code::Internal, "cannot make a directory for throw-away data: set TMPDIR or --data-dir"},
        Exit::BadConfiguration));
  }
  config.data_dir = directory.path();
  return run_agent(config, OnHangup::Stop);
}

}  // namespace

int run_agent_command(const AgentArguments& arguments) {
  if (arguments.dev) return run_dev_agent(arguments);
  ConfigContext context;
  context.insecure = arguments.insecure;
  auto config = load_config(arguments.config, context);
  if (!config) return static_cast<int>(complain(config.error(), Exit::BadConfiguration));
  set_roots(config->metrics, arguments);
  for (const Problem& problem : problems(config->metrics)) {
    return static_cast<int>(complain(to_error(problem), Exit::BadConfiguration));
  }
  return run_agent(*config, OnHangup::Reload);
}

Exit validate_file(const std::string& path) {
  const auto text = read_input(path);
  if (!text) return complain(text.error(), Exit::BadConfiguration);
  const std::string name = input_name(path);
  const auto kind = kind_of_file(*text, name);
  if (!kind) return complain(kind.error(), Exit::BadConfiguration);
  if (*kind == FileKind::Workloads) {
    const auto specs = failover::parse_workloads(*text, name);
    if (!specs) return complain(specs.error(), Exit::BadConfiguration);
    std::printf("%s: %zu workload%s, nothing wrong\n", name.c_str(), specs->size(),
                specs->size() == 1 ? "" : "s");
    return Exit::Done;
  }
  const auto config = parse_config(*text, name);
  if (!config) return complain(config.error(), Exit::BadConfiguration);
  if (const Status web = check_web_config(*config); !web) {
    return complain(web.error(), Exit::BadConfiguration);
  }
  std::printf("%s: configuration of node %s of cluster %s, membership %s, nothing wrong\n",
              name.c_str(), config->node.name.c_str(), config->cluster.c_str(),
              membership_text(config->membership).c_str());
  return Exit::Done;
}

Result<std::string> read_input(const std::string& path) {
  if (path != "-") return read_yaml_text(path);
  std::string text;
  for (std::istreambuf_iterator<char> at(std::cin), end; at != end; ++at) {
    text += *at;
    if (text.size() > kYamlBytesMax) {
      return fail(Code::Exhausted,
                  "standard input has more than " + std::to_string(kYamlBytesMax) + " bytes");
    }
  }
  return text;
}

std::string input_name(const std::string& path) { return path == "-" ? "stdin" : path; }

Exit complain(const Error& error, Exit exit) {
  std::string_view rest = error.text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::fprintf(stderr, "muster: %.*s\n", static_cast<int>(line.size()), line.data());
  }
  return exit;
}

}  // namespace muster::agent
