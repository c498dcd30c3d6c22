#!/usr/bin/python3
"""Measures what muster promises. Without a name: failover, coordinator, idle and adoption.

By name only: membership measures against serf, in 45 minutes; masters against etcd, in 25; metrics
against node_exporter, in 5.
"""
import argparse
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import cluster as harness  # noqa: E402
import masters  # noqa: E402
import membership  # noqa: E402
import metrics  # noqa: E402
from figures import Figures  # noqa: E402

NAMES = ("failover", "coordinator", "idle", "adoption")


def say(text):
    print(text, file=sys.stderr, flush=True)


def listed(convert, allowed, what):
    """The type of an argument that is a list with commas, of values that `allowed` takes."""
    def parse(text):
        try:
            values = [convert(item) for item in text.split(",")]
        except ValueError:
            values = []
        if not values or not all(allowed(value) for value in values):
            raise argparse.ArgumentTypeError(f"{text!r}: expected {what}, with commas between")
        return values
    return parse


def parse_options():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--binaries", help="where muster and muster-hello lie")
    parser.add_argument("name", nargs="?", choices=(*NAMES, "membership", "masters", "metrics"))
    parser.add_argument("--trials", type=int, help="default: 20; membership, masters: as each mode needs; "
                        "metrics: scrapes of each, 500")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("--nodes", type=listed(int, lambda n: 3 <= n <= 200, "numbers of 3 to 200"),
                        help="membership: how many agents, such as 5,16")
    parser.add_argument("--only", metavar="MODE,...",
                        type=listed(str, (membership.MODES | masters.MODES | metrics.MODES).__contains__,
                                    "modes"),
                        help="membership: of " + ", ".join(membership.MODES) + "; masters: of "
                        + ", ".join(masters.MODES) + "; metrics: of " + ", ".join(metrics.MODES))
    parser.add_argument("--plain", action="store_true", help="masters: without TLS, both systems")
    options = parser.parse_args()
    if options.trials is not None and options.trials < 1:
        parser.error("--trials: at least 1")
    modes = {"membership": membership.MODES, "masters": masters.MODES,
             "metrics": metrics.MODES}.get(options.name, {})
    if not set(options.only or []) <= set(modes):
        parser.error(f"--only: {options.name} has the modes {', '.join(modes) or '(none)'}")
    if options.nodes and options.name != "membership":
        parser.error("--nodes is for membership")
    if options.plain and options.name != "masters":
        parser.error("--plain is for masters")
    return options


def measure(options):
    """(the figures, what ended them early or None)"""
    if options.name == "membership":
        return membership.measure(say, options.trials, options.nodes, options.only)
    if options.name == "masters":
        return masters.measure(say, options.trials, options.only, not options.plain)
    if options.name == "metrics":
        return metrics.measure(say, options.trials, options.only)
    figures = Figures()
    try:
        for name in [options.name] if options.name else NAMES:
            importlib.import_module(name).run(figures, options.trials or 20, say)
    except (harness.Failure, harness.Broken) as problem:
        return figures, problem
    return figures, None


def main():
    options = parse_options()
    if options.binaries:
        harness.use_binaries(options.binaries)
    figures, broken = measure(options)
    print(figures.table())
    if broken:
        say(f"bench: {broken}")
    elif options.json:
        figures.write(options.json)
    return 1 if broken or figures.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
