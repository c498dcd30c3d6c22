"""Is muster's membership faster and calmer than serf's? Both, in turn, on this machine.

join     last agent executed -> every agent has said that all n are alive
kill     SIGKILL of an agent -> every other one has said that it failed
frozen   the same for SIGSTOP: no reset, no ICMP, only silence
back     an agent killed and executed again OUTAGE later: how many say that it failed
steady   bytes, processor time and memory of a quiet cluster at serf's own timing
stress   every core busy: who is suspected, who is declared failed
pause    an agent that stood still goes on: whom it accuses, and until it is alive everywhere
"""
import contextlib
import random
import shutil
import signal
import subprocess
import time

import cluster as harness
import idle
import private_net
from duel import AtMost, Duel, OfOther
from fleet import BOUND, Muster, Serf

SYSTEMS = (Serf, Muster)
CAP = 60.0  # seconds until a wait is given up; serf's slowest detections are shorter
# The same for a join storm. Some of serf's wait for its next full exchanges, 60 to 80 s, and would
# take most of the bench's time.
JOIN_CAP = 15.0
GROUP = 8  # agents started at once where joining is not what is measured
SETTLE = 3.0  # seconds a whole cluster is left alone before something is done to it
TRIALS_PER_FLEET = 5  # then new agents, and the other system's turn
OUTAGE = 0.3  # seconds; shorter than the shortest suspicion of both
BACK_WATCH = 8.0  # seconds; muster's longest suspicion of 64 members, with what leads to it
# Seconds before and while a quiet cluster is measured: first, newcomers exchange tables often.
QUIET, QUIET_WATCH = 20.0, 60.0
STRESS, STRESS_PROCESSES, STRESS_AFTER = 60.0, 4, 5.0
PAUSES, PAUSE_WATCH = (1, 5, 15), 5.0

# serf's lan profile, in muster's words.
SERF_TIMING = {"probe_interval": "1s", "probe_timeout": "500ms", "suspicion_mult": 4,
               "gossip_interval": "200ms", "push_pull_interval": "30s"}
COUNTED = {"gossip_udp": ("udp", harness.GOSSIP), "gossip_tcp": ("tcp", harness.GOSSIP),
           "rpc": ("tcp", harness.RPC)}


class Run:
    """What all modes need: where figures and words go, and the counters of this network."""

    def __init__(self, say, counters):
        self.duel, self.say, self.counters = Duel("serf"), say, counters


def settled(run, fleet):
    """A started fleet that has become whole and quiet; False after CAP."""
    fleet.start(GROUP, CAP)
    if fleet.wait(fleet.whole, CAP) is None:
        run.say(f"{fleet.system} n={fleet.n}: not whole {CAP:g} s after the start")
        return False
    fleet.watch(SETTLE)
    return True


def text(value):
    return "none" if value is None else f"{value:.3f}"


def since(moment, at):
    return None if moment is None else moment - at


def join(run, n, trials):
    for trial in range(trials):
        for system in SYSTEMS:
            with system(n) as fleet:
                fleet.start()
                took = since(fleet.wait(fleet.whole, JOIN_CAP), fleet.last_exec)
            run.duel.add(f"join_n{n}", "s", fleet.system, [took], OfOther("median"),
                         AtMost("max", 3))
            run.say(f"join n={n} {trial + 1}/{trials}: {fleet.system} {text(took)}")


def kill(run, n, trials):
    def strike(fleet, victim):
        return fleet.kill(victim)

    def revive(fleet, victim):
        fleet.run(victim)
    detect(run, f"kill_n{n}", n, trials, strike, revive, OfOther("median", 5), OfOther("p99", 4))


def frozen(run, n, trials):
    def strike(fleet, victim):
        return fleet.freeze(victim)

    def revive(fleet, victim):
        fleet.thaw(victim)
    detect(run, f"frozen_n{n}", n, trials, strike, revive, OfOther("median", 3))


def detect(run, name, n, trials, strike, revive, *targets):
    """From the blow until all others, and until the first of them, have said failed."""
    done = {system: 0 for system in SYSTEMS}
    while min(done.values()) < trials:
        for system in SYSTEMS:
            until = min(trials, done[system] + TRIALS_PER_FLEET)
            with system(n) as fleet:
                whole = settled(run, fleet)
                while done[system] < until:
                    trial = done[system] = done[system] + 1
                    first, last = blow(fleet, name, trial, strike, revive) if whole else (None, None)
                    run.duel.add(f"{name}_all", "s", fleet.system, [last], *targets)
                    run.duel.add(f"{name}_first", "s", fleet.system, [first])
                    run.say(f"{name} {trial}/{trials}: {fleet.system} first {text(first)} "
                            f"all {text(last)}")
                    if not whole or fleet.wait(fleet.whole, CAP) is None:
                        run.say(f"{name}: {fleet.system} is not whole; going on with new agents")
                        break
                    fleet.watch(SETTLE)


