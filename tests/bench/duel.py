"""How are two systems' figures printed side by side and judged? As min, median and p99 of each.

A value that could not be measured within its time is None and counts as endless.
"""
import json
import math
import statistics

OURS = "muster"


class OfOther:
    """muster's figure is at most the other system's, divided by `divisor`."""
    alone = False

    def __init__(self, which, divisor=1):
        self.which, self.divisor = which, divisor

    def met(self, other, muster):
        ours, theirs = muster[self.which], other[self.which]
        return not math.isinf(ours) and ours * self.divisor <= theirs

    def text(self, other):
        return f"{self.which} <= {other}'s" + (f" / {self.divisor}" if self.divisor != 1 else "")


class TimesOther:
    """muster's figure, a rate, is at least `factor` times the other system's."""
    alone = False

    def __init__(self, which, factor):
        self.which, self.factor = which, factor

    def met(self, other, muster):
        return muster[self.which] >= self.factor * other[self.which]

    def text(self, other):
        return f"{self.which} >= {self.factor} * {other}'s"


class AtMost:
    """muster's figure is at most `limit`."""
    alone = True

    def __init__(self, which, limit):
        self.which, self.limit = which, limit

    def met(self, _, muster):
        return muster[self.which] <= self.limit

    def text(self, _):
        return f"{self.which} <= {self.limit:g}"


class AtLeast:
    """muster's figure, a rate, is at least `limit`."""
    alone = True

    def __init__(self, which, limit):
        self.which, self.limit = which, limit

    def met(self, _, muster):
        return muster[self.which] >= self.limit

    def text(self, _):
        return f"{self.which} >= {self.limit:g}"


def summary(values):
    """min, median, p99 (nearest rank) and max."""
    ordered = sorted(math.inf if value is None else value for value in values)
    return {"n": len(ordered), "min": ordered[0], "median": statistics.median(ordered),
            "p99": ordered[math.ceil(0.99 * len(ordered)) - 1], "max": ordered[-1]}


class Duel:
    def __init__(self, other):
        self.other = other  # the name of the system that muster is measured against
        self.rows = {}  # name: (unit, targets, {system: values})

    def add(self, name, unit, system, values, *targets):
        """More values of one system; the targets of a figure are those of its first call."""
        self.rows.setdefault(name, (unit, targets, {}))[2].setdefault(system, []).extend(values)

    def summaries(self):
        return {name: {system: summary(values) for system, values in both.items() if values}
                for name, (_, _, both) in self.rows.items()}

    def verdicts(self, name):
        """[(target, whether it is met; None: a side is missing)]"""
        both = self.summaries()[name]
        other, muster = both.get(self.other), both.get(OURS)
        known = muster and (other or all(one.alone for one in self.rows[name][1]))
        return [(target.text(self.other), target.met(other, muster) if known else None)
                for target in self.rows[name][1]]

    def table(self):
        columns = f"{'n':>4}{'min':>9}{'median':>9}{'p99':>9}"
        width = len(columns)
        lines = [f"{'':<38}|{self.other:^{width}} |{OURS:^{width}} |{OURS + '/':>9} |",
                 f"{'figure':<31}{'unit':<7}|{columns} |{columns} |{self.other:>9} | target"]
        for name, both in self.summaries().items():
            sides = [side(both[system]) if system in both else "-".rjust(width)
                     for system in (self.other, OURS)]
            judged = [f"{target} {said(met)}" for target, met in self.verdicts(name)]
            lines.append(f"{name:<31}{self.rows[name][0]:<7}|{sides[0]} |{sides[1]} |"
                         f"{self.ratio(both):>9} | {', '.join(judged)}")
        return "\n".join(lines)

    def ratio(self, both):
        if self.other not in both or OURS not in both:
            return "-"
        other, muster = both[self.other]["median"], both[OURS]["median"]
        if other == 0 or math.isinf(other) or math.isinf(muster):
            return "-"
        return f"{muster / other:.3f}"

    def missed(self):
        return [name for name in self.rows
                if any(met is not True for _, met in self.verdicts(name))]

    def write(self, path):
        found = {}
        for name, (unit, _, both) in self.rows.items():
            found[name] = {"unit": unit, "values": both,
                           "targets": {target: met for target, met in self.verdicts(name)},
                           **{system: {key: finite(value) for key, value in one.items()}
                              for system, one in self.summaries()[name].items()}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")


def said(met):
    return {True: "met", False: "NOT met", None: "not judged"}[met]


def finite(value):
    return None if math.isinf(value) else round(value, 4)


def number(value):
    if math.isinf(value):
        return "none"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def side(one):
    return f"{one['n']:>4}" + "".join(f"{number(one[key]):>9}" for key in ("min", "median", "p99"))
