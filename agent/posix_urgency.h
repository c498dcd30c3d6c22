// Who goes first when a machine has more to do than processors?
//
// A driver (Linux's scheduler).
#pragma once

#include "base/error.h"

namespace muster::agent {

// What the control thread runs at, where nobody has set anything else: as keepalived, corosync and
// others whose being late is taken for being dead.
inline constexpr int kUrgentNice = -10;

// The calling thread goes before others: for one that does little at a time, and whose being late
// others see. It asks for the shortest turns there are, which come soonest (sched(7), since Linux
// 6.12; older ones know nothing of it), and for kUrgentNice, unless the process was started with
// another nice value than 0: that was somebody's wish. Threads and processes that it makes later
// begin without either.
//
// PermissionDenied: the nice value takes root or CAP_SYS_NICE. What could be had without it was.
[[nodiscard]] Status take_precedence();

}  // namespace muster::agent
