"""How does a bench get a loopback of its own, and count the bytes on it?

In a network namespace no other process shares its ports, and packets can be counted without touching
the machine's own rules. Where the right to make one is missing, the bench says so and goes on without.
"""
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

MARK = "MUSTER_BENCH_PRIVATE_NET"  # in the environment of a bench that runs in its own namespace
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def enter(say):
    """Runs this program again inside a namespace. True inside; False: there is none to be had."""
    if os.environ.get(MARK):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        return True
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    try:
        trial = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    except OSError as problem:
        say(f"no network namespace, so no byte counts: {problem}")
        return False
    if trial.returncode != 0:
        say(f"no network namespace, so no byte counts: {trial.stderr.strip()}")
        return False
    os.execvpe(command[0], [*command, sys.executable, *sys.argv], {**os.environ, MARK: "1"})
    raise AssertionError("exec returned")


class ByteCounters:
    """IP bytes that were sent on loopback, by name; `ports` = {name: (protocol, port)}.

    For TCP both directions count. Pre: inside a namespace made by enter().
    """

    def __init__(self, ports):
        counters = "".join(f"counter {name} {{ }}\n" for name in ports)
        rules = "".join(
            f"{protocol} dport {port} counter name {name}\n"
            + (f"tcp sport {port} counter name {name}\n" if protocol == "tcp" else "")
            for name, (protocol, port) in ports.items())
        subprocess.run(["nft", "-f", "-"], text=True, check=True, input=(
            f"table inet muster_bench {{\n{counters}"
            f"chain sent {{ type filter hook output priority 0; policy accept;\n{rules}}}\n}}\n"))

    def read(self):
        listed = subprocess.run(["nft", "-j", "list", "counters"], capture_output=True, text=True,
                                check=True).stdout
        objects = [item["counter"] for item in json.loads(listed)["nftables"] if "counter" in item]
        return {counter["name"]: counter["bytes"] for counter in objects}
