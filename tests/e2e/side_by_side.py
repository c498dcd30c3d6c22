#!/usr/bin/python3
"""In what do the metrics of an agent and of prometheus-node-exporter differ on one machine?

side_by_side.py [--newest] MACHINE

Starts both on the same roots, scrapes them at nearly the same time and prints every difference, those
that the table in docs/METRICS.md allows with `documented` before them. The agent has metrics.compat
"1.5", which is the version that Debian 12 has; --newest leaves that out. The machines:

real       this one
fixtures   the one in tests/fixtures
odd        the same, with files as other kernels and failing devices have them
textfiles  the same, with text files that contradict each other
units      the same, with a systemd that is made up
"""
import argparse
import collections
import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import cluster as harness
import odd_machines
from scrape_differences import differences, parse

EXPORTER = "/usr/bin/prometheus-node-exporter"
PORT = 9100
FIXTURES = harness.ROOT / "tests/fixtures"
TABLE = harness.ROOT / "docs/METRICS.md"
HEADING = "## Differences, one by one"
KINDS = ("missing", "extra", "label", "value", "type", "help")
MACHINES = ("real", "fixtures", "odd", "textfiles", "units")
# Upstream's defaults where Debian's package has others.
UPSTREAM = ["--collector.netdev.device-exclude=",
            "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys"
            "|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"]

Allowed = collections.namedtuple("Allowed", "name labels kind on line")
Compared = collections.namedtuple("Compared", "theirs ours found log")  # texts, and [Difference]


# --- what the page allows --------------------------------------------------------------------
def alternatives(labels):
    """`a="x,y",b` as [{a: x, b: *}, {a: y, b: *}]."""
    found = [{}]
    for key, values in re.findall(r'(\w+)(?:="([^"]*)")?', labels or ""):
        found = [dict(one, **{key: value}) for one in found for value in (values or "*").split(",")]
    return found


def allowed(page=None):
    """[Allowed] of the table: | `metric`, ... | kinds | on | why |"""
    section = (page or TABLE.read_text()).split(HEADING + "\n")[1].split("\n## ")[0]
    found = []
    for line in section.splitlines():
        if not line.startswith("| `"):
            continue
        metrics, kinds, on, why = (cell.strip() for cell in line.strip("|").split(" | "))
        kinds, on = kinds.split(", "), on.split(", ")
        if not set(kinds) <= set(KINDS) or not why or \
                not set(on) <= {"everywhere", "made-up", "newest", *MACHINES}:
            raise ValueError(f"{TABLE.name}: no row of the table: {line}")
        for name, labels in re.findall(r"`([\w*:]+)(?:\{([^}]*)\})?`", metrics):
            for kind in kinds:
                found += [Allowed(name, one, kind, tuple(on), line) for one in alternatives(labels)]
    return found


def not_here(rows):
    """The collectors that only node_exporter has."""
    return sorted({row.labels["collector"] for row in rows
                   if row.kind == "missing" and "collector" in row.labels})


def places(machine, newest):
    """What a row of the table may call a run on this machine."""
    return {"everywhere", machine} | ({"made-up"} if machine != "real" else set()) | \
        ({"newest"} if newest else set())


def allows(row, difference):
    return row.kind == difference.kind and fnmatch.fnmatchcase(difference.name, row.name) and \
        all(key in difference.labels and fnmatch.fnmatchcase(difference.labels[key], value)
            for key, value in row.labels.items())


def unlisted(found, machine, newest, rows):
    """Those differences that no row allows there."""
    rows = [row for row in rows if places(machine, newest) & set(row.on)]
    return [one for one in found if not any(allows(row, one) for row in rows)]


def unseen(rows, runs):
    """[(row, place)] that occur in no run of that place; everywhere is every run."""
    found = []
    for row in rows:
        for place in row.on:
            there = [any(allows(row, one) for one in run) for (machine, newest), run in runs.items()
                     if place in places(machine, newest)]
            if not (all(there) if place == "everywhere" else any(there)):
                found.append((row, place))
    return found


def exporter_version():
    if not pathlib.Path(EXPORTER).exists():
        raise SystemExit(f"{EXPORTER} is not there: run ./run deps")
    done = subprocess.run([EXPORTER, "--version"], capture_output=True, text=True, timeout=20)
    return re.search(r"version (\S+)", done.stdout + done.stderr).group(1)


