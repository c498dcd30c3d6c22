"""What changes when an agent alone is killed and restarted within half a second? Nothing may."""
import time

import cluster as harness


def run(figures, trials, say):
    with harness.Cluster(label="bench") as cluster:
        cluster.start().wait_whole(30)
        cluster.apply(cluster.spec("web", replicas=3, port=8080))
        cluster.apply(cluster.spec("beacon", replicas=None, on="every node", port=8081))
        cluster.wait_whole(30)
        names = sorted(cluster.nodes)
        for number in range(trials):
            victim = names[number % len(names)]
            processes = {process.pid for process in cluster.processes()}
            places = placed(cluster)
            at = time.monotonic()
            cluster.kill_agent(victim)
            harness.pause(0.3)  # the outage that is measured: well within half a second
            cluster.start(victim)
            cluster.wait_whole(30)
            took = time.monotonic() - at
            changed = len(processes ^ {process.pid for process in cluster.processes()})
            moved = len(places ^ placed(cluster))
            figures.add("agent_restart_pids_changed", "count", changed, max=0)
            figures.add("agent_restart_workloads_moved", "count", moved, max=0)
            figures.add("agent_killed_to_whole", "s", took)
            say(f"adoption {number + 1}/{trials}: {victim} changed {changed} moved {moved} "
                f"whole after {took:.3f}")


def placed(cluster):
    return {(name, one["instance"], one["node"]) for name in ("web", "beacon")
            for one in cluster.instances(name)}
