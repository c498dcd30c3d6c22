#include "agent/changes.h"

#include <limits>

namespace muster::agent {
namespace {

Topic topic_of(Page page) {
  switch (page) {
    case Page::Nodes: return Topic::Nodes;
    case Page::Workloads:
    case Page::Workload: return Topic::Workloads;
    case Page::Events: return Topic::Events;
    case Page::Keys:
    case Page::Key: return Topic::Keys;
    case Page::Leases:
    case Page::Lease: return Topic::Leases;
    case Page::Tokens: return Topic::Tokens;
    case Page::UserCertificates: return Topic::UserCertificates;
    case Page::Silences: return Topic::Silences;
    case Page::Masters: return Topic::Masters;
    case Page::GossipKeys: return Topic::GossipKeys;
    default: return Topic::Members;
  }
}

const ClusterState* state_of(const std::shared_ptr<const View>& view) {
  return view && view->master ? view->master->state.get() : nullptr;
}

}  // namespace

Result<std::optional<Blocking>> blocking(Page page, const std::string& name, const Query& query) {
  if (!query.has("index")) {
    if (!query.has("wait")) return std::nullopt;
    return fail(Code::InvalidArgument,
                "wait: needs index as well, the Muster-Index of the answer that you have");
  }
  const auto index = query.number("index", 0, std::numeric_limits<std::uint64_t>::max());
  if (!index) return tl::unexpected<Error>(index.error());
  const auto wait = query.duration("wait", kWaitUsual, kWaitMax);
  if (!wait) return tl::unexpected<Error>(wait.error());
  Blocking read{topic_of(page), "", page == Page::Key, *index, *wait};
  if (read.topic == Topic::Keys) read.prefix = read.exact ? name : query.text("prefix");
  return read;
}

bool keys_changed(const ClusterState& state, const Blocking& read) {
  if (read.index < state.kv_changes_from) return true;  // what happened since is forgotten
  for (auto change = state.kv_changes.rbegin(); change != state.kv_changes.rend(); ++change) {
    if (change->index <= read.index) return false;
    if (read.exact
            ? change->key == read.prefix || (change->prefix && read.prefix.starts_with(change->key))
            : concerns(*change, read.prefix)) {
      return true;
    }
  }
  return false;
}

void Changes::note(Topic topic, bool changed) {
  if (changed) changed_[static_cast<std::size_t>(topic)] = index(topic);
}

void Changes::observe(const std::shared_ptr<const View>& view) {
  const std::shared_ptr<const View> before = std::exchange(view_, view);
  if (!before || before->member_changes != view->member_changes) note(Topic::Members, true);
  const ClusterState* now = state_of(view);
  if (now == nullptr) return;
  const ClusterState* then = state_of(before);
  if (then == now || (then != nullptr && then->index == now->index)) return;
  const auto differs = [&](auto part) { return then == nullptr || then->*part != now->*part; };
  const bool nodes = differs(&ClusterState::nodes);
  const bool placements = differs(&ClusterState::placements);
  note(Topic::Nodes, nodes || placements);
  note(Topic::Workloads, nodes || placements || differs(&ClusterState::workloads) ||
                             differs(&ClusterState::unplaceable));
  note(Topic::Events, differs(&ClusterState::next_event));
  note(Topic::Leases, differs(&ClusterState::leases));
  note(Topic::Tokens, differs(&ClusterState::tokens));
  note(Topic::UserCertificates, differs(&ClusterState::user_certificates));
  note(Topic::Silences, differs(&ClusterState::silences));
  note(Topic::Masters, differs(&ClusterState::masters) || differs(&ClusterState::coordinator) ||
                           differs(&ClusterState::certificates));
  note(Topic::GossipKeys, differs(&ClusterState::gossip_keys));
}

bool Changes::news(const Blocking& read) const {
  if (!view_) return false;
  const std::size_t at = static_cast<std::size_t>(read.topic);
  if (read.topic == Topic::Members) {
    // The count begins anew with every start of the agent: what was seen is then no measure.
    return changed_[at] > read.index || view_->member_changes < read.index;
  }
  const ClusterState* state = state_of(view_);
  if (state == nullptr) return false;
  if (read.topic == Topic::Keys) return state->index > read.index && keys_changed(*state, read);
  return changed_[at] > read.index;
}

std::uint64_t Changes::index(Topic topic) const {
  if (!view_) return 0;
  if (topic == Topic::Members) return view_->member_changes;
  const ClusterState* state = state_of(view_);
  return state == nullptr ? 0 : state->index;
}

}  // namespace muster::agent