# --- both on one machine ---------------------------------------------------------------------
class Pair:
    """node_exporter and an agent that is a cluster of its own, side by side."""

    def __init__(self, machine, newest=False):
        self.machine, self.newest = machine, newest
        self.network = harness.free_network()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-side-by-side-"))
        self.processes, self.bus = [], None
        roots = FIXTURES
        if machine in odd_machines.MADE:  # with links as links: a device is known by where it lies
            roots = self.directory / "machine"
            shutil.copytree(FIXTURES, roots, symlinks=True)
            odd_machines.MADE[machine](roots)
        try:
            if machine == "units":
                self.bus = self.made_up_systemd()
            self.start(*(self.on(roots) if machine != "real" else self.on_this()))
        except BaseException:
            self.close()
            raise

    @staticmethod
    def on_this():
        return ["--collector.textfile.directory=",
                *[f"--no-collector.{name}" for name in not_here(allowed())]], {}

    @staticmethod
    def on(roots):
        """Flags and configuration that show these roots, whose /proc/net/dev replaces rtnetlink."""
        flags = [f"--path.procfs={roots}/proc", f"--path.sysfs={roots}/sys", f"--path.rootfs={roots}",
                 f"--path.udev.data={roots}/run/udev/data", "--no-collector.netdev.netlink",
                 f"--collector.textfile.directory={roots}/srv/metrics"]
        return flags, {"procfs": f"{roots}/proc", "sysfs": f"{roots}/sys", "rootfs": f"{roots}",
                       "textfile": {"directory": "/srv/metrics"}}

    def made_up_systemd(self):
        program = harness.binary("muster", "MUSTER_BINARY").with_name("made-up-systemd")
        made_up = self.run([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return made_up.stdout.readline().strip()

    def run(self, command, **options):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MUSTER_") and key != "DBUS_SYSTEM_BUS_ADDRESS"}
        if self.bus:
            environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus
        with open(self.directory / "log", "ab") as log:
            process = subprocess.Popen(command, env=environment, stderr=log,
                                       **{"stdin": subprocess.DEVNULL, "stdout": log, **options})
        self.processes.append(process)
        return process

    def start(self, flags, metrics):
        units = [] if self.bus else ["--no-collector.systemd"]
        if self.bus:
            metrics["enable"] = ["systemd"]
            units = ["--collector.systemd.enable-restarts-metrics",
                     "--collector.systemd.enable-start-time-metrics",
                     "--collector.systemd.unit-exclude=.+\\.(automount|device|mount|scope|slice)"]
        if not self.newest:
            metrics["compat"] = "1.5"
        metrics["cpu"] = {"info": True}
        config = self.directory / "muster.yaml"
        config.write_text(f"cluster: side-by-side\nnode: {{name: n1}}\n"
                          f"data_dir: {self.directory}/data\nlisten: {{address: {self.network}1}}\n"
                          f"masters: [{{name: n1, rpc: \"{self.network}1:{harness.RPC}\"}}]\n"
                          f"metrics: {json.dumps(metrics)}\n")
        self.run([EXPORTER, f"--web.listen-address={self.network}2:{PORT}", "--log.level=error",
                  "--collector.cpu.info", *UPSTREAM, *units, *flags])
        self.run([harness.binary("muster", "MUSTER_BINARY"), "agent", "-c", config])

    def scrape(self, ours):
        address, port = (f"{self.network}1", harness.HTTP) if ours else (f"{self.network}2", PORT)
        answer = harness.request(address, "GET", "/metrics", port=port, timeout=10)
        if answer.status != 200:
            raise harness.Failure(f"/metrics of {address}:{port}: {answer.status} {answer.body!r}")
        return answer.body.decode()

    def compare(self):
        for ours in (True, False):
            harness.wait_for(lambda ours=ours: self.scrape(ours), "metrics of both", 20, 0.05,
                             lambda: (self.directory / "log").read_text()[-2000:])
        before, ours, after = self.scrape(False), self.scrape(True), self.scrape(False)
        found = differences(parse(before), parse(ours),
                            parse(after) if self.machine == "real" else None)
        return Compared(after, ours, found, (self.directory / "log").read_text())

    def close(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10 * harness.SCALE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
        self.processes = []
        said = (self.directory / "log").read_text(errors="replace")
        if found := harness.FINDINGS.search(said):
            harness.Cluster.all_findings.append(f"{self.machine}:\n{said[found.start():][:6000]}")
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--newest", action="store_true")
    parser.add_argument("machine", choices=MACHINES)
    options = parser.parse_args()
    with Pair(options.machine, options.newest) as pair:
        compared = pair.compare()
    others = unlisted(compared.found, options.machine, options.newest, allowed())
    for one in compared.found:
        print(f"{'' if one in others else 'documented '}{one.kind}: {one.text}")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
