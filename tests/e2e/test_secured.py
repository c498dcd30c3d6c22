"""Is a cluster that `muster init` and `muster join` make one in which only its nodes speak?"""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

import cluster as harness
from scrape_differences import parse


class SecuredCase(unittest.TestCase):
    """A cluster of n1 and of those who joined it with a token each; TLS everywhere."""
    joining = ()  # (name, role)
    identity = ""  # what the masters' configurations say more under `identity`

    @classmethod
    def setUpClass(cls):
        cls.binary = harness.binary("muster", "MUSTER_BINARY")
        cls.network = harness.free_network()
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-secured-"))
        cls.agents = {}
        cls.addClassCleanup(cls.close)
        cls.muster("init", "--name", "n1", "--cluster", "prod", "--advertise", cls.address("n1"),
                   "--data-dir", cls.directory / "n1", "-c", cls.directory / "n1.yaml")
        cls.configure("n1")
        cls.start("n1")
        cls.wait(lambda: cls.ask("status", "--output", "json").returncode == 0, "n1 to serve")
        for name, role in cls.joining:
            cls.join(name, role)
            cls.configure(name)
            cls.start(name)
            if role == "master":
                cls.wait(lambda: name in cls.voters(), f"{name} to get a vote")
            else:
                cls.wait(lambda: name in cls.nodes(), f"{name} to be registered")

    @classmethod
    def configure(cls, name):
        path = cls.directory / f"{name}.yaml"
        path.write_text(path.read_text().replace("identity:\n", f"identity:\n{cls.identity}"))

    @classmethod
    def close(cls):
        for agent in cls.agents.values():
            agent.kill()
            agent.wait()
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def address(cls, name):
        return cls.network + name[1:]

    @classmethod
    def muster(cls, *arguments, status=0):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("MUSTER_")}
        done = subprocess.run([cls.binary, *map(str, arguments)], capture_output=True, text=True,
                              timeout=20 * harness.SCALE, env=environment)
        if status is not None and done.returncode != status:
            raise harness.Failure(f"muster {arguments}: {done.returncode}\n{done.stderr}")
        return done

    @classmethod
    def ask(cls, *arguments, node="n1", token=None, status=None):
        identity = cls.directory / "n1" / "identity"
        return cls.muster("--ca", identity / "ca.pem", "--token-file",
                          token or identity / "admin.token", "--address",
                          f"https://{cls.address(node)}:{harness.HTTP}", *arguments,
                          status=status)

    @classmethod
    def token(cls, role):
        made = json.loads(cls.ask("token", "create", "--role", role, "--output", "json",
                                  status=0).stdout)
        path = cls.directory / f"token-{made['id']}"
        path.touch(mode=0o600)
        path.write_text(made["token"] + "\n")
        return path

    @classmethod
    def join(cls, name, role, token=None, status=0, to=None):
        return cls.muster("join", "--join-token-file", token or cls.token(role), "--name", name,
                          "--advertise", cls.address(name), "--data-dir", cls.directory / name,
                          "-c", cls.directory / f"{name}.yaml",
                          to or f"{cls.address('n1')}:{harness.HTTP}", status=status)

    @classmethod
    def start(cls, name):
        with open(cls.directory / f"{name}.log", "ab") as log:
            cls.agents[name] = subprocess.Popen(
                [cls.binary, "agent", "-c", cls.directory / f"{name}.yaml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    @classmethod
    def wait(cls, condition, what, timeout=15.0):
        return harness.wait_for(condition, what, timeout, 0.05, lambda: "\n".join(
            f"--- {log.name}\n" + "\n".join(log.read_text().splitlines()[-12:])
            for log in sorted(cls.directory.glob("*.log"))))

    @classmethod
    def voters(cls):
        answer = cls.ask("masters", "--output", "json")
        if answer.returncode != 0:
            return []
        return [one["name"] for one in json.loads(answer.stdout)["masters"]
                if one["role"] in ("leader", "follower")]

    @classmethod
    def nodes(cls):
        answer = cls.ask("nodes", "--output", "json")
        if answer.returncode != 0:
            return []
        return [one["name"] for one in json.loads(answer.stdout)["nodes"]]

    @classmethod
    def node(cls, name):
        nodes = json.loads(cls.ask("nodes", "--output", "json", status=0).stdout)["nodes"]
        return next(one for one in nodes if one["name"] == name)

    @classmethod
    def events(cls):
        answer = cls.ask("events", "--output", "json", status=0)
        return json.loads(answer.stdout)["events"]

    @classmethod
    def log(cls, name):
        return (cls.directory / f"{name}.log").read_text()

    @classmethod
    def authorities(cls, name):
        return (cls.directory / name / "identity" / "ca.pem").read_text()

    @classmethod
    def shown(cls, name, authorities):
        """The certificate that a node shows now; None when these authorities did not sign it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authorities)
        context.check_hostname = False
        try:
            with socket.create_connection((cls.address(name), harness.HTTP), 5) as plain, \
                    context.wrap_socket(plain) as stream:
                return stream.getpeercert()
        except ssl.SSLCertVerificationError:
            return None

    def undisturbed(self, since):
        """No agent that runs was suspected or lost its coordinator after that event."""
        for event in self.events():
            if event["sequence"] <= since:
                continue
            self.assertNotEqual(event["kind"], "coordinator-elected")
            if event["subject"].removeprefix("node/") in self.agents:
                self.assertNotIn(event["kind"], ("node-suspected", "node-failed", "node-up"))
        for name in self.agents:
            self.assertNotIn("lost coordinator", self.log(name))
            self.assertIsNone(self.agents[name].poll())


class Secured(SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def test_what_is_written_through_an_agent_is_read_through_every_node(self):
        self.ask("kv", "put", "a/b", "hello", node="n4", status=0)
        for node in ("n1", "n2", "n3", "n4"):
            self.assertEqual(self.ask("kv", "get", "a/b", node=node, status=0).stdout, "hello")

    def test_masters_that_joined_find_one_another_after_any_restart(self):
        self.ask("kv", "put", "kept", "1", status=0)
        for restarted in (("n1", "n2", "n3", "n4"), ("n1",), ("n2",), ("n3",)):
            with self.subTest(restarted=restarted):
                for name in restarted:
                    self.agents[name].kill()
                    self.agents[name].wait()
                for name in restarted:
                    self.start(name)
                for name in ("n1", "n2", "n3", "n4"):
                    self.wait(lambda: self.ask("kv", "get", "kept", node=name).stdout == "1",
                              f"{name} to know what was kept")
                self.assertEqual(sorted(self.voters()), ["n1", "n2", "n3"])

    def test_each_role_may_do_its_part_and_no_more(self):
        viewer, operator = self.token("viewer"), self.token("operator")
        for node in ("n1", "n4"):
            with self.subTest(node=node):
                self.ask("kv", "put", "role", "1", node=node, token=operator, status=0)
                self.ask("kv", "get", "role", node=node, token=viewer, status=0)
                refused = self.ask("kv", "put", "role", "2", node=node, token=viewer)
                self.assertEqual(refused.returncode, 1, refused.stderr)
                refused = self.ask("token", "list", node=node, token=operator)
                self.assertEqual(refused.returncode, 1, refused.stderr)
        audit = (self.directory / "n1" / "audit.log").read_text()
        self.assertIn('"status":403', audit)
        for path in (viewer, operator):
            self.assertNotIn(path.read_text().strip(), audit)

    def test_a_join_token_works_once(self):
        token = self.token("agent")
        self.join("n7", "agent", token)
        again = self.join("n8", "agent", token, status=None)
        self.assertNotEqual(again.returncode, 0)
        self.assertNotIn(token.read_text().strip(), again.stderr + again.stdout)
        self.assertFalse((self.directory / "n8.yaml").exists())
        audits = "".join(path.read_text() for path in self.directory.glob("*/audit.log"))
        joins = [json.loads(line) for line in audits.splitlines() if '"/v1/join"' in line]
        told = {line["subject"].partition(",")[0]: line["outcome"] for line in joins}
        self.assertEqual((told["node n7"], told["node n8"]), ("done", "refused"))
        self.assertNotIn(token.read_text().strip(), audits)

    def test_a_join_whose_answer_is_lost_is_done_again_with_the_same_use_of_the_token(self):
        token, kept = self.token("agent"), self.directory / "n10" / "identity.joining"
        with self.deaf_way("n10", lambda: "node n10" in self.admitted()) as port:
            lost = self.join("n10", "agent", token, status=None,
                             to=f"{self.address('n98')}:{port}")
        self.assertIn("node n10", self.admitted())
        self.assertNotEqual(lost.returncode, 0)
        self.assertIn("the same command again", lost.stderr)
        self.assertFalse((self.directory / "n10.yaml").exists())
        self.assertEqual(kept.stat().st_mode & 0o777, 0o700)
        self.assertEqual((kept / "node.key").stat().st_mode & 0o777, 0o600)
        # Nor does it cost a use when what was heard cannot be written.
        (self.directory / "n10.yaml.new").mkdir()
        self.assertNotEqual(self.join("n10", "agent", token, status=None).returncode, 0)
        self.assertFalse((self.directory / "n10" / "identity").exists())
        (self.directory / "n10.yaml.new").rmdir()
        key = (kept / "node.key").read_text()
        self.join("n10", "agent", token)
        self.assertEqual((self.directory / "n10" / "identity" / "node.key").read_text(), key)
        self.assertFalse(kept.exists())
        self.start("n10")
        self.wait(lambda: "n10" in self.nodes(), "n10 to be registered")
        other = self.join("n11", "agent", token, status=None)
        self.assertNotEqual(other.returncode, 0)

    def admitted(self):
        audits = "".join(path.read_text() for path in self.directory.glob("*/audit.log"))
        lines = [json.loads(line) for line in audits.splitlines() if '"/v1/join"' in line]
        return {line["subject"].partition(",")[0] for line in lines if line["outcome"] == "done"}

    @contextlib.contextmanager
    def deaf_way(self, name, enough):
        """A port that leads to n1, seen from there as `name`, whose answers are lost."""
        def lead(listener):
            near, _ = listener.accept()
            with near, socket.create_connection((self.address("n1"), harness.HTTP),
                                                source_address=(self.address(name), 0)) as far:
                near.settimeout(10)
                far.sendall(near.recv(65536))
                spoken = threading.Event()

                def answers():
                    # What comes before the client speaks for a second time is the handshake.
                    with contextlib.suppress(OSError):
                        while data := far.recv(65536):
                            if not spoken.is_set():
                                near.sendall(data)
                back = threading.Thread(target=answers)
                back.start()
                data = near.recv(65536)
                spoken.set()
                while data and not enough():
                    far.sendall(data)
                    near.settimeout(0.1)
                    try:
                        data = near.recv(65536)
                    except TimeoutError:
                        data = b""
                        self.wait(enough, "the request to be done")
                far.shutdown(socket.SHUT_RDWR)
                back.join(10)

        with socket.create_server((self.address("n98"), 0)) as listener:
            leader = threading.Thread(target=lead, args=(listener,))
            leader.start()
            yield listener.getsockname()[1]
            leader.join(20)

    def test_a_node_that_was_revoked_is_let_out_at_once(self):
        self.join("n5", "agent")
        self.start("n5")
        self.wait(lambda: "n5" in self.nodes(), "n5 to be registered")
        self.ask("revoke", "n5", status=0)
        log = self.directory / "n5.log"
        self.wait(lambda: "it was revoked" in log.read_text(), "n5 to be told", 5)
        self.assertIn("lost coordinator", log.read_text())
        # Its agent lives on and is seen by gossip, and counts for nothing.
        self.wait(lambda: self.node("n5")["state"] == "failed", "n5 to be failed on record", 5)
        members = json.loads(self.ask("members", "--output", "json", status=0).stdout)["members"]
        self.assertEqual([one["state"] for one in members if one["name"] == "n5"], ["alive"])
        self.ask("ca", "rotate-gossip-key", status=0)  # does not wait for it
        self.wait(lambda: "failed" in [one["state"] for one in json.loads(
            self.ask("members", "--output", "json", status=0).stdout)["members"]
            if one["name"] == "n5"], "gossip to forget n5", 30)
        self.agents.pop("n5").kill()

    def test_without_a_certificate_nobody_is_heard_on_the_rpc_port(self):
        at = (self.address("n1"), harness.RPC)
        with socket.create_connection(at, 5) as plain:
            plain.sendall(b"\0\0\0\4\x32\2\x08\1")
            plain.settimeout(10)
            with self.assertRaises((ConnectionResetError, EOFError)):
                if not plain.recv(1):
                    raise EOFError
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.directory / "n1" / "identity" / "ca.pem")
        context.check_hostname = False
        with socket.create_connection(at, 5) as bare, context.wrap_socket(bare) as nobody:
            nobody.settimeout(10)
            with self.assertRaises((ssl.SSLError, ConnectionResetError, EOFError)):
                nobody.sendall(b"\0\0\0\4\x32\2\x08\1")
                if not nobody.recv(1):
                    raise EOFError

    def test_a_token_is_shown_to_the_host_that_was_asked_and_in_clear_to_nobody(self):
        identity = self.directory / "n1" / "identity"
        stolen = self.directory / "n4" / "identity"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(stolen / "node.pem", stolen / "node.key")
        with socket.create_server((self.address("n99"), 0)) as impostor:
            at = f"https://{self.address('n99')}:{impostor.getsockname()[1]}"
            heard = []

            def listen():
                while True:
                    try:
                        accepted, _ = impostor.accept()
                    except OSError:
                        return
                    with contextlib.suppress(OSError), \
                            context.wrap_socket(accepted, server_side=True) as client:
                        heard.append(client.recv(4096))

            ears = threading.Thread(target=listen)
            ears.start()
            refused = self.muster("--ca", identity / "ca.pem", "--token-file",
                                  identity / "admin.token", "--address", at, "status", status=None)
            impostor.shutdown(socket.SHUT_RDWR)
            ears.join(20)
        self.assertNotEqual(refused.returncode, 0)
        self.assertNotIn(b"Bearer", b"".join(heard))
        clear = self.muster("--token-file", identity / "admin.token", "--address",
                            "192.0.2.1:7948", "status", status=1)
        self.assertIn("in clear", clear.stderr)

    def test_nobody_gets_a_certificate_for_the_host_of_another(self):
        posing = self.muster("join", "--join-token-file", self.token("agent"), "--name", "10.9.8.7",
                             "--advertise", self.address("n6"), "--data-dir",
                             self.directory / "posing", "-c", self.directory / "posing.yaml",
                             f"{self.address('n1')}:{harness.HTTP}", status=None)
        self.assertNotEqual(posing.returncode, 0)
        self.assertIn("reads as an address", posing.stderr)
        pem = self.directory / "n4" / "identity" / "node.pem"
        hosts = ssl._ssl._test_decode_cert(str(pem))["subjectAltName"]
        self.assertEqual([value for kind, value in hosts if kind in ("DNS", "IP Address")],
                         ["localhost", "127.0.0.1", "n4", self.address("n4")])

    def test_secrets_are_for_their_owner_only(self):
        for node in ("n1", "n2", "n4"):
            identity = self.directory / node / "identity"
            self.assertEqual(identity.stat().st_mode & 0o077, 0)
            for path in identity.iterdir():
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        key = (self.directory / "n1" / "identity" / "keyring").read_text().split()[-1]
        for log in self.directory.glob("*.log"):
            self.assertNotIn(key, log.read_text())


class Renewed(SecuredCase):
    """The masters sign for ten seconds only."""
    joining = (("n2", "agent"),)
    identity = "  certificate_life: 10s\n"

    def end_in_metrics(self, name):
        own = self.directory / "n1" / "identity"
        request = urllib.request.Request(f"https://{self.address(name)}:{harness.HTTP}/metrics")
        request.add_header("Authorization", "Bearer " + (own / "admin.token").read_text().strip())
        trust = ssl.create_default_context(cafile=own / "ca.pem")
        with urllib.request.urlopen(request, timeout=5, context=trust) as answer:
            name = "muster_certificate_expiry_timestamp_seconds"
            return parse(answer.read().decode())[name].series[()]

    def test_a_node_renews_its_certificate_by_itself_and_no_stream_is_lost(self):
        since = self.events()[-1]["sequence"]
        trusted = self.authorities("n1")
        first = self.shown("n2", trusted)
        life = ssl.cert_time_to_seconds(first["notAfter"])
        self.wait(lambda: self.shown("n2", trusted)["serialNumber"] != first["serialNumber"],
                  "n2 to show another certificate", 12)
        renewed = time.time()  # at two thirds, and up to a twentieth before; notAfter is whole seconds
        self.assertGreater(renewed, life - 10 * (1 / 3 + 1 / 20) - 1)
        self.assertLess(renewed, life - 1)
        second = self.shown("n2", trusted)
        self.wait(lambda: self.end_in_metrics("n2") == ssl.cert_time_to_seconds(
            second["notAfter"]), "n2's metrics to show its end", 2)
        # The first one has ended before the next renewal: that was asked for with the second.
        self.wait(lambda: self.shown("n2", trusted)["serialNumber"] != second["serialNumber"],
                  "n2 to renew again", 12)
        self.assertGreater(time.time(), life)
        self.undisturbed(since)
        self.ask("kv", "put", "renewed", "yes", node="n2", status=0)
        key = (self.directory / "n2" / "identity" / "node.key").read_text()
        self.assertNotIn(key.splitlines()[1], self.log("n1") + self.log("n2"))


class Rotated(SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))

    def status(self):
        return self.ask("ca", "status", status=0).stdout

    def stop(self, name):
        self.agents[name].kill()
        self.agents.pop(name).wait()

    def wait_one_authority(self, other_than):
        """Every node trusts one authority, another one than before; it."""
        def one():
            kept = {self.authorities(name) for name in self.agents}
            return kept.pop() if len(kept) == 1 else ""
        def changed():
            kept = one()
            return kept if kept and kept.count("BEGIN") == 1 and kept != other_than else None
        return self.wait(changed, "every node to trust the new authority alone", 10)

    def test_the_authority_is_replaced_and_nobody_notices(self):
        since, old = self.events()[-1]["sequence"], self.authorities("n1")
        self.assertEqual(self.status(), "nothing is being changed\n")
        self.ask("ca", "rotate", status=0)
        new = self.wait_one_authority(old)
        for name in self.agents:
            self.assertIsNone(self.shown(name, old), name)
            self.assertIsNotNone(self.shown(name, new), name)
        self.wait(lambda: self.status() == "nothing is being changed\n", "the end")
        kinds = [event["kind"] for event in self.events() if event["sequence"] > since and
                 event["kind"].startswith("authority-")]
        self.assertEqual(kinds, ["authority-put", "authority-put", "authority-retired"])
        self.undisturbed(since)
        self.ask("kv", "put", "rotated", "yes", node="n4", status=0)

    def test_a_gossip_key_is_replaced_and_nobody_notices(self):
        since = self.events()[-1]["sequence"]
        def ring(name):
            return (self.directory / name / "identity" / "keyring").read_text().split()
        (old,) = ring("n1")
        self.ask("ca", "rotate-gossip-key", status=0)
        self.wait(lambda: {tuple(ring(name)) for name in self.agents} not in ({(old,)},) and
                  all(len(ring(name)) == 1 for name in self.agents),
                  "every node to have the new key alone", 10)
        self.assertEqual(len({ring(name)[0] for name in self.agents}), 1)
        self.assertNotEqual(ring("n1"), [old])
        self.wait(lambda: self.status() == "nothing is being changed\n", "the end")
        self.undisturbed(since)
        for name in self.agents:
            self.assertNotIn(old, self.log(name))
            self.assertNotIn(ring(name)[0], self.log(name))

    def test_a_node_that_is_down_is_waited_for_or_revoked_and_told_what_to_do(self):
        old = self.authorities("n1")
        for name in ("n5", "n6"):
            self.join(name, "agent")
            self.start(name)
            self.wait(lambda: name in self.nodes(), f"{name} to be registered")
        self.stop("n5")
        self.stop("n6")
        self.ask("ca", "rotate", status=0)
        self.wait(lambda: self.status() ==
                  "a new authority: made known to all; waits for n5, n6\n", "two to be waited for")
        again = self.ask("ca", "rotate", status=1)
        self.assertIn("muster ca status", again.stderr)
        self.start("n5")  # in time: it comes along
        self.wait(lambda: "waits for n6\n" in self.status(), "n6 alone to be waited for")
        self.ask("revoke", "n6", status=0)
        new = self.wait_one_authority(old)
        self.assertIsNotNone(self.shown("n5", new))
        self.start("n6")
        self.wait(lambda: "missed a change of the authority" in self.log("n6"), "n6 to be told")
        said = [line for line in self.log("n6").splitlines() if "missed a change" in line][-1]
        self.assertIn("muster join", said)
        self.stop("n6")
        # What it was told works.
        shutil.rmtree(self.directory / "n6")
        (self.directory / "n6.yaml").unlink()
        self.join("n6", "agent")
        self.start("n6")
        self.wait(lambda: self.log("n6").count("registered with coordinator") == 2,
                  "n6 to be back")
        self.stop("n6")
        self.ask("revoke", "n6", status=0)  # nobody waits for it


if __name__ == "__main__":
    unittest.main()
