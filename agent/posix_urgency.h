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
// others see. It asks for kUrgentNice and for the shortest turns there are, which come soonest
// (sched(7), since Linux 6.12; older ones know nothing of them). Where the process was started with
// a nice value it keeps that, and below 0 its turns, too; with another policy than SCHED_OTHER
// nothing is changed: that was somebody's wish. Threads and processes that it makes later begin
// without any of it.
//
// PermissionDenied: the nice value takes root or CAP_SYS_NICE, and a system-call filter that allows
// sched_setattr(2). What could be had without it was. Internal: the kernel refused otherwise.
[[nodiscard]] Status take_precedence();

}  // namespace muster::agent
