"""What does bad input get? One line that names the thing and the way out, and no harm done."""
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import unittest

import cluster as harness
from shared import ClusterCase


class BadStart(unittest.TestCase):
    """A single agent that should not start: exit status 78, one line on stderr."""

    def setUp(self):
        self.cluster = harness.Cluster(masters=1, workers=0, label="bad")
        self.addCleanup(self.cluster.close)
        self.node = self.cluster.nodes["n1"]

    def agent(self, text=None, *arguments):
        if text is not None:
            self.node.config.write_text(text)
        return subprocess.run([self.cluster.binary, "agent", "-c", self.node.config, *arguments],
                              capture_output=True, text=True, timeout=20 * harness.SCALE,
                              stdin=subprocess.DEVNULL, env=self.cluster.environment())

    def refused(self, done, *named, status=78):
        self.assertEqual(done.returncode, status, done.stderr)
        # A log on stderr may come before; the last line is the reason.
        line = done.stderr.rstrip("\n").splitlines()[-1]
        for word in named:
            self.assertIn(word, line)
        self.assertNotIn("terminate called", done.stderr)

    def test_an_unknown_key_is_named_with_its_place(self):
        text = self.cluster.config_text(self.node) + "lissten: {}\n"
        line = text.count("\n")
        self.refused(self.agent(text), "lissten", f"{self.node.config}:{line}:")

    def test_a_wrong_type_is_named_with_its_full_path(self):
        text = self.cluster.config_text(self.node).replace("http_port: 7948", "http_port: many")
        self.refused(self.agent(text), "listen.http_port")

    def test_a_missing_file_is_named(self):
        self.node.config.unlink()
        self.refused(self.agent(), str(self.node.config))

    def test_two_masters_are_refused(self):
        other = self.node.address[:-1] + "2"
        text = self.cluster.config_text(self.node, masters=[("n1", self.node.address),
                                                            ("n2", other)])
        self.refused(self.agent(text), "masters", "2")

    def test_a_master_twice_is_refused(self):
        address = self.node.address
        text = self.cluster.config_text(self.node, masters=[("n1", address), ("n1", address),
                                                            ("n3", address)])
        self.refused(self.agent(text), "masters", "n1")

    def test_an_address_that_is_not_loopback_needs_insecure(self):
        text = self.cluster.config_text(self.node, listen="192.0.2.1")
        self.refused(self.agent(text), "192.0.2.1", "--insecure")

    def test_a_port_in_use_is_named(self):
        for kind, port in ((socket.SOCK_STREAM, harness.RPC), (socket.SOCK_STREAM, harness.HTTP),
                           (socket.SOCK_DGRAM, harness.GOSSIP)):
            with socket.socket(socket.AF_INET, kind) as taken:
                taken.bind((self.node.address, port))
                if kind == socket.SOCK_STREAM:
                    taken.listen()
                done = self.agent(self.cluster.config_text(self.node))
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(str(port), done.stderr.splitlines()[-1])

    def test_an_unwritable_data_directory_is_named(self):
        self.node.data.write_text("a file where a directory should be")
        done = self.agent(self.cluster.config_text(self.node))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(self.node.data), done.stderr.splitlines()[-1])

    def test_a_corrupt_data_directory_is_named_and_not_overwritten(self):
        self.node.config.write_text(self.cluster.config_text(self.node))
        self.cluster.start("n1")
        self.cluster.wait_for(self.cluster.coordinator, "the only master to lead", 10, 0.02)
        self.cluster.stop("n1")
        stores = [path for path in self.node.data.rglob("*") if path.is_file()
                  and path.read_bytes()[:15] == b"SQLite format 3"
                  and path.name != "history.db"]  # worth less than the agent: test_history.py
        self.assertTrue(stores)
        for store in stores:
            with self.subTest(store=store.name):
                good = store.read_bytes()
                bad = b"no database at all" + os.urandom(4096)
                for rest in store.parent.glob(store.name + "-*"):
                    rest.unlink()
                store.write_bytes(bad)
                done = self.agent(self.cluster.config_text(self.node))
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(store.name, done.stderr.splitlines()[-1])
                self.assertEqual(store.read_bytes(), bad)
                store.write_bytes(good)

    def test_the_data_of_a_newer_version_is_left_as_it_is(self):
        self.node.config.write_text(self.cluster.config_text(self.node))
        self.cluster.start("n1")
        self.cluster.wait_for(self.cluster.coordinator, "the only master to lead", 10, 0.02)
        self.cluster.stop("n1")
        for name in ("consensus.db", "instances.db"):
            with self.subTest(store=name):
                store = self.node.data / name
                with contextlib.closing(sqlite3.connect(store)) as database:
                    (version,) = database.execute("PRAGMA user_version").fetchone()
                    database.execute("PRAGMA user_version = 99")
                newer = store.read_bytes()
                self.refused(self.agent(), name, "format 99", "run the newer version")
                self.assertEqual(store.read_bytes(), newer)
                with contextlib.closing(sqlite3.connect(store)) as database:
                    database.execute(f"PRAGMA user_version = {version}")
        self.cluster.start("n1")
        self.cluster.wait_for(self.cluster.coordinator, "the master to lead again", 10, 0.02)

    def test_the_data_of_another_cluster_is_not_taken_over(self):
        self.node.config.write_text(self.cluster.config_text(self.node))
        self.cluster.start("n1")
        self.cluster.wait_for(self.cluster.coordinator, "the only master to lead", 10, 0.02)
        self.cluster.stop("n1")
        done = self.agent(self.cluster.config_text(self.node, cluster="another"))
        self.assertEqual(done.returncode, 78)
        last = done.stderr.splitlines()[-1]
        for part in (f"belongs to cluster {self.cluster.name}", "names cluster another",
                     "nothing was changed", "put the old name back",
                     "move the data directory away"):
            self.assertIn(part, last)


