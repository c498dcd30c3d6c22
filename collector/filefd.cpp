#include "collector/filefd.h"

#include "collector/family.h"
#include "collector/proc_text.h"

namespace muster::collector {
namespace {

constexpr Source kSource{"filefd", "/proc/sys/fs/file-nr"};
}  // namespace

Result<Families> parse_filefd(std::string_view file_nr_text) {
  const auto lines = split_lines(kSource, file_nr_text);
  if (!lines) return tl::unexpected(lines.error());
  const auto fields = split_fields(lines->front());
  if (lines->size() != 1 || fields.size() != 3) {
    return refuse_line(kSource, 0, lines->front(), "is not the one line of 3 numbers");
  }
  const auto allocated = parse_count(fields[0]);
  const auto maximum = parse_count(fields[2]);  // the second is 0 since Linux 2.6
  if (!allocated || !maximum) {
    return refuse_line(kSource, 0, lines->front(), "is not the one line of 3 numbers");
  }
  return Families{gauge("node_filefd_allocated", "File descriptor statistics: allocated.",
                        static_cast<double>(*allocated)),
                  gauge("node_filefd_maximum", "File descriptor statistics: maximum.",
                        static_cast<double>(*maximum))};
}

}  // namespace muster::collector
