"""How do agents of muster and of serf run side by side, and what do they say about members?

A Fleet is n agents of one system on loopback addresses of their own. One selector reads what all of
them print, and every line about a member becomes an Event by our own clock when it is read, so that
both systems are measured by the same observer. Nothing of a fleet outlives it: close() kills what
runs, and the kernel does when the bench itself is killed (setpriv --pdeathsig).
"""
import collections
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import cluster as harness

START_CAP = 20.0  # seconds in which the first agent must listen
BOUND = ["setpriv", "--pdeathsig", "KILL", "--"]  # what follows dies with us

# kind: alive, suspect, failed, left; accused: the observer itself is who suspects the member;
# refuted: the member stood up against a suspicion. detail: what tells two refutations apart.
Event = collections.namedtuple("Event", "at observer kind member detail")


class Agent:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.process = None
        self.alive = set()  # whom it holds to be alive
        self.rest = b""  # an unfinished line
        self.tail = collections.deque(maxlen=20)


class Fleet:
    """Agents n1..nN; start() runs them. Use it as a context manager."""
    system = ""

    def __init__(self, n):
        self.n = n
        self.network = harness.free_network()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"muster-bench-{self.system}-"))
        names = [f"n{i}" for i in range(1, n + 1)]
        self.agents = {name: Agent(name, f"{self.network}{i}") for i, name in enumerate(names, 1)}
        self.events = []
        self.selector = selectors.DefaultSelector()
        self.last_exec = self.read_at = time.monotonic()
        self.prepare()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What a system has of its own.
    def prepare(self):
        """Writes whatever the agents read when they start."""

    def command(self, agent):
        raise NotImplementedError

    def events_of(self, agent, line, at):
        """What this line of the agent says about members."""
        raise NotImplementedError

    # --- processes ---------------------------------------------------------------------------
    def start(self, group=None, cap=None):
        """The first agent; once it listens, all the others as fast as they can be started.

        With a group, so many of them; and the next when these are known, or after cap seconds.
        """
        first, *others = self.agents
        self.run(first)
        if self.wait(lambda: listens(self.agents[first]), START_CAP, every=0.01) is None:
            raise harness.Broken(f"{self.system}: {first} does not listen after {START_CAP:g} s\n"
                                 + self.tail(first))
        for number, name in enumerate(others, 1):
            self.run(name)
            if group and number % group == 0:
                self.wait(self.acquainted, cap)
        return self

    def run(self, name):
        agent = self.agents[name]
        self.last_exec = time.monotonic()
        agent.process = subprocess.Popen(
            [*BOUND, *self.command(agent)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.directory, start_new_session=True,
            env={key: value for key, value in os.environ.items() if not key.startswith("MUSTER_")})
        agent.alive, agent.rest = {name}, b""
        os.set_blocking(agent.process.stdout.fileno(), False)
        self.selector.register(agent.process.stdout, selectors.EVENT_READ, agent)

    def kill(self, *names):
        """SIGKILL; the moment before it. What they had printed by then is not read any more."""
        processes = [self.agents[name].process for name in names]
        at = time.monotonic()
        for process in processes:
            process.kill()
        for name, process in zip(names, processes):
            self.selector.unregister(process.stdout)
            process.stdout.close()
            process.wait()
            self.agents[name].process = None
        return at

    def freeze(self, name):
        """SIGSTOP: its connections stay open, and nobody is told; the moment before it."""
        at = time.monotonic()
        self.agents[name].process.send_signal(signal.SIGSTOP)
        return at

    def thaw(self, name):
        at = time.monotonic()
        self.agents[name].process.send_signal(signal.SIGCONT)
        return at

    def close(self):
        self.kill(*[name for name, agent in self.agents.items() if agent.process])
        self.selector.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def running(self):
        return [agent for agent in self.agents.values() if agent.process]

    def tail(self, name):
        return "\n".join(line.decode(errors="replace") for line in self.agents[name].tail)

    # --- what they say -----------------------------------------------------------------------
    def pump(self, timeout):
        """Reads what there is, or waits for it so long."""
        for key, _ in self.selector.select(timeout):
            agent = key.data
            data = os.read(key.fd, 1 << 16)
            self.read_at = time.monotonic()
            if not data:
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                agent.process, ended = None, agent.process
                status = ended.wait()
                raise harness.Broken(f"{self.system}: the agent {agent.name} ended by itself, "
                                     f"status {status}\n{self.tail(agent.name)}")
            *lines, agent.rest = (agent.rest + data).split(b"\n")
            for line in lines:
                agent.tail.append(line)
                for event in self.events_of(agent, line, self.read_at):
                    self.take(agent, event)

    def take(self, agent, event):
        self.events.append(event)
        if event.kind == "alive":
            agent.alive.add(event.member)
        elif event.kind in ("suspect", "failed", "left"):
            agent.alive.discard(event.member)

    def wait(self, condition, cap, every=0.5):
        """When what made the condition true was read; None when nothing did within cap seconds."""
        end = time.monotonic() + cap
        while not condition():
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.pump(min(left, every))
        return self.read_at

    def watch(self, seconds):
        """Lets so much time go by, and reads."""
        self.wait(lambda: False, seconds)

    def whole(self):
        """Every agent that runs holds all n to be alive."""
        return all(len(agent.alive) == self.n for agent in self.running())

    def acquainted(self):
        """Every agent that runs holds as many to be alive as run."""
        running = self.running()
        return all(len(agent.alive) == len(running) for agent in running)

    def said(self, kind, since, **wanted):
        """Events of a kind from index `since` on, with these observers or members."""
        return [event for event in self.events[since:] if event.kind == kind and
                all(getattr(event, key) == value for key, value in wanted.items())]

    def observers(self, kind, member, since):
        return {event.observer for event in self.said(kind, since, member=member)
                if event.observer != member}


def listens(agent):
    with socket.socket() as probe:
        return probe.connect_ex((agent.address, harness.GOSSIP)) == 0


class Serf(Fleet):
    """Its suspicions are printed only by who raises them: `suspect` does not occur."""
    system = "serf"
    CHANGE = re.compile(rb"serf: EventMember(Join|Failed|Leave): (\S+)")
    ACCUSED = re.compile(rb"memberlist: Suspect (\S+) has failed")
    REFUTED = re.compile(rb"memberlist: Refuting an? (?:suspect|dead) message")
    KINDS = {b"Join": "alive", b"Failed": "failed", b"Leave": "left"}

    def command(self, agent):
        first = next(iter(self.agents.values()))
        join = [] if agent is first else [f"-join={first.address}:{harness.GOSSIP}"]
        return ["serf", "agent", f"-node={agent.name}", f"-bind={agent.address}:{harness.GOSSIP}",
                f"-rpc-addr={agent.address}:{harness.RPC}", "-profile=lan", "-log-level=info", *join]

    def events_of(self, agent, line, at):
        if found := self.CHANGE.search(line):
            yield Event(at, agent.name, self.KINDS[found[1]], found[2].decode(), None)
        elif found := self.ACCUSED.search(line):
            yield Event(at, agent.name, "accused", found[1].decode(), None)
        elif self.REFUTED.search(line):
            yield Event(at, agent.name, "refuted", agent.name, len(self.events))


class Muster(Fleet):
    """Three masters, n1 to n3; the others are plain. `membership`: settings of that section."""
    system = "muster"
    CHANGE = re.compile(rb": member (\S+) is (alive|suspect|failed|left)\b(.*)")
    ACCUSER = re.compile(rb": suspected by ([^\s,]+),")
    REFUTED = re.compile(rb": refuted with incarnation (\d+)")

    def __init__(self, n, membership=None):
        self.binary = harness.binary("muster", "MUSTER_BINARY")
        self.membership = membership or {}
        super().__init__(n)

    def prepare(self):
        masters = list(self.agents.values())[:3]
        shared = ["masters:", *[f"  - {{name: {one.name}, rpc: \"{one.address}:{harness.RPC}\"}}"
                                for one in masters]]
        if self.membership:
            shared += ["membership:", *[f"  {key}: {value}"
                                        for key, value in self.membership.items()]]
        for agent in self.agents.values():
            # mkdtemp may end in "_", a name may not end in "-".
            own = [f"cluster: {self.directory.name.replace('_', '-').lower()}x",
                   f"node: {{name: {agent.name}}}",
                   f"data_dir: {self.directory / agent.name}",
                   f"listen: {{address: {agent.address}, gossip_port: {harness.GOSSIP}, "
                   f"rpc_port: {harness.RPC}, http_port: {harness.HTTP}}}"]
            self.config(agent).write_text("\n".join(own + shared) + "\n", encoding="utf-8")

    def config(self, agent):
        return self.directory / f"{agent.name}.yaml"

    def command(self, agent):
        return [self.binary, "agent", "--config", self.config(agent)]

    def events_of(self, agent, line, at):
        found = self.CHANGE.search(line)
        if not found:
            return
        member, kind, evidence = found[1].decode(), found[2].decode(), found[3]
        yield Event(at, agent.name, kind, member, None)
        accuser = self.ACCUSER.match(evidence)
        if kind == "suspect" and accuser and accuser[1].decode() == agent.name:
            yield Event(at, agent.name, "accused", member, None)
        if refuted := self.REFUTED.match(evidence):
            yield Event(at, agent.name, "refuted", member, int(refuted[1]))
