#!/usr/bin/python3
"""Five agents on loopback lose a worker, their coordinator, then both at once, and heal."""
import argparse
import os
import signal
import sys
import time

import cluster as harness
from prometheus import Prometheus
from receiver import Receiver

WANTED = {"web": 3, "api": 2}  # copies, which the three nodes that always live can carry
COLOURS = {"bold": "1", "red": "31", "green": "32", "grey": "90"}


def paint(colour, text):
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if sys.stdout.isatty() else text


def say(text=""):
    print(text, flush=True)


def heading(text):
    say()
    say(paint("bold", f"== {text}"))


class Demo:
    def __init__(self, keep):
        self.keep = keep
        self.began = time.time()
        self.failures = 0
        self.receiver = Receiver()
        self.cluster = harness.Cluster(receivers=[("demo", self.receiver.url)], label="demo")
        self.prometheus = None

    def start(self):
        cluster = self.cluster
        heading("three masters and two workers, each a process with an address of its own")
        began = time.monotonic()
        cluster.start()
        cluster.wait_whole(30)
        say(f"all five know each other after {time.monotonic() - began:.2f} s; "
            f"{cluster.coordinator()} coordinates")
        self.prometheus = Prometheus(cluster, interval="200ms")
        self.prometheus.wait_ready()
        say(f"Prometheus {self.prometheus.url} discovers them by http_sd and scrapes every 200 ms")
        say(f"a webhook receiver listens at {self.receiver.url}")

    def apply_examples(self):
        cluster = self.cluster
        heading("muster apply: three copies of web, two of api, and a beacon on every node")
        beacon = cluster.spec("beacon", replicas=None, on="every node", port=8082)
        for name, text in (("web", cluster.spec("web", replicas=WANTED["web"], port=8080)),
                           ("api", cluster.spec("api", replicas=WANTED["api"], port=8081)),
                           ("beacon", beacon)):
            path = cluster.directory / f"{name}.yaml"
            path.write_text(text)
            done = cluster.muster("apply", "-f", path)
            say(paint("grey", f"$ muster apply -f {name}.yaml"))
            say((done.stdout + done.stderr).rstrip())
        cluster.wait_whole(30)
        self.show_workloads()
        cluster.wait_for(lambda: len(self.prometheus.query("up == 1")) == 5,
                         "Prometheus to see five targets", 20, 0.1)
        say("Prometheus: up == 1 on 5 of 5")

    def show_workloads(self):
        say(paint("grey", "$ muster workloads"))
        coordinator = self.cluster.coordinator()
        say(self.cluster.muster("workloads", node=coordinator).stdout.rstrip())

    def kill(self, title, *victims):
        """One death of these nodes: its timeline, what was seen, and the way back."""
        cluster = self.cluster
        heading(title)
        since = cluster.last_event()
        lost = sum(self.copies(victim) for victim in victims)
        _, killed = cluster.kill_node(*victims)
        say(paint("red", f"killed   {' and '.join(victims)}: SIGKILL to the agent and to all it "
                         f"runs ({lost} of 5 copies)"))
        for victim in victims:
            cluster.wait_event("node-failed", since, f"node/{victim}", timeout=20)

        def healed():
            for workload, wanted in WANTED.items():
                ready = [one["node"] for one in cluster.instances(workload)
                         if one["phase"] == "ready"]
                if len(ready) != wanted or set(ready) & set(victims):
                    return False
            return True
        cluster.wait_for(healed, "every copy to be ready elsewhere", 20, 0.05)
        self.timeline(cluster.events(since), killed, victims)
        self.observations(killed, victims)
        self.bring_back(victims)

    def timeline(self, events, killed, victims):
        """Prints the first event of each step for each subject, in ms since the kill."""
        words = {
            "node-suspected": "suspected", "node-failed": "failed",
            "coordinator-elected": "elected", "placed": "decided",
            "instance-starting": "starting", "instance-running": "started",
            "instance-ready": "ready",
        }
        seen = set()
        say(f"{'step':<10}{'ms':>7}  what")
        say(f"{'killed':<10}{0:>7}  {', '.join(victims)}")
        for event in sorted(events, key=lambda one: (one["at_ms"], one["sequence"])):
            key = event["kind"], event["subject"]
            if event["kind"] not in words or key in seen:
                continue
            seen.add(key)
            after = round(event["at_ms"] - killed * 1000)
            line = f"{words[event['kind']]:<10}{after:>7}  {event['subject']:<13} {event['text']}"
            say(paint("green", line) if event["kind"] == "instance-ready" else line)

    def observations(self, killed, victims):
        """What the two outside observers know of it."""
        cluster = self.cluster
        down = cluster.wait_for(lambda: (found := self.prometheus.query("up == 0")) and
                                len(found) == len(victims) and found,
                                "Prometheus to see the dead targets", 15, 0.05)
        targets = ", ".join(sorted(labels["instance"] for labels, _ in down))
        say(f"Prometheus after {round((time.time() - killed) * 1000)} ms: up == 0 for {targets}")
        for victim in victims:
            at, alert = cluster.wait_for(
                lambda: self.receiver.alerts("NodeFailed", "firing", killed, node=victim),
                f"the receiver to get NodeFailed of {victim}", 15, 0.02)[0]
            say(f"webhook after {round((at - killed) * 1000)} ms: NodeFailed {alert['status']} "
                f"for {alert['labels']['node']}")

    def bring_back(self, victims):
        cluster = self.cluster
        began = time.time()
        cluster.start(*victims)
        cluster.wait_whole(30)
        for victim in victims:
            cluster.wait_for(
                lambda: self.receiver.alerts("NodeFailed", "resolved", began, node=victim),
                f"the receiver to get the end of NodeFailed of {victim}", 20, 0.02)
        cluster.wait_for(lambda: len(self.prometheus.query("up == 1")) == 5,
                         "Prometheus to see five targets", 20, 0.1)
        copies = " and ".join(f"{len(cluster.processes(name))} of {name}" for name in WANTED)
        say(paint("green", f"back     {', '.join(victims)} after {time.time() - began:.2f} s: "
                           f"{copies} run, the alert is resolved, up == 1 on 5 of 5"))

    def copies(self, node):
        return sum(process.workload in WANTED for process in self.cluster.processes(node=node))

    def worker(self):
        """The worker node with the most copies, so that there is something to heal."""
        workers = [node.name for node in self.cluster.nodes.values() if not node.master]
        return max(workers, key=self.copies)

    def run(self):
        self.start()
        self.apply_examples()
        self.kill("a worker node dies", self.worker())
        self.kill("the coordinator's node dies", self.cluster.coordinator())
        self.kill("the coordinator's node and a worker node die at once",
                  self.cluster.coordinator(), self.worker())
        heading("the cluster at the end")
        self.show_workloads()
        notified = len(self.receiver.notifications)
        say(f"the receiver got {notified} notifications; the whole demo took "
            f"{time.time() - self.began:.0f} s")

    def wait_for_the_user(self):
        node = next(iter(self.cluster.nodes.values()))
        address = f"{node.address}:{harness.HTTP}"
        heading("the cluster stays up; try it from another terminal")
        program = os.path.relpath(self.cluster.binary, harness.ROOT)
        for line in (f"{program} --address {address} status",
                     f"{program} --address {address} workloads",
                     f"{program} --address {address} events --follow",
                     f"{program} --address {address} logs web",
                     f"curl http://{address}/metrics"):
            say(f"  {line}")
        say(f"  kill -9 {node.agent.pid}        # the agent of {node.name}: its workloads live on")
        say(f"  Prometheus: {self.prometheus.url}")
        say(f"  specs, logs and data: {self.cluster.directory}")
        say(f"end it with Ctrl-C here, or: kill {os.getpid()}")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})

    def close(self):
        name = self.cluster.name
        if self.prometheus:
            self.prometheus.close()
        self.cluster.close()
        self.receiver.close()
        left = harness.processes(name)
        say()
        if left:
            say(paint("red", f"still running: {left}"))
            self.failures += 1
        else:
            say("nothing is left running")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", help="where muster and muster-hello lie")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up until Ctrl-C")
    options = parser.parse_args()
    if options.binaries:
        harness.use_binaries(options.binaries)
    demo = Demo(options.keep)
    try:
        demo.run()
        if options.keep:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
            demo.wait_for_the_user()
    except (harness.Failure, harness.Broken) as problem:
        demo.failures += 1
        say(paint("red", f"demo: {problem}"))
    except KeyboardInterrupt:
        demo.failures += 1
        say("interrupted")
    finally:
        demo.close()
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
