"""Is a history of one register linearizable? By Lowe's just-in-time search, with memoisation.

A history is linearizable when every operation can be given one moment between its call and its
return such that the register, doing them in the order of these moments, gives the answers that were
seen. An operation whose outcome is unknown never returns: it may happen at any time after its call,
or never.

The events are walked through in time with the set of all configurations that fit what was seen so
far: what the register holds, and which of the operations that have not returned have happened. An
operation is made to happen as late as possible, when a return (its own or another's) asks for it,
but one that changes nothing at once when it fits: that is never worse. A configuration is left out
when another holds the same and has used up fewer of the operations that never return: what the
first can still do the other can too. Values that nobody saw or expected are one value, and of
operations that never return and do the same the one that was called first is used.
"""
import collections
import math

ABSENT = None  # what a register holds that was never written, or was deleted

# kind: read (saw `value`), write (of `value`), swap (`expected` was there, now it is `value`) or
# keep (a swap that was refused because something else than `expected` was there).
# called, returned: any clock; returned is math.inf where nobody knows the outcome.
Operation = collections.namedtuple("Operation",
                                   "kind value expected called returned client index",
                                   defaults=(None, 0, math.inf, "", 0))
ILLEGAL = object()
UNSEEN = "a value that nobody saw"
CONFIGURATIONS_MAX = 200_000


class Undecided(Exception):
    """The search would take too long; this says nothing about the history."""


def after(held, operation):
    """What the register holds after the operation, or ILLEGAL."""
    kind = operation.kind
    if kind == "write":
        return operation.value
    if kind == "read":
        return held if held == operation.value else ILLEGAL
    if kind == "swap":
        return operation.value if held == operation.expected else ILLEGAL
    return held if held != operation.expected else ILLEGAL  # keep


class Configurations:
    """The configurations that fit: (held, closed) -> the least sets of open operations used up.

    closed and open are bits of pending operations that have happened; open ones never return.
    """

    def __init__(self):
        self.found = {}
        self.size = 0

    def add(self, held, closed, used):
        """False when one that can do as much is there already."""
        sets = self.found.setdefault((held, closed), [])
        if any(one & used == one for one in sets):
            return False
        self.size -= len(sets)
        sets[:] = [one for one in sets if used & one != used] + [used]
        self.size += len(sets)
        if self.size > CONFIGURATIONS_MAX:
            raise Undecided(f"more than {CONFIGURATIONS_MAX} configurations")
        return True

    def __iter__(self):
        for (held, closed), sets in self.found.items():
            for used in sets:
                yield held, closed, used


class Search:
    def __init__(self, initial):
        self.pending = {}  # slot: operation; open ones have slots of their own numbering
        self.open = {}
        self.free = []
        self.slot_of = {}
        self.configurations = Configurations()
        self.configurations.add(initial, 0, 0)

    def call(self, operation):
        if math.isinf(operation.returned):
            if operation.kind in ("write", "swap"):  # others change nothing, whatever they saw
                self.open[len(self.open)] = operation
            return
        slot = self.free.pop() if self.free else len(self.pending)
        self.pending[slot] = operation
        self.slot_of[operation] = slot
        if operation.kind in ("read", "keep"):
            self.settle_all()

    def settle_all(self):
        settled = Configurations()
        for held, closed, used in self.configurations:
            settled.add(held, self.settle(held, closed), used)
        self.configurations = settled

    def settle(self, held, closed):
        """`closed` with every pending operation that changes nothing and fits what is held."""
        for slot, operation in self.pending.items():
            if operation.kind in ("read", "keep") and after(held, operation) is not ILLEGAL:
                closed |= 1 << slot
        return closed

    def ret(self, operation):
        """Keeps what has the operation happened. False: nothing is left."""
        slot = self.slot_of.pop(operation)
        bit = 1 << slot
        kept, seen = Configurations(), Configurations()
        frontier = list(self.configurations)
        for one in frontier:
            seen.add(*one)
        while frontier:
            following = []
            for held, closed, used in frontier:
                if closed & bit:
                    kept.add(held, closed & ~bit, used)
                    continue
                for one in self.steps(held, closed, used):
                    if seen.add(*one):
                        following.append(one)
            frontier = following
        if not kept.size:
            return False
        del self.pending[slot]
        self.free.append(slot)
        self.configurations = kept
        return True

    def steps(self, held, closed, used):
        """Every configuration that one more operation leads to."""
        for slot, operation in self.pending.items():
            if not closed >> slot & 1:
                now = after(held, operation)
                if now is not ILLEGAL:
                    yield now, self.settle(now, closed | 1 << slot), used
        wanted, anything = self.wanted(held, closed)
        tried = set()
        for number, operation in self.open.items():
            if (anything or operation.value in wanted) and not used >> number & 1:
                what = operation.kind, operation.expected, operation.value
                now = after(held, operation)
                if now is not ILLEGAL and now != held and what not in tried:
                    tried.add(what)
                    yield now, self.settle(now, closed), used | 1 << number

    def wanted(self, held, closed):
        """(values that a pending operation waits for, whether one waits for any other than held)

        Every other operation without an outcome may as well never have happened.
        """
        values, anything = set(), False
        for slot, operation in self.pending.items():
            if closed >> slot & 1:
                continue
            if operation.kind == "read":
                values.add(operation.value)
            elif operation.kind == "swap":
                values.add(operation.expected)
            elif operation.kind == "keep":
                anything = anything or operation.expected == held
        grown = True
        while grown:
            leading = {one.expected for one in self.open.values()
                       if one.kind == "swap" and (anything or one.value in values)}
            grown = not leading <= values
            values |= leading
        return values, anything


def check(history, initial=ABSENT):
    """None when the operations of one register are linearizable, else text that says where not.

    Raises Undecided.
    """
    seen = {one.value for one in history if one.kind == "read"}
    seen |= {one.expected for one in history if one.kind in ("swap", "keep")}
    seen |= {ABSENT, initial}
    events = []
    for number, one in enumerate(history):  # which makes them differ from each other
        value = one.value if one.value in seen else UNSEEN
        operation = one._replace(value=value, index=number)
        events.append((operation.called, 0, operation))
        if not math.isinf(operation.returned):
            events.append((operation.returned, 1, operation))
    events.sort(key=lambda event: event[:2])  # of the same moment: calls first, which allows more
    search = Search(initial)
    for _, is_return, operation in events:
        if not is_return:
            search.call(operation)
        elif not search.ret(operation):
            return explain(search, operation, events)
    return None


def explain(search, operation, events):
    held = sorted({str(held) for held, _, _ in search.configurations})
    lines = [f"no order explains: {text(operation)}",
             f"  the register could only hold: {', '.join(held)}",
             "  not returned then:"]
    lines += [f"    {text(one)}" for one in search.slot_of if one is not operation]
    lines += [f"    {text(one)} (outcome unknown)" for one in search.open.values()]
    before = [one for _, is_return, one in events
              if is_return and one.returned <= operation.returned]
    lines += ["  the last that returned before:", *[f"    {text(one)}" for one in before[-12:-1]]]
    return "\n".join(lines)


def text(operation):
    what = {"read": f"read {operation.value}", "write": f"write {operation.value}",
            "swap": f"swap {operation.expected} -> {operation.value}",
            "keep": f"swap of {operation.expected} refused"}[operation.kind]
    return f"[{operation.called} .. {operation.returned}] {operation.client} {what}"
