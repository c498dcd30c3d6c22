// Which corrections of the consensus library are in force?
//
// A core: constants only. Each rule (raft_engine) goes around one fault of libraft 0.22.1. All are
// in force, always; a build of the simulator may leave one out to show that its checks notice:
// -DMUSTER_WITHOUT_RAFT_RULE=N. Never define it for anything that keeps data.
#pragma once

#ifndef MUSTER_WITHOUT_RAFT_RULE
#define MUSTER_WITHOUT_RAFT_RULE 0
#endif

namespace muster::failover {

// A configuration begins an AppendEntries of its own: the library takes the index of the first new
// entry for that of every configuration in a message.
inline constexpr bool kRule1 = MUSTER_WITHOUT_RAFT_RULE != 1;
// Entries from before the own snapshot are skipped: the library refuses them.
inline constexpr bool kRule2 = MUSTER_WITHOUT_RAFT_RULE != 2;
// Only a candidate hears votes: the library reads what only a candidate has, whatever it is.
inline constexpr bool kRule3 = MUSTER_WITHOUT_RAFT_RULE != 3;
// A leader opens its term with an entry and serves after it: the library writes one only if some
// entry is not committed.
inline constexpr bool kRule4 = MUSTER_WITHOUT_RAFT_RULE != 4;
// One snapshot is installed at a time: the library leaks a second one.
inline constexpr bool kRule5 = MUSTER_WITHOUT_RAFT_RULE != 5;
// An old refusal is not heard: the library goes back before what is confirmed, and stays there.
inline constexpr bool kRule6 = MUSTER_WITHOUT_RAFT_RULE != 6;
// Who refuses a pre-vote tells its own term: the library repeats that of the asker, who then never
// learns of a higher one and is refused for it for ever, were its log the best.
inline constexpr bool kRule7 = MUSTER_WITHOUT_RAFT_RULE != 7;
// What is committed is told before a new configuration comes: the library takes the one before it
// for committed only if it hears so in time, and else rolls back to an older one.
inline constexpr bool kRule8 = MUSTER_WITHOUT_RAFT_RULE != 8;
// Who is told something in an older term answers with its own and claims nothing: the library
// leaves the index that it confirms to chance, and the asker may lead the newer term by then.
inline constexpr bool kRule9 = MUSTER_WITHOUT_RAFT_RULE != 9;
// The second voter knows that it is one before the first has it on its disk: the library gives no
// vote without knowing, and were the first to restart in between, nobody could ever be elected.
inline constexpr bool kRule10 = MUSTER_WITHOUT_RAFT_RULE != 10;

}  // namespace muster::failover
