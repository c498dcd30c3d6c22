#!/usr/bin/python3
"""Tortures real masters and judges what their clients saw. Exit status 1: something was wrong.

registers  kill -9, SIGSTOP, cuts (one-way too) and full disks, while clients read, write and swap a
           few registers on all masters: every history must be linearizable
writer     kill -9 of a random master every 2 s: every acknowledged write is there at the end
"""
import argparse
import json
import pathlib
import random
import sys
import threading
import time

import bed
import cluster as harness
import registers
import writer
from nemesis import Nemesis
from store import Store

PARTS = ("registers", "writer")
SKIPPED = 77
KEPT = harness.ROOT / "build/torture"


def parse_options():
    parser = argparse.ArgumentParser(prog="./run torture", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", help="where muster lies")
    parser.add_argument("--minutes", type=float, default=10,
                        help="for each part (10)")
    parser.add_argument("--masters", type=int, default=3, choices=(3, 5))
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("--quiet", action="store_true", help="print the figures only")
    return parser.parse_args()


def torture_registers(cluster, store, options, say):
    """(figures, problems)"""
    recorder, ended = registers.Recorder(), threading.Event()
    clients = [registers.Client(number, store, recorder, options.seed, ended)
               for number in range(registers.CLIENTS)]
    for client in clients:
        client.start()
    nemesis = Nemesis(cluster, store, options.seed, say)
    until = time.monotonic() + options.minutes * 60
    try:
        while time.monotonic() < until:
            nemesis.strike()
    except (harness.Failure, harness.Broken) as problem:
        recorder.problems.append(str(problem))
    ended.set()
    for client in clients:
        client.join()
    registers.read_all(store, recorder, 30)
    began = time.monotonic()
    registers.judge(recorder, KEPT)
    return {"operations": recorder.count, "answers": dict(recorder.words),
            "registers": len(recorder.histories), "faults": nemesis.done,
            "slowest_recovery_s": round(max(nemesis.recoveries, default=0), 2),
            "judged_in_s": round(time.monotonic() - began, 1)}, recorder.problems


def torture_writer(cluster, store, options, say):
    return writer.run(cluster, store, options.minutes * 60, options.seed, say)


def torture(part, options, say):
    do = {"registers": torture_registers, "writer": torture_writer}[part]
    with bed.BedCluster(options.masters) as cluster:
        store = Store({name: node.address for name, node in cluster.nodes.items()})
        cluster.start()
        cluster.wait_for(cluster.coordinator, "a coordinator", 20, 0.02)
        try:
            figures, problems = do(cluster, store, options, say)
        except (harness.Failure, harness.Broken) as problem:
            figures, problems = {}, [str(problem)]
        if problems:
            keep_logs(cluster)
    return figures, problems + cluster.findings


def keep_logs(cluster):
    KEPT.mkdir(parents=True, exist_ok=True)
    for node in cluster.nodes.values():
        (KEPT / f"{node}.log").write_bytes(node.log.read_bytes())


def main():
    options = parse_options()
    if options.binaries:
        harness.use_binaries(options.binaries)
    if not bed.enter():
        return SKIPPED
    began = time.monotonic()
    say = (lambda _: None) if options.quiet else (
        lambda text: print(f"{time.monotonic() - began:7.2f} {text}", flush=True))
    results, failed = {"seed": options.seed}, False
    for part in [options.only] if options.only else PARTS:
        figures, problems = torture(part, options, say)
        results[part] = {**figures, "problems": len(problems)}
        print(f"{part}: {json.dumps(figures)}")
        for problem in problems[:10]:
            print(f"{part}: {problem}")
        if problems:
            failed = True
            print(f"{part}: {len(problems)} problems; logs are in {KEPT}; again: ./run torture "
                  f"--only {part} --minutes {options.minutes:g} --masters {options.masters} "
                  f"--seed {options.seed}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
