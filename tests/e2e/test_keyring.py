"""Is gossip closed to who has no key, and do the keys change while the cluster runs?"""
import os
import re
import shutil
import signal
import subprocess
import unittest

import cluster as harness


class SealedCluster(harness.Cluster):
    """Every node has the same keyring, in its own directory."""

    def __init__(self, **options):
        super().__init__(label="seal", **options)
        self.keyring("n1", "generate")
        for node in self.nodes.values():
            if node.name != "n1":
                shutil.copy(self.nodes["n1"].directory / "keyring", node.directory / "keyring")

    def config_text(self, node, **changes):
        return super().config_text(node, **changes) + \
            f"gossip:\n  keyring: {node.directory / 'keyring'}\n"

    def keyring(self, node, *arguments, text=None):
        """Runs `muster keyring` on a node's file; its output. Raises Failure when it is refused."""
        verb, *rest = arguments
        done = subprocess.run(
            [self.binary, "keyring", verb, "--config", self.nodes[node].config, *rest],
            capture_output=True, text=True, input=text or "", env=self.environment(),
            timeout=20 * harness.SCALE)
        if done.returncode:
            raise harness.Failure(f"{verb}: status {done.returncode}: {done.stderr}")
        return done.stdout

    def key_ids(self, node):
        return re.findall(r"^([0-9a-f]{8}) ", self.keyring(node, "list"), re.MULTILINE)

    def reload(self, name):
        """SIGHUP, and waits until the agent says what came of it."""
        node = self.nodes[name]
        said = self.reloads(node)
        node.agent.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.reloads(node) > said, f"{name} to reload", 10, 0.02)

    @staticmethod
    def reloads(node):
        return len(re.findall("reloaded", node.log.read_text()))

    def metrics(self, name):
        return harness.request(self.nodes[name].address, "GET", "/metrics").body.decode()

    def drops(self, name):
        """muster_gossip_dropped_total of a node, by reason."""
        found = re.findall(r'muster_gossip_dropped_total{reason="([^"]+)"} (\S+)',
                           self.metrics(name))
        return {reason: float(count) for reason, count in found}

    def acks(self, name):
        found = re.search(r'muster_gossip_packets_total{direction="received",kind="ack"} (\S+)',
                          self.metrics(name))
        return float(found[1]) if found else 0


