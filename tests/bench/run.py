#!/usr/bin/python3
"""Measures what muster promises: failover, coordinator, idle, adoption. See ./run bench."""
import argparse
import importlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import cluster as harness  # noqa: E402
from figures import Figures  # noqa: E402

NAMES = ("failover", "coordinator", "idle", "adoption")


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--binaries", help="where muster and muster-hello lie")
    parser.add_argument("name", nargs="?", choices=NAMES, help="all of them without")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    options = parser.parse_args()
    if options.trials < 1:
        parser.error("--trials: at least 1")
    if options.binaries:
        harness.use_binaries(options.binaries)
    figures = Figures()
    broken = None
    try:
        for name in [options.name] if options.name else NAMES:
            importlib.import_module(name).run(figures, options.trials, say)
    except (harness.Failure, harness.Broken) as problem:
        broken = problem
    print(figures.table())
    if broken:
        say(f"bench: {broken}")
    elif options.json:
        figures.write(options.json)
    return 1 if broken or figures.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
