"""Are muster's masters faster and cheaper than etcd's? Both, in turn, on this machine and disk.

failover  SIGKILL of the leader -> a survivor takes a write; a fresh connection and a write to every
          survivor each 10 ms, none waits for another
idle      processor time and memory of each of three members that nobody asks anything
put       replicated writes through the leader over HTTP and JSON: one after another, 64 in flight
read      linearizable reads, the same
native    the agents' own protocol, 64 in flight, against gRPC
agents    1,000 registered streams: what they cost the coordinator; until all have found the next one
install   a state of 200 MB to an empty follower: how long, and the leader's longest gap meanwhile
"""
import json
import random
import shutil
import signal
import subprocess
import time

import cluster as harness
import idle as usage
import peers
from duel import AtLeast, AtMost, Duel, OfOther, TimesOther
from peers import SYSTEMS, Etcd, Muster, checked, load, steady

TRIALS_PER_CLUSTER = 10  # then new members, and the other system's turn
SETTLE = 1.0  # seconds a whole cluster is left alone before something is done to it
QUIET, WATCH = 15.0, 60.0  # seconds before and while idle members are measured
WARMUP = 200  # requests that are not recorded
ONE, MANY = 2000, 64  # requests one after another; requests in flight
MANY_SECONDS = 8.0
AGENTS, AGENTS_WATCH, AGENTS_CAP = 1000, 30.0, 60.0
STATE_VALUES, STATE_BYTES = 800, 256 * 1024


class Run:
    """What all modes need."""

    def __init__(self, say, secured):
        self.duel, self.say, self.secured = Duel("etcd"), say, secured

    def add(self, name, unit, system, values, *targets):
        self.duel.add(name, unit, system, values, *targets)
        self.say(f"{name}: {system} " + " ".join(
            "none" if value is None else f"{value:.3f}" for value in values))


def failover(run, trials):
    for first in range(0, trials, TRIALS_PER_CLUSTER):
        for system in SYSTEMS:
            with system(run.secured).start() as members:
                members.settled()
                for trial in range(first, min(first + TRIALS_PER_CLUSTER, trials)):
                    one_failover(run, members, trial)


def one_failover(run, members, trial):
    leader = members.settled()
    dice = random.Random(f"failover {trial}")
    steady(SETTLE + dice.random() * 0.2)  # at any point of a heartbeat's interval
    survivors = [name for name in members.members if name != leader]
    report = load("poll", members, survivors, members.puts(1), "--kill", members.pid(leader),
                  "--timeout", 15)
    members.killed(leader)
    run.add("failover_write", "s", members.system, [report["write_s"]], AtMost("median", 0.6),
            AtMost("p99", 1.2), OfOther("median"))
    members.start(leader)


def idle(run, trials):
    for _ in range(trials):
        for system in SYSTEMS:
            with system(run.secured).start() as members:
                members.settled()
                steady(QUIET)
                pids = [members.pid(name) for name in members.members]
                before, at = [usage.processor_seconds(pid) for pid in pids], time.monotonic()
                steady(WATCH)
                took = time.monotonic() - at
                cpu = [(usage.processor_seconds(pid) - early) * 60 / took
                       for pid, early in zip(pids, before)]
                memory = [usage.resident_mib(pid) for pid in pids]
            run.add("idle_cpu", "s/min", members.system, cpu, OfOther("median"))
            run.add("idle_rss", "MiB", members.system, memory, OfOther("median"))


def put(run, trials):
    def work(members):
        return members.puts()
    one_and_many(run, trials, "put", work,
                 {"p50": [OfOther("median")], "p99": [OfOther("median")], "rate": []})


def read(run, trials):
    def work(members):
        return members.gets()
    one_and_many(run, trials, "read", work,
                 {"p50": [], "p99": [], "rate": [TimesOther("median", 5)]})


def one_and_many(run, trials, name, work, targets):
    for _ in range(trials):
        for system in SYSTEMS:
            with system(run.secured).start() as members:
                leader = members.settled()
                steady(SETTLE)
                checked(load("http", members, [leader], members.puts(), "--count", WARMUP), name)
                one = checked(load("http", members, [leader], work(members), "--count", ONE,
                                   "--warmup", WARMUP), name)
                many = checked(load("http", members, [leader], work(members), "--connections",
                                    MANY, "--seconds", MANY_SECONDS, "--warmup", WARMUP), name)
            latency = one["latency_ms"]
            run.add(f"{name}_p50", "ms", members.system, [latency["p50"]], *targets["p50"])
            run.add(f"{name}_p99", "ms", members.system, [latency["p99"]], *targets["p99"])
            run.add(f"{name}_{MANY}_rate", "1/s", members.system, [many["rate"]],
                    *targets["rate"])
            run.add(f"{name}_{MANY}_p99", "ms", members.system, [many["latency_ms"]["p99"]])


def native(run, trials):
    for _ in range(trials):
        for kind, targets in (("put", [AtLeast("median", 20000)]),
                              ("read", [TimesOther("median", 5)])):
            with Etcd(run.secured).start() as members:
                leader = members.settled()
                checked(load("http", members, [leader], members.puts(), "--count", WARMUP), kind)
                rate = grpc_rate(members, leader, kind)
            run.add(f"native_{kind}_{MANY}_rate", "1/s", "etcd", [rate], *targets)
            with Muster(run.secured).start() as members:
                rate = native_rate(members, kind)
            run.add(f"native_{kind}_{MANY}_rate", "1/s", "muster", [rate])


def grpc_rate(members, leader, kind):
    """etcd's, with MANY calls in flight on one connection."""
    tls = ["--ca", members.ca] if members.secured else []
    return own_protocol(["muster-load-grpc", "--target", members.target(leader), *tls,
                         *(["--read"] if kind == "read" else []), "--in-flight", MANY,
                         "--seconds", MANY_SECONDS], kind)