def blow(fleet, name, trial, strike, revive):
    """(first, last) seconds until a victim is known to have failed, which then comes back."""
    dice = random.Random(f"{name} {trial}")  # the same victims for both systems
    victim = f"n{dice.randint(2, fleet.n)}"
    fleet.watch(dice.random())  # at any point of a probe interval
    mark = len(fleet.events)
    at = strike(fleet, victim)
    known = fleet.wait(lambda: len(fleet.observers("failed", victim, mark)) == fleet.n - 1, CAP)
    first = min((event.at for event in fleet.said("failed", mark, member=victim)), default=None)
    revive(fleet, victim)
    return since(first, at), since(known, at)


def back(run, n, trials):
    for first in range(0, trials, TRIALS_PER_FLEET):
        for system in SYSTEMS:
            with system(n) as fleet:
                if not settled(run, fleet):
                    continue
                for trial in range(first, min(first + TRIALS_PER_FLEET, trials)):
                    victim = f"n{random.Random(f'back {n} {trial}').randint(2, n)}"
                    mark = len(fleet.events)
                    fleet.kill(victim)
                    fleet.watch(OUTAGE)
                    fleet.run(victim)
                    at = fleet.last_exec
                    whole = since(fleet.wait(fleet.whole, BACK_WATCH), at)
                    fleet.watch(max(0, at + BACK_WATCH - time.monotonic()))
                    failed = len(fleet.observers("failed", victim, mark))
                    run.duel.add(f"back_n{n}_said_failed", "agents", fleet.system, [failed],
                                 AtMost("max", 0))
                    run.duel.add(f"back_n{n}_whole", "s", fleet.system, [whole])
                    run.say(f"back n={n} {trial + 1}/{trials}: {fleet.system} failed to {failed}, "
                            f"whole {text(whole)} after its start")


def steady(run, n, trials):
    for trial in range(trials):
        for system in SYSTEMS:
            with Muster(n, SERF_TIMING) if system is Muster else system(n) as fleet:
                if not settled(run, fleet):
                    continue
                fleet.watch(QUIET)
                before, at = usage(run, fleet), time.monotonic()
                fleet.watch(QUIET_WATCH)  # what is measured is what happens in this time
                after, took = usage(run, fleet), time.monotonic() - at
                memory = [idle.resident_mib(agent.process.pid) for agent in fleet.running()]
            report_usage(run, fleet, before, after, took)
            run.duel.add(f"steady_n{n}_rss", "MiB", fleet.system, memory)
            run.say(f"steady n={n} {trial + 1}/{trials}: {fleet.system} done")


def usage(run, fleet):
    """(processor seconds of each agent, bytes by counter) up to now."""
    return ([idle.processor_seconds(agent.process.pid) for agent in fleet.running()],
            run.counters.read() if run.counters else {})


def report_usage(run, fleet, before, after, took):
    name = f"steady_n{fleet.n}"
    each = [(late - early) * 60 / took for early, late in zip(before[0], after[0])]
    run.duel.add(f"{name}_cpu_mean", "s/min", fleet.system, [sum(each) / len(each)],
                 OfOther("median"))
    run.duel.add(f"{name}_cpu_each", "s/min", fleet.system, each)
    rate = {key: (after[1][key] - before[1][key]) / took / fleet.n for key in after[1]}
    if not rate:
        return
    run.duel.add(f"{name}_gossip_udp", "B/s", fleet.system, [rate["gossip_udp"]], OfOther("median"))
    run.duel.add(f"{name}_gossip_tcp", "B/s", fleet.system, [rate["gossip_tcp"]])
    run.duel.add(f"{name}_gossip", "B/s", fleet.system, [rate["gossip_udp"] + rate["gossip_tcp"]],
                 OfOther("median"))
    if fleet.system == "muster":  # what serf has nothing like: coordinator and consensus
        run.duel.add(f"{name}_rpc", "B/s", fleet.system, [rate["rpc"]])


