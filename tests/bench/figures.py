"""How is a measurement printed, judged and written? As min, median, p99 and max of n values."""
import json
import math
import statistics


class Figures:
    def __init__(self):
        self.rows = {}  # name: (unit, values, {"median": limit, ...})

    def add(self, name, unit, value, **targets):
        """One more value; targets are upper limits of median, p99 or max."""
        self.rows.setdefault(name, (unit, [], targets))[1].append(value)

    def summaries(self):
        found = {}
        for name, (unit, values, _) in self.rows.items():
            ordered = sorted(values)
            last = math.ceil(0.99 * len(ordered)) - 1  # nearest rank
            found[name] = {"unit": unit, "n": len(ordered), "min": round(ordered[0], 4),
                           "median": round(statistics.median(ordered), 4),
                           "p99": round(ordered[last], 4), "max": round(ordered[-1], 4)}
        return found

    def table(self):
        lines = [f"{'figure':<44}{'unit':<9}{'n':>4}{'min':>9}{'median':>9}{'p99':>9}{'max':>9}"
                 "  target"]
        for name, row in self.summaries().items():
            targets = self.rows[name][2]
            judged = [f"{key} <= {limit:g} {'met' if row[key] <= limit else 'MISSED'}"
                      for key, limit in targets.items()]
            numbers = "".join(f"{row[key]:>9.3f}" for key in ("min", "median", "p99", "max"))
            lines.append(f"{name:<44}{row['unit']:<9}{row['n']:>4}{numbers}  {', '.join(judged)}")
        return "\n".join(lines)

    def missed(self):
        return [name for name, row in self.summaries().items()
                if any(row[key] > limit for key, limit in self.rows[name][2].items())]

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.summaries(), file, indent=1)
            file.write("\n")
