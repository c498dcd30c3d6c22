"""What may happen to masters? Death, standing still, cuts between them, a full disk; one at a time.

Every fault is drawn by a seed, lasts a few seconds and is healed before the next.
"""
import random
import signal
import time

import bed  # noqa: F401  (finds tests/e2e)
import cluster as harness

SHORTEST, LONGEST = 0.3, 5.0  # seconds that a fault lasts
RECOVER = 30.0  # seconds after which a healed cluster must take writes


class Nemesis:
    def __init__(self, cluster, store, seed, say):
        self.cluster, self.store, self.say = cluster, store, say
        self.dice = random.Random(f"nemesis {seed}")
        self.names = list(cluster.nodes)
        self.done = {}  # fault: how often
        self.recoveries = []  # seconds from healing to a write that is taken
        self.faults = [self.kill_one, self.kill_coordinator, self.kill_most, self.kill_all,
                       self.freeze_one, self.freeze_coordinator, self.cut_off_one,
                       self.cut_off_coordinator, self.deafen_one, self.deafen_coordinator,
                       self.mute_coordinator, self.cut_halves, self.cut_one_pair, self.fill_disk]
        self.bag = []

    def strike(self):
        """One fault, healed; then a write must be taken again. Every fault comes up in turn."""
        if not self.bag:
            self.bag = self.dice.sample(self.faults, len(self.faults))
        fault = self.bag.pop()
        self.done[fault.__name__] = self.done.get(fault.__name__, 0) + 1
        self.say(f"nemesis: {fault.__name__}")
        fault()
        healed = time.monotonic()
        harness.wait_for(self.writes, f"a write after {fault.__name__}", RECOVER, 0.02,
                         self.cluster.tail)
        self.recoveries.append(time.monotonic() - healed)
        harness.pause(self.dice.random())

    def writes(self):
        self.check_alive()
        return self.store.put(self.dice.choice(self.names), "torture/alive", "yes").word == "done"

    def check_alive(self):
        for node in self.cluster.nodes.values():
            if node.wanted and not node.alive():
                node.wanted = False
                raise harness.Broken(f"the agent of {node} ended by itself\n"
                                     + self.cluster.tail(node.name, lines=40))

    def last(self):
        """While a fault lasts."""
        until = time.monotonic() + self.dice.uniform(SHORTEST, LONGEST)
        while time.monotonic() < until:
            self.check_alive()
            harness.pause(0.05)

    def one(self):
        return self.dice.choice(self.names)

    def coordinator(self):
        try:
            return self.cluster.coordinator()
        except harness.Failure:
            return self.one()

    def kill(self, names):
        for name in names:
            self.cluster.nodes[name].wanted = False
        for name in names:
            harness.send(self.cluster.nodes[name].agent.pid, signal.SIGKILL)
        for name in names:
            self.cluster.nodes[name].agent.wait()
        self.last()
        self.cluster.start(*names)

    def kill_one(self):
        self.kill([self.one()])

    def kill_coordinator(self):
        self.kill([self.coordinator()])

    def kill_most(self):
        self.kill(self.dice.sample(self.names, len(self.names) // 2 + 1))

    def kill_all(self):
        self.kill(self.names)

    def freeze(self, name):
        harness.send(self.cluster.nodes[name].agent.pid, signal.SIGSTOP)
        self.last()
        harness.send(self.cluster.nodes[name].agent.pid, signal.SIGCONT)

    def freeze_one(self):
        self.freeze(self.one())

    def freeze_coordinator(self):
        self.freeze(self.coordinator())

    def cut(self, deaf):
        self.cluster.cut(deaf)
        self.last()
        self.cluster.cut([])

    def cut_off(self, names):
        others = [name for name in self.names if name not in names]
        pairs = [(one, other) for one in names for other in others]
        self.cut(pairs + [(other, one) for one, other in pairs])

    def cut_off_one(self):
        self.cut_off([self.one()])

    def cut_off_coordinator(self):
        self.cut_off([self.coordinator()])

    def cut_halves(self):
        self.cut_off(self.dice.sample(self.names, len(self.names) // 2))

    def deafen(self, name):
        self.cut([(name, other) for other in self.names if other != name])

    def deafen_one(self):
        self.deafen(self.one())

    def deafen_coordinator(self):
        self.deafen(self.coordinator())

    def mute_coordinator(self):
        name = self.coordinator()
        self.cut([(other, name) for other in self.names if other != name])

    def cut_one_pair(self):
        one, other = self.dice.sample(self.names, 2)
        self.cut([(one, other), (other, one)])

    def fill_disk(self):
        name = self.dice.choice((self.one(), self.coordinator()))
        self.cluster.fill(name)
        self.last()
        self.cluster.free(name)
