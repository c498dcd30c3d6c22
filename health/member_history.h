// What has happened to each member, as this agent saw it, and on which evidence?
//
// Core: a bounded record for `muster why node`, kept by Node on the control thread. It outlives the
// member's place in the table: what pushes an event out is only newer events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/time.h"
#include "health/swim_types.h"

namespace muster::health {

// How many events are kept of one member; a new one pushes out its oldest.
inline constexpr std::size_t kMemberEventsMax = 32;
// How many are kept in all; a new one pushes out the oldest of the member that has the most.
inline constexpr std::size_t kHistoryEventsMax = 4096;
// A member flaps when so many failures and refuted suspicions lie within this time. It goes on to
// flap, without being said again, until this time has passed without another.
inline constexpr std::size_t kFlapTimes = 3;
inline constexpr Duration kFlapWithin = std::chrono::minutes(10);

enum class MemberEventKind {
  Joined,     // not known before
  Learned,    // failed or left already when this agent joined
  Suspected,  // accused of not answering
  Refuted,    // was suspected and said in time that it lives
  Failed,     // did not refute in time
  Left,       // said that it goes
  Returned,   // had failed or left, and is back
  Changed,    // another meta or address
  Flapping,   // see kFlapTimes
};
[[nodiscard]] std::string_view to_text(MemberEventKind kind);  // "joined", "learned", ...

struct MemberEvent {
  std::uint64_t sequence = 0;  // over all members, from 1
  Instant at{};
  MemberEventKind kind = MemberEventKind::Joined;
  std::optional<Member> before;  // nothing: it was not known
  Member now;
  Evidence evidence;      // without its text, which the rest says
  Instant flaps_since{};  // Flapping: the first of the kFlapTimes
};
using MemberEventPtr = std::shared_ptr<const MemberEvent>;
using MemberEvents = std::vector<MemberEventPtr>;  // oldest first
using MemberEventsByName = std::map<NodeName, std::shared_ptr<const MemberEvents>>;

class MemberHistory {
 public:
  void record(const MemberChanged& change, Instant now);

  // Immutable; what changes later is another copy. Cheap as long as nothing has changed.
  [[nodiscard]] std::shared_ptr<const MemberEventsByName> events() const;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::uint64_t flaps() const { return flaps_; }  // that began, ever

 private:
  struct Flap {
    std::deque<Instant> times;  // of the last failures and refuted suspicions, at most kFlapTimes
    bool going_on = false;
  };
  // Whoever has the most events comes last; of several, the one whose oldest event is oldest.
  struct Rank {
    std::size_t events = 0;
    std::uint64_t oldest = 0;  // sequence
    NodeName name;
    bool operator<(const Rank& other) const {
      return std::tie(events, other.oldest, name) < std::tie(other.events, oldest, other.name);
    }
  };

  void add(const NodeName& name, MemberEvent event);
  void put(const NodeName& name, MemberEvents events);
  [[nodiscard]] const MemberEvents& of(const NodeName& name) const;
  [[nodiscard]] static Rank rank_of(const NodeName& name, const MemberEvents& events);
  [[nodiscard]] bool begins_to_flap(const NodeName& name, Instant now);

  std::shared_ptr<MemberEventsByName> events_ = std::make_shared<MemberEventsByName>();
  mutable bool shared_ = false;  // events_ was given away: the next change makes a copy
  std::map<NodeName, Flap> flaps_of_;
  std::set<Rank> ranks_;
  std::size_t size_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::uint64_t flaps_ = 0;
};

}  // namespace muster::health