@contextlib.contextmanager
def stressed(seconds):
    """STRESS_PROCESSES that compute for so long; yields whether they have ended."""
    command = ["stress-ng", "--cpu", str(STRESS_PROCESSES), "--timeout", f"{seconds:.0f}s"]
    process = subprocess.Popen([*BOUND, *command], stdin=subprocess.DEVNULL, start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield lambda: process.poll() is not None
    finally:
        harness.send(process.pid, signal.SIGKILL, group=True)
        process.wait()


def stress(run, n, trials):
    for trial in range(trials):
        for system in SYSTEMS:
            with system(n) as fleet:
                if not settled(run, fleet):
                    continue
                mark = len(fleet.events)
                with stressed(STRESS) as ended:
                    fleet.wait(ended, STRESS + CAP)
                fleet.watch(STRESS_AFTER)
                failed = fleet.said("failed", mark)
            members = len({event.member for event in failed})
            accused = len(fleet.said("accused", mark))
            refuted = len({event[2:] for event in fleet.said("refuted", mark)})
            name, system = f"stress_n{n}", fleet.system
            run.duel.add(f"{name}_wrongly_failed", "members", system, [members], AtMost("max", 0))
            run.duel.add(f"{name}_said_failed", "times", system, [len(failed)], AtMost("max", 0))
            run.duel.add(f"{name}_suspicions", "times", system, [accused])
            run.duel.add(f"{name}_refutations", "times", system, [refuted])
            run.say(f"{name} {trial + 1}/{trials}: {system} failed {members} suspicions {accused} "
                    f"refutations {refuted}")


def pause(run, n, trials):
    for trial in range(trials):
        for system in SYSTEMS:
            with system(n) as fleet:
                if not settled(run, fleet):
                    continue
                for length in PAUSES:
                    victim = f"n{random.Random(f'pause {length} {trial}').randint(2, n)}"
                    one_pause(run, fleet, victim, length)
                    if fleet.wait(fleet.whole, CAP) is None:
                        run.say(f"pause: {fleet.system} is not whole; the rest is left out")
                        break
                    fleet.watch(SETTLE)


def one_pause(run, fleet, victim, length):
    mark = len(fleet.events)
    fleet.freeze(victim)
    fleet.watch(length)
    at, awake = fleet.thaw(victim), len(fleet.events)
    whole, missing = at, not fleet.whole()
    while time.monotonic() < at + PAUSE_WATCH:
        fleet.pump(max(0.0, at + PAUSE_WATCH - time.monotonic()))
        # What counts is the last moment at which somebody still held somebody not to be alive.
        if fleet.whole():
            whole, missing = (fleet.read_at if missing else whole), False
        else:
            missing = True
    accused = {event.member for kind in ("accused", "failed")
               for event in fleet.said(kind, awake, observer=victim)} - {victim}
    wrong = {event.member for event in fleet.said("failed", mark)} - {victim}
    took = None if missing else whole - at
    name = f"pause{length}_n{fleet.n}"
    run.duel.add(f"{name}_accuses", "members", fleet.system, [len(accused)], AtMost("max", 0))
    run.duel.add(f"{name}_wrongly_failed", "members", fleet.system, [len(wrong)], AtMost("max", 0))
    run.duel.add(f"{name}_alive", "s", fleet.system, [took], AtMost("max", 0.5))
    run.say(f"{name}: {fleet.system} {victim} accuses {len(accused)}, wrongly failed {len(wrong)}, "
            f"alive everywhere after {text(took)}")


ALL = (5, 16, 32, 64)
MODES = {  # name: (what to do, numbers of agents, trials)
    "join": (join, ALL, 20), "kill": (kill, ALL, 10), "frozen": (frozen, ALL, 5),
    "back": (back, ALL, 3), "steady": (steady, ALL, 1), "stress": (stress, (32,), 1),
    "pause": (pause, (16,), 2),
}


def measure(say, trials=None, nodes=None, only=None):
    """Runs the modes named in `only`, or all; (the Duel, what ended it early or None)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for program in ("serf", "stress-ng", "nft", "setpriv", "unshare"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not there: ./run bench membership installs it")
    run = Run(say, private_net.ByteCounters(COUNTED) if private_net.enter(say) else None)
    try:
        for name in only or MODES:
            what, usual_nodes, usual_trials = MODES[name]
            for n in nodes or usual_nodes:
                began = time.monotonic()
                what(run, n, trials or usual_trials)
                say(f"{name} n={n}: took {time.monotonic() - began:.0f} s")
    except (harness.Failure, harness.Broken) as problem:
        return run.duel, problem
    except KeyboardInterrupt:
        return run.duel, "interrupted"
    return run.duel, None
