#include "collector/uname.h"

#include <utility>

#include "collector/family.h"

namespace muster::collector {

Result<Families> collect_uname(const HostFs& fs) {
  const auto names = fs.names();
  if (!names) return tl::unexpected(names.error());
  Family info =
      gauge("node_uname_info", "Labeled system information as provided by the uname system call.");
  add_sample(info,
             {{"domainname", names->domainname},
              {"machine", names->machine},
              {"nodename", names->nodename},
              {"release", names->release},
              {"sysname", names->sysname},
              {"version", names->version}},
             1);
  return families_of(std::move(info));
}

}  // namespace muster::collector
