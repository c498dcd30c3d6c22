#include "collector/netstat.h"

#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr std::string_view kSnmp6 = "/proc/net/snmp6";
constexpr std::size_t kFamiliesMax = 4096;  // many times what any kernel has

// Collects the fields that are kept and sees that none comes twice.
class Kept {
 public:
  Kept(const Source& source, const Filter& filter) : source_(source), filter_(filter) {}

  // `index` and `line` are for the refusal.
  Status add(std::string_view protocol, std::string_view field, std::string_view number,
             std::size_t index, std::string_view line) {
    key_.assign(protocol).append("_").append(field);
    if (!kept(filter_, key_)) return {};      // most: what they hold is nobody's concern
    const auto value = parse_number(number);  // Tcp_MaxConn may be -1
    if (!value || !is_metric_part(protocol) || !is_metric_part(field)) {
      return refuse_line(source_, index, line, "is not made of names and numbers");
    }
    if (!names_.insert(key_).second) {
      return refuse_line(source_, index, line, "has a field for the second time");
    }
    if (names_.size() > kFamiliesMax) return refuse(source_, "has more fields than any kernel");
    std::string help = "Statistic ";
    help.append(protocol).append(field) += '.';
    families_.push_back(
        {"node_netstat_" + key_, std::move(help), MetricType::Untyped, {{{}, *value}}});
    return {};
  }
  Families take() { return std::move(families_); }

 private:
  Source source_;
  const Filter& filter_;
  std::string key_;
  std::set<std::string> names_;
  Families families_;
};
}  // namespace

Result<Families> parse_netstat(std::string_view path, std::string_view text, const Filter& fields) {
  const Source source{"netstat", path};
  const auto lines = split_lines(source, text);
  if (!lines) return tl::unexpected(lines.error());
  Kept out(source, fields);
  for (std::size_t i = 0; i < lines->size(); i += 2) {
    const std::string_view line = (*lines)[i];
    if (i + 1 == lines->size()) return refuse_line(source, i, line, "has no line of numbers");
    std::string_view names = line;
    std::string_view numbers = (*lines)[i + 1];
    std::string_view protocol = next_field(names);
    if (!protocol.ends_with(':') || next_field(numbers) != protocol) {
      return refuse_line(source, i, line, "and the next do not begin with one protocol");
    }
    protocol.remove_suffix(1);
    for (;;) {
      const std::string_view name = next_field(names);
      const std::string_view number = next_field(numbers);
      if (name.empty() && number.empty()) break;
      if (name.empty() || number.empty()) {
        return refuse_line(source, i, line, "and the next have not the same number of fields");
      }
      if (const auto added = out.add(protocol, name, number, i, line); !added) {
        return tl::unexpected(added.error());
      }
    }
  }
  return out.take();
}

Result<Families> parse_snmp6(std::string_view snmp6_text, const Filter& fields) {
  const Source source{"netstat", kSnmp6};
  const auto lines = split_lines(source, snmp6_text);
  if (!lines) return tl::unexpected(lines.error());
  Kept out(source, fields);
  for (std::size_t i = 0; i < lines->size(); ++i) {
    std::string_view rest = (*lines)[i];
    const std::string_view name = next_field(rest);
    const std::string_view number = next_field(rest);
    if (!parse_number(number)) {
      return refuse_line(source, i, (*lines)[i], "is not made of names and numbers");
    }
    const std::size_t six = name.find('6');
    if (six == std::string_view::npos) continue;
    const std::size_t end = six + 1;
    if (const auto added = out.add(name.substr(0, end), name.substr(end), number, i, (*lines)[i]);
        !added) {
      return tl::unexpected(added.error());
    }
  }
  return out.take();
}

Result<Families> collect_netstat(const HostFs& fs, const Filter& fields) {
  Families all;
  for (const std::string_view path :
       {std::string_view("/proc/net/netstat"), std::string_view("/proc/net/snmp"), kSnmp6}) {
    const auto text = fs.read(path);
    if (!text && text.error().code == Code::NotFound && path == kSnmp6) continue;
    if (!text) return tl::unexpected(text.error());
    auto families =
        path == kSnmp6 ? parse_snmp6(*text, fields) : parse_netstat(path, *text, fields);
    if (!families) return families;
    std::move(families->begin(), families->end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace muster::collector
