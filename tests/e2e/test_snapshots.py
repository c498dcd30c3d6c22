"""Does a snapshot that is saved while others write hold all that was acknowledged before?"""
import http.client
import json
import threading
import time
import unittest

import cluster as harness

WRITERS = 4
VALUE = "x" * 2000
SAVES = 4


class Writer(threading.Thread):
    """Writes keys of its own, one after the other, through one node."""

    def __init__(self, address, number):
        super().__init__(daemon=True)
        self.address, self.number = address, number
        self.indices = []  # of the writes that were acknowledged, in their order
        self.longest = 0.0
        self.problem = None
        self.over = threading.Event()

    def key(self, count):
        return f"snap/{self.number}/{count:06}"

    def end(self):
        self.over.set()
        self.join(20 * harness.SCALE)

    def run(self):
        connection = http.client.HTTPConnection(self.address, harness.HTTP, timeout=10)
        while not self.over.is_set():
            at = time.monotonic()
            connection.request("PUT", f"/v1/kv/{self.key(len(self.indices))}", VALUE)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                self.problem = body
                return
            self.longest = max(self.longest, time.monotonic() - at)
            self.indices.append(json.loads(body)["index"])
        connection.close()


class Snapshots(unittest.TestCase):
    def setUp(self):
        self.cluster = harness.Cluster(masters=3, workers=1, label="snapshots")
        self.addCleanup(self.cluster.close)
        self.cluster.start().wait_whole(30)

    def saved(self, number, writers):
        """Saves one; its index, the highest acknowledged before and how many were meanwhile."""
        path = self.cluster.directory / f"{number}.snap"
        before = [len(writer.indices) for writer in writers]
        known = max(writer.indices[count - 1] for writer, count in zip(writers, before))
        done = self.cluster.muster("snapshot", "save", path, node=self.cluster.coordinator())
        self.assertEqual(done.returncode, 0, done.stderr)
        meanwhile = sum(len(writer.indices) for writer in writers) - sum(before)
        shown = self.cluster.muster("snapshot", "inspect", path, "--output", "json", node=None)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        return path, json.loads(shown.stdout), known, meanwhile

    def restored(self, path):
        """Every key of a cluster that begins again with this snapshot, and its value's size."""
        cluster, node = self.cluster, self.cluster.nodes["n1"]
        for name in cluster.nodes:
            cluster.kill_agent(name)
        for file in node.data.glob("consensus.db*"):
            file.unlink()
        done = cluster.muster("snapshot", "restore", path, "-c", node.config, node=None)
        self.assertEqual(done.returncode, 0, done.stderr)
        cluster.start("n1")
        keys, start = {}, ""
        while start is not None:
            path = f"/v1/kv?prefix=snap/&limit=1000&from={start}"
            listed = cluster.wait_for(lambda path=path: cluster.get(path, "n1"), path, 15)
            keys |= {one["key"]: len(one["value_base64"]) * 3 // 4 for one in listed["keys"]}
            start = listed["next"]
        return keys

    def test_a_snapshot_under_writes_is_the_state_of_one_moment_and_hinders_nobody(self):
        cluster = self.cluster
        through = [cluster.coordinator(), "n2", "n3", "n4"]
        writers = [Writer(cluster.nodes[node].address, number)
                   for number, node in enumerate(through)]
        for writer in writers:
            writer.start()
            self.addCleanup(writer.end)
        cluster.wait_for(lambda: all(len(writer.indices) >= 20 for writer in writers),
                         "every writer to write", 20)
        for number in range(SAVES):
            path, info, known, meanwhile = self.saved(number, writers)
            self.assertGreaterEqual(info["index"], known)
            self.assertGreater(meanwhile, 0, "nobody wrote while it was saved")
        cluster.wait_for(lambda: all(writer.indices[-1] > info["index"] for writer in writers),
                         "every writer to go on", 10)
        for writer in writers:
            writer.end()
            self.assertIsNone(writer.problem)
            self.assertLess(writer.longest, 2 * harness.SCALE)
        # All that was written at or before its index, and nothing else.
        expected = {writer.key(count) for writer in writers
                    for count, index in enumerate(writer.indices) if index <= info["index"]}
        self.assertGreaterEqual(info["keys"], 20 * WRITERS)
        keys = self.restored(path)
        self.assertEqual(set(keys), expected)
        self.assertEqual(len(keys), info["keys"])
        for size in keys.values():
            self.assertLess(abs(size - len(VALUE)), 3)


if __name__ == "__main__":
    unittest.main()
