"""Where can masters be cut off from each other? Each in a network namespace of its own, on a bridge.

The program runs itself again in namespaces of its own (enter()), so nothing of it is seen on the
machine, and nothing is left of it. Inside, every host has an address on one bridge; the program and
its clients sit on the bridge itself and reach every host whatever is cut between hosts.
"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import cluster as harness  # noqa: E402

MARK = "MUSTER_TORTURE_BED"  # in the environment of a program that runs in its own namespaces
NETWORK = "10.79.0."
ROOM = "320m"  # of each host's disk: the audit log of ten minutes takes 144 MB
RULES = """table inet bed {
  set deaf_to { type ipv4_addr; }
  chain heard { type filter hook input priority 0; policy accept; ip saddr @deaf_to drop; }
}
"""


def enter():
    """Runs this program again in namespaces. True inside; False, and why is printed: none to be had."""
    if os.environ.get(MARK):
        setup = ["link set lo up", "link add bed0 type bridge stp_state 0 forward_delay 0",
                 "link set bed0 up", f"addr add {NETWORK}254/24 dev bed0"]
        run(["ip", "-batch", "-"], "\n".join(setup))
        return True
    command = ["unshare", "--net", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",))]
    trial = "ip link add bed0 type bridge && nft list tables && mount -t tmpfs tmpfs /tmp"
    try:
        tried = subprocess.run([*command, "sh", "-c", trial], capture_output=True, text=True,
                               check=False)
        problem = tried.stderr.strip() if tried.returncode else ""
    except OSError as error:
        problem = error
    if problem:
        print(f"no namespaces with a bridge, packet rules and mounts to be had: {problem}",
              file=sys.stderr)
        return False
    os.execvpe(command[0], [*command, sys.executable, *sys.argv], {**os.environ, MARK: "1"})
    raise AssertionError("exec returned")


def run(command, text=None):
    done = subprocess.run([*map(str, command)], input=text, capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise harness.Broken(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


class Host:
    """A network namespace, held by a process that ends when this one does."""

    def __init__(self, name, number):
        self.name, self.address = name, f"{NETWORK}{number}"
        self.deaf_to = set()
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.inside = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        run(["ip", "-batch", "-"],
            f"link add port{number} type veth peer name eth0 netns {self.holder.pid}\n"
            f"link set port{number} master bed0 up\n")
        run([*self.inside, "ip", "-batch", "-"],
            f"link set lo up\nlink set eth0 up\naddr add {self.address}/24 dev eth0\n")
        run([*self.inside, "nft", "-f", "-"], RULES)

    def hear(self, all_but):
        """From now on drops what comes from these hosts, and from no others."""
        wanted = {host.address for host in all_but}
        if wanted == self.deaf_to:
            return
        rules = "flush set inet bed deaf_to\n"
        if wanted:
            rules += f"add element inet bed deaf_to {{ {', '.join(sorted(wanted))} }}\n"
        run([*self.inside, "nft", "-f", "-"], rules)
        self.deaf_to = wanted

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


class BedCluster(harness.Cluster):
    """Masters, each on a host and a small disk of its own. Pre: enter()."""

    def __init__(self, masters):
        super().__init__(masters=masters, workers=0, label="torture")
        self.hosts, self.disks = {}, []
        for number, node in enumerate(self.nodes.values(), 1):
            self.hosts[node.name] = Host(node.name, number)
            node.address = self.hosts[node.name].address
            node.data.mkdir()
            run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", node.data])
            self.disks.append(node.data)
        for node in self.nodes.values():
            node.config.write_text("insecure: true\n" + self.config_text(node))

    def command(self, node):
        return [*self.hosts[node.name].inside, *super().command(node)]

    def cut(self, deaf):
        """`deaf`: pairs (who, from whom) of names that do not get through; all others do."""
        for name, host in self.hosts.items():
            host.hear([self.hosts[other] for who, other in deaf if who == name])

    def fill(self, name):
        """Until not one more byte fits on a host's disk."""
        with open(self.nodes[name].data / "filler", "ab", buffering=0) as filler:
            for size in (1 << 16, 512, 1):
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def free(self, name):
        (self.nodes[name].data / "filler").unlink(missing_ok=True)

    def close(self):
        if self not in harness.Cluster.opened:
            return
        for disk in self.disks:
            # The processes are ended first, but a lazy unmount does not mind their last moments.
            subprocess.run(["umount", "-l", disk], check=False, capture_output=True)
        super().close()
        for host in self.hosts.values():
            host.close()