class Keyring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = SealedCluster(masters=3, workers=2)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.start()
        cls.cluster.wait_whole(30)

    def stays_whole(self, since):
        """Nobody was suspected, failed or lost since then, as any member says."""
        kinds = {event["kind"] for event in self.cluster.events(since)}
        self.assertFalse(kinds & {"node-suspected", "node-failed", "node-left", "node-up"}, kinds)
        for name in self.cluster.nodes:
            states = {m["name"]: m["state"] for m in self.cluster.members(name).values()}
            self.assertEqual(states, {node: "alive" for node in self.cluster.nodes})

    def everybody_is_answered(self):
        """Every member's probes go on being answered, for longer than a suspicion would take."""
        before = {name: self.cluster.acks(name) for name in self.cluster.nodes}
        for name in self.cluster.nodes:
            self.cluster.wait_for(lambda name=name: self.cluster.acks(name) >= before[name] + 5,
                                  f"{name} to be answered five times", 10, 0.05)

    def test_keys_are_rotated_on_a_live_cluster_and_no_member_is_lost(self):
        cluster = self.cluster
        since = cluster.last_event()
        before = {name: cluster.drops(name) for name in cluster.nodes}
        (old,) = cluster.key_ids("n1")

        def everywhere(change):
            for name in cluster.nodes:
                change(name)
                cluster.reload(name)
                if name in ("n3", "n5"):  # half of the cluster has changed, and all of it
                    self.everybody_is_answered()
                self.stays_whole(since)

        cluster.keyring("n1", "add")
        new = cluster.key_ids("n1")[1]
        secret = (cluster.nodes["n1"].directory / "keyring").read_text().split()[-1]
        everywhere(lambda name: name == "n1" or cluster.keyring(name, "add", "--stdin",
                                                                text=secret + "\n"))
        everywhere(lambda name: cluster.keyring(name, "use", new))
        everywhere(lambda name: cluster.keyring(name, "remove", old))
        for name, node in cluster.nodes.items():
            self.assertEqual(cluster.key_ids(name), [new])
            self.assertNotIn(secret, node.log.read_text())
        for name in cluster.nodes:
            self.assertEqual(cluster.drops(name), before[name])

    def test_an_agent_with_a_foreign_key_cannot_join_and_is_counted_and_logged_once(self):
        cluster = self.cluster
        folder = cluster.directory / "foreign"
        folder.mkdir()
        stranger = harness.Node("stranger", f"{cluster.network}66", False, "a", folder)
        stranger.config.write_text(cluster.config_text(stranger))
        subprocess.run([cluster.binary, "keyring", "generate", "-f", folder / "keyring"],
                       check=True, stdout=subprocess.DEVNULL, env=cluster.environment())
        with open(stranger.log, "wb") as log:
            agent = subprocess.Popen([cluster.binary, "agent", "-c", stranger.config], stderr=log,
                                     stdin=subprocess.DEVNULL, env=cluster.environment(),
                                     start_new_session=True)
        try:
            masters = [node.name for node in cluster.masters()]
            cluster.wait_for(
                lambda: all(cluster.drops(name).get("unknown-key", 0) >= 3 for name in masters),
                "every master to refuse the stranger thrice", 20, 0.05)
            for name in cluster.nodes:
                self.assertNotIn("stranger", cluster.members(name))
                lines = [line for line in cluster.nodes[name].log.read_text().splitlines()
                         if "unknown-key" in line]
                self.assertEqual(len(lines), 1 if name in masters else 0, lines)
                if lines:
                    self.assertIn("unknown-key, 1, the last from 127.", lines[0])
        finally:
            agent.kill()
            agent.wait()
            shutil.rmtree(folder)

    def test_a_bad_file_on_reload_keeps_the_old_ring_and_is_named(self):
        cluster = self.cluster
        since = cluster.last_event()
        node = cluster.nodes["n5"]
        path = node.directory / "keyring"
        good = path.read_text()
        for change, named in ((lambda: path.write_text("nonsense\n"), f"{path}:1: "),
                              (lambda: path.write_text(""), "holds no key"),
                              (lambda: os.chmod(path, 0o644), "chmod 600")):
            change()
            cluster.reload("n5")
            last = [line for line in node.log.read_text().splitlines() if "reloaded" in line][-1]
            self.assertIn("the keys stay as they were", last)
            self.assertIn(named, last)
            self.stays_whole(since)
        path.write_text(good)
        os.chmod(path, 0o600)
        cluster.reload("n5")
        self.stays_whole(since)

    def test_an_agent_does_not_start_on_a_keyring_that_others_can_read(self):
        cluster = harness.Cluster(masters=1, workers=0, label="bad")
        self.addCleanup(cluster.close)
        node = cluster.nodes["n1"]
        path = node.directory / "keyring"
        node.config.write_text(cluster.config_text(node) + f"gossip: {{keyring: {path}}}\n")
        subprocess.run([cluster.binary, "keyring", "generate", "-c", node.config], check=True,
                       stdout=subprocess.DEVNULL, env=cluster.environment())
        for change, named in ((lambda: os.chmod(path, 0o640), "chmod 600"),
                              (path.unlink, "muster keyring generate")):
            change()
            done = subprocess.run([cluster.binary, "agent", "-c", node.config], text=True,
                                  capture_output=True, timeout=20 * harness.SCALE,
                                  stdin=subprocess.DEVNULL, env=cluster.environment())
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn(str(path), done.stderr.splitlines()[-1])
            self.assertIn(named, done.stderr.splitlines()[-1])

    def test_the_key_that_seals_is_not_removed_and_no_key_is_ever_shown(self):
        cluster = self.cluster
        path = cluster.nodes["n4"].directory / "keyring"
        copy = cluster.directory / "copy"
        shutil.copy(path, copy)
        self.addCleanup(copy.unlink)
        shown = []

        def keyring(*arguments, status=0):
            done = subprocess.run([cluster.binary, "keyring", *arguments, "-f", copy], text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL,
                                  env=cluster.environment(), timeout=20 * harness.SCALE)
            self.assertEqual(done.returncode, status, done.stderr)
            shown.append(done.stdout + done.stderr)
            return done

        first = re.search(r"^([0-9a-f]{8}) ", keyring("list").stdout, re.MULTILINE)[1]
        self.assertIn("only key", keyring("remove", first, status=1).stderr)
        keyring("add")
        self.assertIn("seals", keyring("remove", first, status=1).stderr)
        self.assertIn("00000000", keyring("use", "00000000", status=3).stderr)
        self.assertIn("already", keyring("generate", status=1).stderr)
        keyring("list", "--output", "json")
        os.chmod(copy, 0o644)
        self.assertIn("chmod 600", keyring("list", status=78).stderr)
        os.chmod(copy, 0o600)
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        for key in [line for line in copy.read_text().split() if len(line) == 44]:
            self.assertNotIn(key[:8], "".join(shown))
