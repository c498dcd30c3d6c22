"""How often, for how long and how secretly is a join token good, and until when what it gave?"""
import datetime
import json
import pathlib
import socket
import subprocess
import time

import cluster as harness
from test_secured import SecuredCase


class Joins(SecuredCase):
    def made(self, *more):
        return json.loads(self.ask("token", "create", "--role", "agent", *more,
                                   "--output", "json", status=0).stdout)

    def file(self, token):
        path = self.directory / f"token-{token['id']}"
        path.touch(mode=0o600)
        path.write_text(token["token"] + "\n")
        return path

    def options(self, name, to=None):
        return ["--name", name, "--advertise", self.address(name),
                "--data-dir", str(self.directory / name),
                "-c", str(self.directory / f"{name}.yaml"),
                to or f"{self.address('n1')}:{harness.HTTP}"]

    def test_a_token_admits_as_many_nodes_as_it_has_uses(self):
        token = self.file(self.made("--uses", 2))
        self.join("n2", "agent", token)
        self.join("n3", "agent", token)
        self.assertNotEqual(self.join("n4", "agent", token, status=None).returncode, 0)
        self.assertFalse((self.directory / "n4.yaml").exists())

    def test_a_token_is_good_until_it_expires(self):
        token = self.made("--ttl", "1s")
        listed = json.loads(self.ask("token", "list", "--output", "json", status=0).stdout)
        ends = next(datetime.datetime.fromisoformat(one["expires"]).timestamp()
                    for one in listed["tokens"] if one["id"] == token["id"])
        self.assertLessEqual(ends - time.time(), 1)
        self.wait(lambda: time.time() > ends, "it to expire")
        refused = self.join("n5", "agent", self.file(token), status=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("expired", refused.stderr)

    def test_a_token_comes_by_standard_input(self):
        done = subprocess.run([self.binary, "join", "--token", "-", *self.options("n6")],
                              input=self.made()["token"] + "\n", capture_output=True, text=True,
                              timeout=20 * harness.SCALE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.directory / "n6.yaml").exists())

    def test_a_token_on_the_command_line_is_not_left_there(self):
        secret = self.made()["token"]
        with socket.create_server((self.address("n7"), 0)) as listener:
            listener.settimeout(20 * harness.SCALE)
            port = listener.getsockname()[1]
            with subprocess.Popen(
                    [self.binary, "join", "--token", secret,
                     *self.options("n7", f"{self.address('n7')}:{port}")],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                with listener.accept()[0]:  # it is at work, and waits for an answer
                    line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
                    process.kill()
        self.assertIn(b"join", line)
        self.assertNotIn(secret.encode(), line)
        self.assertNotIn(secret.encode()[-16:], line)

    def test_a_node_that_was_revoked_while_it_was_down_is_not_let_in_again(self):
        self.join("n9", "agent")
        self.start("n9")
        self.wait(lambda: "n9" in self.nodes(), "n9 to be registered")
        agent = self.agents.pop("n9")
        agent.kill()
        agent.wait()
        self.ask("revoke", "n9", status=0)
        before = self.log("n1").count("was revoked")
        let_in = self.log("n9").count("registered with coordinator")
        self.start("n9")
        self.wait(lambda: self.log("n1").count("was revoked") > before, "n1 to refuse it", 5)
        self.wait(lambda: "revoked" in self.log("n9"), "n9 to be told", 5)
        self.assertEqual(self.log("n9").count("registered with coordinator"), let_in)