class TwoMasters(unittest.TestCase):
    def test_the_log_of_another_master_is_not_taken_over(self):
        cluster = harness.Cluster(masters=3, workers=0, label="copied")
        self.addCleanup(cluster.close)
        cluster.start().wait_whole(30)
        copied, node = cluster.nodes["n2"], cluster.nodes["n3"]
        for name in ("n2", "n3"):
            cluster.stop(name)
        shutil.rmtree(node.data)
        shutil.copytree(copied.data, node.data)
        cluster.start("n2", "n3")
        node.wanted = False  # it is to end by itself
        cluster.wait_for(lambda: not node.alive(), "n3 to refuse to run", 15)
        self.assertEqual(node.agent.returncode, 78)
        last = node.log.read_text().splitlines()[-1]
        for part in ("the log of master n2", "this is n3", "empty data_dir"):
            self.assertIn(part, last)
        cluster.wait_for(cluster.coordinator, "n1 and n2 to go on", 15)
        self.assertTrue(copied.alive())


class DevAgent(unittest.TestCase):
    def test_a_dev_agent_is_a_whole_cluster_and_leaves_nothing_behind(self):
        binary = harness.binary("muster", "MUSTER_BINARY")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MUSTER_")}
        agent = subprocess.Popen([binary, "agent", "--dev"], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                 env=environment, start_new_session=True)
        try:
            def leads():
                if agent.poll() is not None:
                    raise harness.Broken(f"muster agent --dev ended: {agent.stderr.read()}")
                answer = harness.request("127.0.0.1", "GET", "/v1/status")
                status = json.loads(answer.body)
                return status["quorum"] and status["coordinator"]
            harness.wait_for(leads, "a dev agent to lead itself", 10, 0.02)
            agent.send_signal(signal.SIGTERM)
            self.assertEqual(agent.wait(10 * harness.SCALE), 0)
        finally:
            agent.kill()
            agent.wait()
            agent.stderr.close()


class BadRequest(ClusterCase):
    def test_a_bad_spec_is_refused_with_its_place_and_nothing_is_started(self):
        path = self.cluster.directory / "bad.yaml"
        for name, text, word in (
                ("negative replicas", self.cluster.spec(replicas=-1), "replicas"),
                ("no command", self.cluster.spec(command=None), "command"),
                ("unknown key", self.cluster.spec(replcas=2), "replcas"),
                ("bad name", self.cluster.spec("Not A Name"), "name"),
                ("no yaml", "name: [", "bad.yaml:1:"),
                ("unknown driver", self.cluster.spec(driver="magic"), "driver")):
            with self.subTest(name):
                path.write_text(text)
                for command in (["validate", "-f", path], ["apply", "-f", path]):
                    shown = self.cluster.muster(*command)
                    self.assertNotEqual(shown.returncode, 0)
                    self.assertIn(word, shown.stderr)
                    self.assertIn("bad.yaml:", shown.stderr)
                    self.assertEqual(shown.stderr.count("\n"), 1, shown.stderr)
                answer = harness.request(self.cluster.nodes["n4"].address, "POST",
                                         "/v1/workloads", text)
                self.assertEqual(answer.status, 400, answer.body)
        self.assertEqual(self.cluster.workloads(), {})

    def test_a_missing_spec_is_named(self):
        shown = self.cluster.muster("apply", "-f", "/nowhere/web.yaml")
        self.assertNotEqual(shown.returncode, 0)
        self.assertIn("/nowhere/web.yaml", shown.stderr)

    def test_an_oversized_spec_is_refused(self):
        answer = harness.request(self.cluster.nodes["n1"].address, "POST", "/v1/workloads",
                                 "name: web\n#" + "x" * (3 << 20), timeout=10)
        self.assertIn(answer.status, (400, 413))

    def test_garbage_on_every_port_does_no_harm(self):
        before = {name: node.agent.pid for name, node in self.cluster.nodes.items()}
        payloads = [b"", b"\0" * 64, os.urandom(512), b"\xff" * 1400,
                    struct.pack(">I", 2 ** 32 - 1) + b"x" * 100, b"GET / HTTP/1.1\r\n\r\n"]
        for node in self.cluster.nodes.values():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                for payload in payloads + [os.urandom(60000)]:
                    out.sendto(payload, (node.address, harness.GOSSIP))
            for port in (harness.GOSSIP, harness.RPC, harness.HTTP):
                for payload in payloads:
                    with socket.create_connection((node.address, port), 2) as out:
                        try:
                            out.sendall(payload)
                            out.shutdown(socket.SHUT_WR)
                        except OSError:
                            pass  # it hung up on us, as it may
        self.cluster.wait_whole(15)
        after = {name: node.agent.pid for name, node in self.cluster.nodes.items()}
        self.assertEqual(after, before)

    def test_a_second_node_of_the_same_name_is_refused(self):
        cluster = self.cluster
        original = cluster.nodes["n5"]
        folder = cluster.directory / "impostor"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        impostor = harness.Node("n5", f"{cluster.network}55", False, "a", folder)
        impostor.config.write_text(cluster.config_text(impostor))
        done = subprocess.run([cluster.binary, "agent", "-c", impostor.config], text=True,
                              capture_output=True, timeout=30 * harness.SCALE,
                              stdin=subprocess.DEVNULL, env=cluster.environment())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("n5", done.stderr.splitlines()[-1])
        self.assertTrue(original.alive())
        cluster.wait_whole(15)
        self.assertIn(original.address, str(cluster.members("n1")["n5"]))
