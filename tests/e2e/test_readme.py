"""Does a secured cluster begin as README.md prints it? On two machines of which each has a network
and a file system of its own: the commands are run to the letter, with no address or file to help."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import cluster as harness

README = harness.ROOT / "README.md"
TOKEN = "MUSTER-1-..."
SYSTEMCTL = """#!/bin/sh
[ "$*" = "start muster" ] || exit 1
setsid muster agent --config /etc/muster/muster.yaml </dev/null >>"$AGENT_LOG" 2>&1 &
"""


def commands():
    """[(command, comment), ...] of the section, in its order."""
    section = README.read_text().split("\n## A secured cluster\n")[1].split("\n## ")[0]
    lines = re.findall(r"^    \$ (.*)$", section, re.MULTILINE)
    return [tuple(part.strip() for part in (*line.split("  #"), "")[:2]) for line in lines]


class Machine:
    """A network, /etc and /var/lib of its own, held by a process that ends when this one does."""

    def __init__(self, address, directory):
        self.address, self.directory = address, directory
        self.log = directory / "agent.log"
        (directory / "bin").mkdir(parents=True)
        (directory / "bin" / "muster").symlink_to(harness.binary("muster", "MUSTER_BINARY"))
        systemctl = directory / "bin" / "systemctl"
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)
        shutil.copytree("/etc", directory / "etc", symlinks=True,
                        ignore=shutil.ignore_patterns("muster"))
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
             "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.inside = pathlib.Path(
            f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()[0]
        self.shell(f"mount --bind {directory}/etc /etc && mount -t tmpfs tmpfs /var/lib && "
                   "mount -t proc proc /proc && ip link set lo up")

    def shell(self, command):
        """What it printed. Pre: it ends well."""
        environment = {"PATH": f"{self.directory}/bin:{os.environ['PATH']}",
                       "AGENT_LOG": str(self.log), "HOME": "/root"}
        done = subprocess.run(
            ["nsenter", "-t", self.inside, "-n", "-m", "-p", "--", "sh", "-c", command],
            capture_output=True, text=True, env=environment, timeout=20 * harness.SCALE,
            check=False)
        if done.returncode:
            log = self.log.read_text() if self.log.exists() else ""
            raise harness.Failure(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}{log}")
        return done.stdout

    def close(self):
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait()


class SecuredCluster(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make machines of their own")
        directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-readme-"))
        self.addCleanup(shutil.rmtree, directory)
        self.machines = {}
        for number in (1, 2):
            machine = Machine(f"10.0.0.{number}", directory / f"n{number}")
            self.addCleanup(machine.close)
            self.machines[f"n{number}"] = machine
        first, second = self.machines.values()
        subprocess.run(["ip", "link", "add", "eth0", "netns", first.inside, "type", "veth",
                        "peer", "name", "eth0", "netns", second.inside], check=True)
        for machine in self.machines.values():
            machine.shell(f"ip addr add {machine.address}/24 dev eth0 && ip link set eth0 up")

    def run_line(self, command, comment, token):
        machine = self.machines["n2" if comment.startswith("on n2") else "n1"]
        return machine.shell(command.replace(TOKEN, token))

    def test_it_begins_as_the_page_says(self):
        token, done = "", []
        for command, comment in commands():
            if command.startswith(("muster token", "muster masters")):  # the agent may just start
                output = harness.wait_for(lambda: self.run_line(command, comment, token), command,
                                          20, 0.1)
            else:
                output = self.run_line(command, comment, token)
            token = next(iter(re.findall(r"MUSTER-1-\S+", output)), token)
            done.append(command.split()[1])
        self.assertEqual(done, ["init", "start", "token", "join", "masters"])
        first, second = self.machines.values()
        second.shell("systemctl start muster")
        harness.wait_for(lambda: re.search(r"^n2 +follower ", first.shell("muster masters"),
                                           re.MULTILINE), "n2 to get a vote", 20, 0.1)
        self.assertIn("n2", first.shell("muster nodes"))
        # A token of the first works at the second, which has none of its own.
        first.shell(f"cp /var/lib/muster/identity/admin.token {first.directory}/token")
        self.assertIn("n1", second.shell(f"muster nodes --token-file {first.directory}/token"))


if __name__ == "__main__":
    unittest.main()