def own_protocol(command, what):
    """Calls a second, by the report of one of the load clients."""
    program = peers.binary().with_name(command[0])
    done = subprocess.run([str(program), *map(str, command[1:])], capture_output=True, text=True,
                          timeout=120, check=False)
    if done.returncode:
        raise harness.Broken(f"{command[0]}: {done.stderr}")
    return checked(json.loads(done.stdout), what)["rate"]


def native_rate(members, kind):
    leader = members.settled()
    checked(load("http", members, [leader], members.puts(), "--count", WARMUP), kind)
    reading = ["--read", "/v1/kv/bench0"] if kind == "read" else []
    token = ["--token-file", members.cluster.make_token()] if members.secured else []
    return own_protocol(["muster-load", "native", *as_agents(members), "--target",
                         f"{members.members[leader].address}:{harness.RPC}", *reading, *token,
                         "--in-flight", MANY, "--seconds", MANY_SECONDS], kind)


def as_agents(members):
    """How muster-load's agents find this cluster."""
    masters = [word for one in members.members.values()
               for word in ("--master", f"{one.name}={one.address}:{harness.RPC}")]
    return ["--cluster", members.cluster.name, *masters, *members.security_of_agents()]


class Agents:
    """AGENTS streams from a process of muster-load."""

    def __init__(self, members):
        seeds = [word for one in members.members.values()
                 for word in ("--seed", f"{one.address}:{harness.GOSSIP}")]
        command = [peers.binary(), "agents", *as_agents(members), *seeds, "--count", AGENTS,
                   "--gossip", f"{members.cluster.network}200"]
        self.process = subprocess.Popen([*peers.BOUND, *map(str, command)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def registered(self, after):
        """The moment when all were registered, after another moment; None: not within the time."""
        while line := read_line(self.process.stdout, AGENTS_CAP):
            at = json.loads(line)["at"]
            if at > after:
                return at
        return None


def read_line(pipe, seconds):
    """A line, or nothing when none comes in time."""
    def give_up(*_):
        raise TimeoutError
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return pipe.readline()
    except TimeoutError:
        return ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def agents(run, trials):
    for _ in range(trials):
        with Muster(run.secured, AGENTS).start() as members:
            leader = members.settled()
            began = time.monotonic()
            with Agents(members) as streams:
                at = streams.registered(began)
                run.add("agents_register", "s", "muster", [at and at - began],
                        AtMost("max", AGENTS_CAP))
                if at is None:
                    continue
                measure_agents(run, members, streams, leader)


def measure_agents(run, members, streams, leader):
    steady(SETTLE)
    pid = members.pid(leader)
    before, at = usage.processor_seconds(pid), time.monotonic()
    steady(AGENTS_WATCH)
    share = (usage.processor_seconds(pid) - before) / (time.monotonic() - at)
    run.add("agents_idle_cpu", "%", "muster", [share * 100], AtMost("median", 15))
    run.add("agents_idle_rss", "MiB", "muster", [usage.resident_mib(pid)], AtMost("median", 200))
    killed = time.monotonic()
    harness.send(pid, signal.SIGKILL)
    members.killed(leader)
    again = streams.registered(killed)
    run.add("agents_settle", "s", "muster", [again and again - killed], AtMost("max", 3))


def install(run, trials):
    for _ in range(trials):
        for system in SYSTEMS:
            with system(run.secured) as members:
                first, second, late = members.members
                members.start(first, second)
                leader = members.settled()
                fill(members, leader)
                took, gap = caught_up(members, leader, late)
            run.add("install", "s", members.system, [took])
            run.add("install_gap", "s", members.system, [gap])


def fill(members, leader):
    value = "x" * STATE_BYTES
    for first in range(0, STATE_VALUES, 50):
        requests = [line.replace("bench", f"state{first}-")
                    for line in members.puts(50, value)] if members.system == "muster" else \
            state_of_etcd(first, value)
        checked(load("http", members, [leader], requests, "--count", 50), "filling")


def state_of_etcd(first, value):
    return [f'POST /v3/kv/put {{"key":"{peers.encoded(f"state{first}-{i}")}",'
            f'"value":"{peers.encoded(value)}"}}' for i in range(50)]


def caught_up(members, leader, late):
    """Seconds until the late member has all that the leader had; the longest time without a put."""
    wanted = members.index(leader)
    with peers.Background("http", members, [leader], members.puts(1), "--seconds", 30) as puts:
        began = time.monotonic()
        members.start(late)
        harness.wait_for(lambda: members.index(late) >= wanted, "the empty member to catch up",
                         peers.CAP * 2, 0.02, members.tail)
        took = time.monotonic() - began
        return took, puts.report()["gap_s"]


MODES = {  # name: (what to do, trials)
    "failover": (failover, 50), "idle": (idle, 1), "put": (put, 5), "read": (read, 5),
    "native": (native, 3), "agents": (agents, 3), "install": (install, 1),
}


def measure(say, trials=None, only=None, secured=True):
    """Runs the modes named in `only`, or all; (the Duel, what ended it early or None)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for program in ("etcd", "openssl", "setpriv"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not there: ./run bench masters installs it")
    run = Run(say, secured)
    try:
        for name in only or MODES:
            what, usual = MODES[name]
            began = time.monotonic()
            what(run, trials or usual)
            say(f"{name}: took {time.monotonic() - began:.0f} s")
    except (harness.Failure, harness.Broken) as problem:
        return run.duel, problem
    except KeyboardInterrupt:
        return run.duel, "interrupted"
    return run.duel, None
