"""Does a file system whose server is gone cost a scrape anything but its own numbers?"""
import contextlib
import ctypes
import os
import pathlib
import tempfile
import time
import unittest

import cluster as harness
from scrape_differences import parse
from shared import ClusterCase

DEVICE = "/dev/fuse"
MNT_DETACH = 2


@contextlib.contextmanager
def hung_mount():
    """A file system that answers nobody, as NFS when its server is gone: its server is this process, which does not
    even say that it is there. Yields where it is and what gives it up."""
    libc = ctypes.CDLL(None, use_errno=True)

    def checked(result):
        if result != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    with tempfile.TemporaryDirectory(prefix="muster-hung-") as directory, contextlib.ExitStack() as server:
        descriptor = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        server.callback(os.close, descriptor)
        options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0"
        checked(libc.mount(b"hung", directory.encode(), b"fuse", 0, options.encode()))
        try:
            yield directory, server.close  # whoever waits gets an error then
        finally:
            server.close()
            checked(libc.umount2(directory.encode(), MNT_DETACH))


@unittest.skipUnless(os.path.exists(DEVICE) and os.geteuid() == 0, f"needs {DEVICE} and root")
class HungMount(ClusterCase):
    def scrape(self):
        begin = time.monotonic()
        answer = harness.request(self.node.address, "GET", "/metrics", timeout=10)
        self.assertEqual(answer.status, 200)
        return parse(answer.body.decode()), time.monotonic() - begin

    def value(self, families, name, **labels):
        series = families[name].series if name in families else {}
        found = [value for pairs, value in series.items() if labels.items() <= dict(pairs).items()]
        return found[0] if found else None

    def threads(self):
        return len(list(pathlib.Path(f"/proc/{self.node.agent.pid}/task").iterdir()))

    def test_a_mount_that_hangs_costs_itself_only(self):
        self.node = self.cluster.nodes["n1"]
        before, _ = self.scrape()
        size = self.value(before, "node_filesystem_size_bytes", mountpoint="/")
        self.assertGreater(size, 0)
        with hung_mount() as (place, give_up):
            def shown():
                families, took = self.scrape()
                self.assertEqual(self.value(families, "node_filesystem_size_bytes", mountpoint="/"), size)
                self.assertEqual(
                    self.value(families, "node_scrape_collector_success", collector="filesystem"), 1)
                self.assertIsNone(self.value(families, "node_filesystem_size_bytes", mountpoint=place))
                # Half a second for what hangs, and the rest of a scrape on a busy machine.
                self.assertLess(took, 2 * harness.SCALE)
                return families

            families = shown()
            self.assertEqual(self.value(families, "node_filesystem_device_error", mountpoint=place), 1)
            self.assertEqual(self.value(families, "muster_mounts_parked"), 1)
            threads = self.threads()
            for _ in range(10):
                families = shown()
            self.assertEqual(self.value(families, "muster_mounts_parked"), 1)
            self.assertLessEqual(self.threads(), threads + 2)  # those of HTTP come and go
            self.cluster.wait_for(lambda: place in self.node.log.read_text(), "the log names it", 5)
            give_up()
            self.cluster.wait_for(
                lambda: self.value(self.scrape()[0], "muster_mounts_parked") == 0,
                "its thread is back", 10)
        families, _ = self.scrape()
        self.assertIsNone(self.value(families, "node_filesystem_device_error", mountpoint=place))
