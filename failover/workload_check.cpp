#include "failover/workload_check.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/ids.h"
#include "base/quantity.h"

namespace muster::failover {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr std::size_t kPathBytesMax = 4096;
constexpr std::size_t kUserBytesMax = 32;
constexpr std::size_t kEnvNameBytesMax = 128;
constexpr std::size_t kHeaderBytesMax = 4096;
constexpr std::size_t kHostBytesMax = 253;
constexpr std::size_t kLabelKeyBytesMax = 63;
constexpr std::size_t kLabelValueBytesMax = 256;
constexpr std::uint32_t kCpuMillisMax = 1'000'000'000;             // parse_cpu()'s own
constexpr std::uint64_t kMemoryBytesMax = std::uint64_t{1} << 50;  // 1 PiB
constexpr int kThresholdMax = 1000;

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }

// Every byte is a letter, a digit or one of `others`.
bool only(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || digit(c) || others.find(c) != std::string_view::npos;
  });
}

bool alphanumeric_ends(std::string_view text) {
  return !text.empty() && (letter(text.front()) || digit(text.front())) &&
         (letter(text.back()) || digit(text.back()));
}

// What execve() takes and JSON can show: UTF-8 without NUL.
bool valid_argument(std::string_view text) {
  return text.size() <= kArgumentBytesMax && text.find('\0') == std::string_view::npos &&
         valid_utf8(text);
}

class Check {
 public:
  explicit Check(const WorkloadSpec& spec) : spec_(spec) {}

  std::vector<Problem> take() {
    identity();
    process();
    environment();
    placement();
    timing();
    if (spec_.liveness) {
      probe("liveness", *spec_.liveness);
      if (spec_.liveness->success_threshold != 1) {
        add("liveness.successThreshold", "must be 1: one success is enough to be alive");
      }
    }
    if (spec_.readiness) probe("readiness", *spec_.readiness);
    return std::move(problems_);
  }

 private:
  void add(std::string path, std::string what) {
    problems_.push_back({std::move(path), std::move(what)});
  }
  void within(std::string path, Duration value, Duration min, Duration max) {
    if (value >= min && value <= max) return;
    add(std::move(path), duration_text(value) + " is not between " + duration_text(min) + " and " +
                             duration_text(max));
  }

  void identity() {
    if (!valid_name(spec_.name)) {
      add("name",
          in_quotes(spec_.name) +
              " is not a name: write 1 to 63 of a-z, 0-9, - and ., with a letter or digit at "
              "both ends");
    }
    if (!spec_.on_every_node && (spec_.replicas < 1 || spec_.replicas > kReplicasMax)) {
      add("replicas",
          std::to_string(spec_.replicas) + " is not between 1 and " + std::to_string(kReplicasMax));
    }
    if (spec_.driver != "process") {
      add("driver", in_quotes(spec_.driver) + " is not known: the only driver is process");
    }
    if (spec_.labels.size() > kLabelsMax) {
      add("labels", "more than " + std::to_string(kLabelsMax));
    }
    for (const auto& [key, value] : spec_.labels) {
      if (!valid_label_key(key)) add("labels." + key, in_quotes(key) + " is not a label's name");
      if (!valid_label_value(value)) {
        add("labels." + key, in_quotes(value) + " is not a label's value");
      }
    }
  }

  void arguments(const std::string& path, const std::vector<std::string>& command) {
    if (command.empty() || command.front().empty()) {
      add(path, "is missing: write a list, such as [\"/usr/bin/web\", \"--port\", \"8080\"]");
    }
    if (command.size() > kArgumentsMax) {
      add(path, "has more than " + std::to_string(kArgumentsMax) + " arguments");
      return;
    }
    for (std::size_t i = 0; i < command.size(); ++i) {
      if (valid_argument(command[i])) continue;
      add(path + "[" + std::to_string(i) + "]",
          "an argument is UTF-8 without zero bytes, at most " + std::to_string(kArgumentBytesMax) +
              " bytes");
    }
  }

  void process() {
    arguments("command", spec_.command);
    const std::string& user = spec_.user;
    const bool named = user.empty() || (user.size() <= kUserBytesMax && only(user, "_.-") &&
                                        (letter(user.front()) || user.front() == '_'));
    if (!named) add("user", in_quotes(user) + " is not a user's name");
    const std::string& dir = spec_.working_dir;
    if (!dir.empty() && (dir.front() != '/' || dir.size() > kPathBytesMax || !one_line_text(dir))) {
      add("workingDir", in_quotes(dir) + " is not an absolute path");
    }
  }

  void environment() {
    if (spec_.env.size() > kEnvMax) add("env", "more than " + std::to_string(kEnvMax));
    for (const auto& [name, value] : spec_.env) {
      const std::string path = "env." + name;
      const bool named = !name.empty() && name.size() <= kEnvNameBytesMax && only(name, "_") &&
                         !digit(name.front());
      if (!named) {
        add(path,
            in_quotes(name) + " is not a variable's name: letters, digits and _, no digit first");
      } else if (name.starts_with("MUSTER_")) {
        add(path, "names that begin with MUSTER_ are set by the agent: choose another");
      }
      if (!valid_argument(value)) {
        add(path, "a value is UTF-8 without zero bytes, at most " +
                      std::to_string(kArgumentBytesMax) + " bytes");
      }
    }
  }

