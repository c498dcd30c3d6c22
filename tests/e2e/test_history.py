"""Does a node remember what it measured, also over a restart, and can it be seen from a shell?"""
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import fcntl
import subprocess
import termios
import time
import unittest

import cluster as harness

WANTED = ("cpu_busy", "memory_used", "load1", "muster_memory", "muster_members_alive")


class History(unittest.TestCase):
    """On a cluster of its own that measures every second."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(masters=1, workers=1, label="history")
        for node in cls.cluster.nodes.values():
            with open(node.config, "a", encoding="utf-8") as config:
                config.write("history: {interval: 1s}\n")
        cls.cluster.start()
        cls.cluster.wait_whole(30)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()

    def ask(self, node, path):
        return harness.request(self.cluster.nodes[node].address, "GET", path)

    def read(self, node, series, since="10m"):
        answer = self.ask(node, f"/v1/history?series={series}&since={since}&step=1s")
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def values(self, node, series):
        """Those that are not null, with the time of each."""
        body = self.read(node, series)
        return [(body["from_ms"] + i * body["step_ms"], value)
                for i, value in enumerate(body["series"][0]["mean"]) if value is not None]

    def wait_for_values(self, node, series, count):
        return self.cluster.wait_for(
            lambda: len(found := self.values(node, series)) >= count and found,
            f"{count} values of {series} on {node}", 30, 0.2)

    def test_every_series_is_one_that_the_documentation_names(self):
        self.wait_for_values("n1", "cpu_busy", 2)
        answer = self.ask("n1", "/v1/history/series")
        names = [one["name"] for one in json.loads(answer.body)["series"]]
        for name in WANTED:
            self.assertIn(name, names)
        page = (harness.ROOT / "docs/HISTORY.md").read_text(encoding="utf-8")
        described = set(re.findall(r"\b([a-z_0-9]+)(?::DEVICE)?", page))
        self.assertEqual([name for name in names if name.split(":")[0] not in described], [])

    def test_values_are_what_the_machine_says(self):
        memory = self.wait_for_values("n1", "memory_total", 1)[-1][1]
        kib = int(re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
        self.assertAlmostEqual(memory / (kib * 1024), 1, places=5)
        for _, busy in self.wait_for_values("n1", "cpu_busy", 2):
            self.assertTrue(-0.01 <= busy <= 1.01, busy)
        self.cluster.wait_for(lambda: self.values("n1", "muster_members_alive")[-1][1] == 2,
                              "both members in the history", 20, 0.2)

    def test_a_restarted_agent_remembers_and_the_time_between_is_a_gap(self):
        before = self.wait_for_values("n2", "load1", 3)
        node = self.cluster.nodes["n2"]
        node.agent.send_signal(signal.SIGTERM)
        node.agent.wait(20)
        harness.pause(4)  # the gap
        self.cluster.start("n2")
        self.cluster.wait_whole(30)
        after = self.cluster.wait_for(
            lambda: (found := self.values("n2", "load1"))[-1][0] > before[-1][0] + 4000 and found,
            "new values after the restart", 20, 0.2)
        times = [at for at, _ in after]
        self.assertEqual(sorted(set(times)), times)
        self.assertLess(set(at for at, _ in before[:-1]), set(times))
        self.assertGreaterEqual(max(b - a for a, b in zip(times, times[1:])), 3000)

    def test_a_damaged_file_is_put_aside_and_the_agent_runs(self):
        node = self.cluster.nodes["n2"]
        self.wait_for_values("n2", "load1", 2)
        node.agent.send_signal(signal.SIGTERM)
        node.agent.wait(20)
        file = node.data / "history.db"
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        file.write_bytes(b"no database" * 500)
        self.cluster.start("n2")
        self.cluster.wait_whole(30)
        self.wait_for_values("n2", "load1", 2)
        self.assertEqual((node.data / "history.db.damaged").read_bytes(), b"no database" * 500)
        self.assertIn("history.db.damaged", node.log.read_text(errors="replace"))

    def test_what_is_wrong_or_too_much_is_refused_by_name(self):
        for query, status, word in (("series=nothing", 404, "nothing"), ("", 400, "series"),
                                    ("series=load1&since=x", 400, "x"),
                                    ("series=load1&since=744h&step=1s", 400, "step"),
                                    ("series=load1&until=1h", 400, "until")):
            answer = self.ask("n1", "/v1/history?" + query)
            self.assertEqual(answer.status, status, query)
            self.assertIn(word, json.loads(answer.body)["detail"])

    def test_a_plot_is_80_by_20_and_asked_of_the_node_that_is_meant(self):
        self.wait_for_values("n2", "cpu_busy", 3)
        done = self.cluster.muster("history", "n2", "cpu_busy", "--since", "5m", node="n1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 20)
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("cpu_busy of n2", lines[0])
        self.assertRegex(lines[1], r"^min .* avg .* max .* last .* gaps ")
        done = self.cluster.muster("--output", "json", "history", "n2", "cpu_busy", node="n1")
        self.assertEqual(json.loads(done.stdout)["node"], "n2")
        self.assertIn("cpu_busy", self.cluster.muster("history", "n2").stdout)
        for wrong in ("cpu_busy:typo", "network_receive", "network_receive:typo"):
            done = self.cluster.muster("history", "n2", wrong)
            self.assertEqual(done.returncode, 3, done.stdout)
            self.assertIn(f'no series "{wrong}"', done.stderr)
        for arguments, code in ((("n9", "cpu_busy"), 3), (("n2", "nothing"), 3),
                                (("n2", "cpu_busy", "--since", "x"), 2),
                                (("n2", "cpu_busy", "--step", "1"), 2)):
            done = self.cluster.muster("history", *arguments)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_failed_node_is_called_failed_and_not_forgotten(self):
        self.cluster.kill_node("n2")
        self.cluster.wait_for(lambda: "failed" in self.cluster.muster("members", node="n1").stdout,
                              "n2 to be failed", 20, 0.1)
        try:
            for metric in ((), ("cpu_busy",)):
                done = self.cluster.muster("history", "n2", *metric, node="n1")
                self.assertEqual(done.returncode, 4, done.stdout)
                self.assertIn("n2 is failed", done.stderr)
        finally:
            self.cluster.start("n2").wait_whole(30)

    def test_top_draws_and_says_who_has_the_values(self):
        done = self.cluster.muster("--output", "json", "top", "--once", node="n1")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("muster history", done.stderr)

    def test_one_frame_of_top_is_plain_text_with_all_nodes(self):
        def frame():
            done = self.cluster.muster("top", "--once", node="n1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn("\x1b", done.stdout)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)
            return all(re.search(rf"(?m)^{name} +alive +[\d.]+ %", done.stdout)
                       for name in ("n1", "n2"))
        self.cluster.wait_for(frame, "a frame with what both nodes have measured", 20, 0.5)

    def test_top_leaves_the_terminal_as_it_was_however_it_ends(self):
        for end in (b"q", b"\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(end=end):
                self.assert_restored(end)

    def test_top_leaves_the_terminal_while_it_is_stopped_and_takes_it_again(self):
        for stop in (signal.SIGTSTP, b"\x1a"):
            with self.subTest(stop=stop):
                self.assert_restored(b"q", stop)

    def test_top_ends_at_once_while_nobody_answers(self):
        agent = self.cluster.nodes["n1"].agent
        terminal, inside = pty.openpty()
        top = self.top(inside)
        try:
            self.until(terminal, b"2 alive")
            agent.send_signal(signal.SIGSTOP)
            os.write(terminal, b"j")  # it looks again
            self.until(terminal, b"\x1b[H")
            self.until(terminal, b"\x1b[H")
            os.write(terminal, b"q")
            at = time.monotonic()
            self.until(terminal, b"\x1b[?1049l")
            self.assertEqual(top.wait(20), 0)
            self.assertLess(time.monotonic() - at, 0.7 * harness.SCALE)
        finally:
            agent.send_signal(signal.SIGCONT)
            self.end(top, terminal, inside)
        self.cluster.wait_whole(30)

    def top(self, inside):
        address = self.cluster.nodes["n1"].address
        environment = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
        return subprocess.Popen([self.cluster.binary, "--address", f"{address}:{harness.HTTP}", "top"],
                                stdin=inside, stdout=inside, stderr=inside, env=environment)

    def end(self, top, terminal, inside):
        if top.poll() is None:
            top.kill()
            top.wait()
        os.close(terminal)
        os.close(inside)

    def assert_restored(self, end, stop=None):
        terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before = termios.tcgetattr(inside)
        top = self.top(inside)
        try:
            shown = self.until(terminal, b"2 alive")
            self.assertIn(b"\x1b[?1049h", shown)
            self.assert_is_now(re.search(rb"(\d\d):(\d\d):(\d\d)Z", shown))
            self.assertNotEqual(termios.tcgetattr(inside), before)
            if stop is not None:
                if isinstance(stop, bytes):
                    os.write(terminal, stop)
                else:
                    top.send_signal(stop)
                self.assertTrue(os.WIFSTOPPED(os.waitpid(top.pid, os.WUNTRACED)[1]))
                self.assertIn(b"\x1b[?1049l", self.until(terminal, b"\x1b[?1049l"))
                self.assertEqual(termios.tcgetattr(inside), before)
                top.send_signal(signal.SIGCONT)
                self.until(terminal, b"\x1b[?1049h")
                self.assertNotEqual(termios.tcgetattr(inside), before)
            fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
            top.send_signal(signal.SIGWINCH)
            self.until(terminal, b"\x1b[H")
            if isinstance(end, bytes):
                os.write(terminal, end)
            else:
                top.send_signal(end)
            self.until(terminal, b"\x1b[?1049l")
            self.assertEqual(top.wait(20), 0)
            self.assertEqual(termios.tcgetattr(inside), before)
        finally:
            self.end(top, terminal, inside)

    def assert_is_now(self, shown):
        """Of the first frame, too."""
        hours, minutes, seconds = map(int, shown.groups())
        off = (time.time() - (hours * 3600 + minutes * 60 + seconds)) % 86400
        self.assertLess(min(off, 86400 - off), 60, shown[0])

    def until(self, terminal, wanted):
        seen, deadline = b"", time.monotonic() + 20 * harness.SCALE
        while wanted not in seen:
            self.assertLess(time.monotonic(), deadline, seen)
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536)
        return seen
