"""What does an idle agent cost? Resident memory, and processor seconds in a minute."""
import os

import cluster as harness

SETTLE, WATCH = 5.0, 60.0  # seconds


def resident_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2 ** 20


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(figures, trials, say):
    """`trials` is ignored: each of the five agents is one value."""
    with harness.Cluster(label="bench") as cluster:
        cluster.start().wait_whole(30)
        harness.pause(SETTLE)
        nodes = list(cluster.nodes.values())
        before = [processor_seconds(node.agent.pid) for node in nodes]
        harness.pause(WATCH)  # what is measured is what happens in this time
        for node, earlier in zip(nodes, before):
            used = (processor_seconds(node.agent.pid) - earlier) * 60 / WATCH
            memory = resident_mib(node.agent.pid)
            figures.add("idle_agent_rss", "MiB", memory, max=25)
            figures.add("idle_agent_cpu_per_minute", "s", used, max=0.3)
            role = "master" if node.master else "worker"
            say(f"idle {node} ({role}): {memory:.1f} MiB, {used:.2f} s a minute")