  void placement() {
    if (spec_.resources.cpu_millis > kCpuMillisMax) {
      add("resources.cpu", "is more than 1000000 cores");
    }
    if (spec_.resources.memory_bytes > kMemoryBytesMax) {
      add("resources.memory", size_text(spec_.resources.memory_bytes) + " is more than 1024TiB");
    }
    if (spec_.constraints.size() > kConstraintsMax) {
      add("constraints", "more than " + std::to_string(kConstraintsMax));
      return;
    }
    for (std::size_t i = 0; i < spec_.constraints.size(); ++i) {
      const Constraint& constraint = spec_.constraints[i];
      const std::string path = "constraints[" + std::to_string(i) + "]";
      if (!valid_label_key(constraint.label)) {
        add(path, in_quotes(constraint.label) + " is not a label's name");
      }
      if (!valid_label_value(constraint.value)) {
        add(path, in_quotes(constraint.value) + " is not a label's value");
      }
    }
  }

  void timing() {
    within("restart.initialDelay", spec_.restart.initial, milliseconds(10), hours(1));
    within("restart.maxDelay", spec_.restart.cap, milliseconds(10), hours(24));
    if (spec_.restart.cap < spec_.restart.initial) {
      add("restart.maxDelay", duration_text(spec_.restart.cap) +
                                  " is less than restart.initialDelay, " +
                                  duration_text(spec_.restart.initial));
    }
    within("stopGracePeriod", spec_.stop_grace, Duration{0}, hours(1));
  }

  void probe(const std::string& path, const ProbeSpec& spec) {
    switch (spec.kind) {
      case ProbeKind::Http: http_probe(path + ".httpGet", spec); break;
      case ProbeKind::Tcp: target(path + ".tcpSocket", spec); break;
      case ProbeKind::Exec: arguments(path + ".exec.command", spec.command); break;
    }
    within(path + ".initialDelaySeconds", spec.initial_delay, Duration{0}, hours(24));
    within(path + ".periodSeconds", spec.period, milliseconds(50), hours(24));
    within(path + ".timeoutSeconds", spec.timeout, milliseconds(10), hours(1));
    for (const auto& [key, value] : {std::pair{".successThreshold", spec.success_threshold},
                                     std::pair{".failureThreshold", spec.failure_threshold}}) {
      if (value >= 1 && value <= kThresholdMax) continue;
      add(path + key,
          std::to_string(value) + " is not between 1 and " + std::to_string(kThresholdMax));
    }
  }

  void target(const std::string& path, const ProbeSpec& spec) {
    if (spec.port == 0 && spec_.port == 0) {
      add(path + ".port", "is missing, and the workload has no port either: set one of them");
    }
    if (!spec.host.empty() && !valid_host(spec.host)) {
      add(path + ".host", in_quotes(spec.host) + " is not a host name or numeric IPv4 address");
    }
  }

  void http_probe(const std::string& path, const ProbeSpec& spec) {
    target(path, spec);
    if (spec.scheme != "http" && spec.scheme != "https") {
      add(path + ".scheme", in_quotes(spec.scheme) + " is not known: write http or https");
    }
    const bool sendable = spec.path.starts_with('/') && spec.path.size() <= kPathBytesMax &&
                          one_line_text(spec.path) && spec.path.find(' ') == std::string::npos;
    if (!sendable) {
      add(path + ".path", in_quotes(spec.path) + " is not a path: begin it with /, without blanks");
    }
    if (spec.headers.size() > kHeadersMax) {
      add(path + ".httpHeaders", "more than " + std::to_string(kHeadersMax));
      return;
    }
    for (std::size_t i = 0; i < spec.headers.size(); ++i) {
      const auto& [name, value] = spec.headers[i];
      if (valid_header(name, value)) continue;
      add(path + ".httpHeaders[" + std::to_string(i) + "]",
          in_quotes(name) + " is not a header that HTTP can carry");
    }
  }

  const WorkloadSpec& spec_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> problems(const WorkloadSpec& spec) { return Check(spec).take(); }

std::vector<Error> check(const WorkloadSpec& spec) {
  std::vector<Error> errors;
  for (const Problem& problem : problems(spec)) {
    // A path may end in a key of the user's own; here nobody else makes it fit for one line.
    const bool fit = one_line_text(problem.path);
    errors.push_back(to_error(fit ? problem : Problem{in_quotes(problem.path), problem.what}));
  }
  return errors;
}

Result<Constraint> parse_constraint(std::string_view text) {
  const auto trim = [](std::string_view part) {
    const std::size_t first = std::min(part.find_first_not_of(' '), part.size());
    return std::string(part.substr(first, part.find_last_not_of(' ') + 1 - first));
  };
  const std::size_t at = std::min(text.find("=="), text.find("!="));
  if (at != std::string_view::npos) {
    Constraint constraint{trim(text.substr(0, at)), text[at] == '=', trim(text.substr(at + 2))};
    if (!constraint.label.empty() && !constraint.value.empty()) return constraint;
  }
  return fail(
      Code::InvalidArgument,
      in_quotes(text) + " is not a constraint: write \"label == value\" or \"label != value\"");
}

bool valid_label_key(std::string_view key) {
  return key.size() <= kLabelKeyBytesMax && alphanumeric_ends(key) && only(key, "._/-");
}

bool valid_label_value(std::string_view value) {
  return !value.empty() && value.size() <= kLabelValueBytesMax && one_line_text(value) &&
         value.front() != ' ' && value.back() != ' ';
}

bool valid_host(std::string_view host) {
  return host.size() <= kHostBytesMax && alphanumeric_ends(host) && only(host, ".-");
}

bool valid_header(std::string_view name, std::string_view value) {
  return !name.empty() && name.size() <= kHeaderBytesMax && only(name, "!#$%&'*+-.^_`|~") &&
         value.size() <= kHeaderBytesMax && one_line_text(value);
}

}  // namespace muster::failover
