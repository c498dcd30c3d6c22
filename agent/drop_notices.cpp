#include "agent/drop_notices.h"

#include <string_view>

namespace muster::agent {
namespace {

using health::GossipDrop;

std::string_view meaning_of(GossipDrop reason) {
  switch (reason) {
    case GossipDrop::Malformed: return "it is no gossip of muster";
    case GossipDrop::Oversized: return "it is longer than any of ours";
    case GossipDrop::WrongVersion: return "its version is none that this agent speaks";
    case GossipDrop::TooMany: return "too many connections are open already";
    case GossipDrop::TooSlow: return "a connection said too little for too long";
    case GossipDrop::UnknownKey:
      return "it is sealed under a key that is not in this agent's keyring: an agent of another "
             "cluster, or with another keyring";
    case GossipDrop::Unauthentic:
      return "it was changed on its way, or comes from somebody without the key that it names";
    case GossipDrop::Replayed: return "it was taken before: a repeated or a very late message";
    case GossipDrop::Unsealed:
      return "it is not sealed, and this agent has a keyring: set gossip.keyring there too";
    case GossipDrop::Sealed:
      return "it is sealed, and this agent has no keyring: set gossip.keyring here too";
  }
  return "";
}

}  // namespace

std::optional<std::string> DropNotices::dropped(GossipDrop reason, const Address& from,
                                                Instant now) {
  return dropped("gossip", to_text(reason), std::string(meaning_of(reason)), from, now);
}

std::optional<std::string> DropNotices::dropped(std::string_view port, std::string_view reason,
                                                const std::string& meaning, const Address& from,
                                                Instant now) {
  const What what{port, reason};
  Reason& known = reasons_[what];
  ++known.unsaid;
  known.last_from = from;
  known.meaning = meaning;
  if (known.said && now - *known.said < kPause) return std::nullopt;
  return take_line(what, known, now);
}

std::vector<std::string> DropNotices::due(Instant now) {
  std::vector<std::string> lines;
  for (auto& [what, reason] : reasons_) {
    if (reason.unsaid == 0 || now - *reason.said < kPause) continue;
    lines.push_back(take_line(what, reason, now));
  }
  return lines;
}

std::string DropNotices::take_line(const What& what, Reason& reason, Instant now) {
  std::string line = what.first;
  line += " dropped as ";
  line += what.second;
  line += ", " + std::to_string(reason.unsaid);
  if (reason.said) {
    line += " in " + std::to_string(static_cast<std::int64_t>(seconds(now - *reason.said))) + " s";
  }
  line += ", the last from " + reason.last_from.text() + ": ";
  line += reason.meaning;
  reason.said = now;
  reason.unsaid = 0;
  return line;
}

}  // namespace muster::agent
