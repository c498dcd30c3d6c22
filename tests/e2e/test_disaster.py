"""Does docs/DISASTER.md help? Each of its commands is run, in its order, against real agents, of a
plain cluster and of a secured one."""
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import types
import unittest

import cluster as harness
import test_secured

PAGE = harness.ROOT / "docs" / "DISASTER.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
MUSTER = re.compile(r"(?<![\w/])muster (?=[a-z])")  # the program, in a command


def sections():
    """Heading -> [(node, whether on a secured cluster only, [command, ...]), ...]"""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, text = part.split("\n", 1)
        for block in BLOCK.findall(text):
            where, *commands = block.strip().split("\n")
            if not where.startswith("# on "):
                raise harness.Failure(f"a block under {heading!r} does not say on which node")
            node, _, secured = where[5:].removeprefix("the ").partition(", ")
            found.setdefault(heading, []).append((node, secured == "secured", commands))
    return found


def commands_of_the_page(secured):
    """Every line of it, in a block of any kind, that runs muster."""
    text = PAGE.read_text()
    lines = [line for block in re.findall(r"^```.*?\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
             for line in block.splitlines()]
    lines += [line[4:] for line in text.splitlines() if line.startswith("    ")]
    known = {line for blocks in sections().values() for _, only, commands in blocks
             for line in commands if only and not secured}
    return {line for line in lines
            if MUSTER.search(line) and not line.startswith(("systemctl ", "#"))} - known


class OnThePage:
    """Runs the commands of the page on nodes with a name, an address, a config, data and a root.

    Needs self.node(name), self.coordinator(), self.agent_starts(node), self.agent_stops(node) and
    self.surroundings(node) -> (how muster is called, environment).
    """
    secured = False
    executed = set()  # each class has its own

    def shell(self, node, command, status=0):
        """Runs one command on a node; its output."""
        if command.startswith("systemctl "):
            verb = command.split()[1]
            if verb == "start":
                self.agent_starts(node)
            else:
                self.agent_stops(node)
            return ""
        muster, environment = self.surroundings(node)
        text = command.replace("/etc/muster/muster.yaml", str(node.config))
        text = text.replace("/var/lib/muster", str(node.data)).replace("/root/", f"{self.root}/")
        text = text.replace(" 10.0.0.", f" {node.address[:node.address.rindex('.') + 1]}")
        if "muster join " in text:  # to where an agent looks by itself
            text += f" -c {node.config} --data-dir {node.data}"
        done = subprocess.run(["bash", "-c", MUSTER.sub(f"{muster} ", text)], capture_output=True,
                              text=True, timeout=60 * harness.SCALE, env=environment)
        self.assertEqual(done.returncode, status,
                         f"on {node}: {command}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def run_section(self, heading, statuses=None, only=None):
        """Runs the blocks of a section; `statuses`: command -> what it exits with, if not 0."""
        outputs = {}
        for number, (where, secured, commands) in enumerate(sections()[heading]):
            if (only is not None and number not in only) or (secured and not self.secured):
                continue
            name = self.coordinator() if where == "coordinator" else where
            for command in commands:
                status = (statuses or {}).get(command, 0)
                outputs[command] = self.shell(self.node(name), command, status)
                self.executed.add(command)
        return outputs

    def set_up_again(self, *names):
        """What the page says to do on n3, on each of these."""
        for _, _, commands in sections()["One master's disk is lost"][1:2]:
            for command in commands:
                for name in names:
                    self.shell(self.node(name), command)

    def assert_all_was_run(self):
        executed = {command for command in self.executed
                    if MUSTER.search(command) and not command.startswith("systemctl ")}
        self.assertEqual(executed, commands_of_the_page(self.secured))


class Disaster(OnThePage, unittest.TestCase):
    executed = set()
    tried = set()

    def setUp(self):
        self.cluster = harness.Cluster(masters=3, workers=1, label="disaster")
        self.addCleanup(self.cluster.close)
        self.cluster.start().wait_whole(30)
        self.root = self.cluster.directory / "root"
        self.root.mkdir()
        self.tried.add(self._testMethodName)

    @classmethod
    def tearDownClass(cls):
        if cls.tried == set(unittest.defaultTestLoader.getTestCaseNames(cls)):
            cls().assert_all_was_run()

    def node(self, name):
        return self.cluster.nodes[name]

    def coordinator(self):
        return self.cluster.coordinator()

    def agent_starts(self, node):
        self.cluster.start(node.name)
        self.cluster.wait_for(lambda: self.answers(node), f"{node} to answer", 15)

    def agent_stops(self, node):
        if node.alive():
            self.cluster.stop(node.name)

    def surroundings(self, node):
        return self.cluster.binary, {**self.cluster.environment(),
                                     "MUSTER_HTTP_ADDRESS": f"{node.address}:{harness.HTTP}"}

    @staticmethod
    def answers(node):
        try:
            return harness.request(node.address, "GET", "/healthz").status == 200
        except OSError:
            return False

    def put_key(self, name, value):
        node = self.cluster.nodes[self.cluster.coordinator()]
        self.shell(node, f"muster kv put {name} {value}")

    def key(self, node, name):
        return self.shell(self.cluster.nodes[node], f"muster kv get {name}").strip()

    def wait_masters(self, *names):
        """Until these and no others have a vote."""
        def there():
            masters = self.cluster.get("/v1/masters", self.cluster.coordinator())["masters"]
            return {one["name"] for one in masters
                    if one["role"] in ("leader", "follower")} == set(names)
        self.cluster.wait_for(there, f"{names} to be the masters", 30)

    def lose(self, *names):
        """Their machines are gone: the agents, and all that the disks held of the cluster."""
        for name in names:
            self.cluster.kill_agent(name)
            for file in self.cluster.nodes[name].data.glob("consensus.db*"):
                file.unlink()

    def test_snapshots_are_saved_encrypted_and_inspected(self):
        self.put_key("colour", "green")
        outputs = self.run_section("Snapshots")
        plain = (self.root / "muster.snap").read_bytes()
        sealed = (self.root / "muster-sealed.snap").read_bytes()
        self.assertIn(b"green", plain)
        self.assertNotIn(b"green", sealed)
        self.assertEqual((self.root / "muster.snap").stat().st_mode & 0o777, 0o600)
        self.assertIn(f"cluster     {self.cluster.name}",
                      outputs["muster snapshot inspect /root/muster.snap"])
        # What is wrong with a snapshot is told apart.
        node = self.cluster.nodes["n1"]
        other = self.root / "other"
        other.write_text("another passphrase\n")
        other.chmod(0o600)
        inspect = "muster snapshot inspect /root/muster-sealed.snap"
        self.assertIn("is encrypted", self.shell(node, inspect, 78))
        self.assertIn("another passphrase",
                      self.shell(node, f"{inspect} --passphrase-file /root/other", 78))
        (self.root / "muster-sealed.snap").write_bytes(sealed[:-1] + b"\0")
        self.assertIn("the passphrase is right, but",
                      self.shell(node, f"{inspect} --passphrase-file /root/passphrase", 78))
        (self.root / "cut.snap").write_bytes(plain[:-20])
        self.assertIn("ends early",
                      self.shell(node, "muster snapshot inspect /root/cut.snap", 78))

    def test_a_master_whose_disk_is_lost_refuses_and_joins_again(self):
        self.put_key("colour", "green")
        node = self.cluster.nodes["n3"]
        self.cluster.stop("n3")
        database = node.data / "consensus.db"
        spoilt = bytearray(database.read_bytes())
        spoilt[len(spoilt) // 2:] = bytes(len(spoilt) - len(spoilt) // 2)
        database.write_bytes(spoilt)
        self.cluster.start("n3")
        node.wanted = False  # it is to end by itself
        self.cluster.wait_for(lambda: not node.alive(), "n3 to refuse to run", 15)
        self.assertEqual(node.agent.returncode, 78)
        self.assertIn("neither serve nor vote", node.log.read_text())
        self.run_section("One master's disk is lost")
        self.wait_masters("n1", "n2", "n3")  # as the last command of the page shows
        self.assertEqual(self.key("n3", "colour"), "green")

    def test_an_even_number_of_masters_is_told(self):
        self.shell(self.cluster.nodes["n1"], "muster masters remove n3")
        self.wait_masters("n1", "n2")
        self.assertIn("2 masters have a vote and survive the loss of none, as 1 would",
                      self.shell(self.cluster.nodes["n1"], "muster masters"))

    def test_the_last_master_goes_on_when_most_are_gone(self):
        self.cluster.apply(self.cluster.spec(replicas=1))
        self.cluster.wait_for(lambda: self.cluster.settled("web"), "web to be ready", 20)
        self.put_key("colour", "green")
        look = "muster recover --from-surviving-master -c /etc/muster/muster.yaml"
        node = self.cluster.nodes["n1"]
        self.assertIn("stop the agent first", self.shell(node, f"{look} --yes", 1))
        self.cluster.stop("n1")
        self.assertIn("a majority of the masters is there", self.shell(node, f"{look} --yes", 1))
        self.cluster.start("n1")
        self.cluster.wait_for(self.cluster.coordinator, "a coordinator", 15)
        self.lose("n2", "n3")
        self.run_section("Most masters are gone", {look: 1}, only=(0,))
        before = (node.data / "consensus.db").read_bytes()
        explained = self.shell(node, look, 1)
        for part in ("n1 holds the state", "n2 at", "n3 at", "does not answer", "may be lost",
                     "nothing was changed", "--yes"):
            self.assertIn(part, explained)
        self.assertEqual((node.data / "consensus.db").read_bytes(), before)
        self.assertEqual(list(node.data.glob("before-recovery-*")), [])
        self.run_section("Most masters are gone", only=(1,))
        self.cluster.wait_for(self.cluster.coordinator, "a coordinator", 15)
        self.assertEqual(self.cluster.coordinator(), "n1")
        self.assertEqual(self.key("n1", "colour"), "green")
        self.assertEqual(len(list(node.data.glob("before-recovery-*"))), 1)
        self.run_section("Most masters are gone", only=(2,))
        self.wait_masters("n1", "n2")
        self.set_up_again("n3")
        self.wait_masters("n1", "n2", "n3")
        self.assertEqual(self.key("n3", "colour"), "green")
        self.assertIn("founded-anew", [event["kind"] for event in self.cluster.events(0)])
        self.cluster.wait_whole()

    def test_masters_that_are_set_up_again_at_once_lead_no_second_cluster(self):
        self.put_key("colour", "green")
        recover = "muster recover --from-surviving-master -c /etc/muster/muster.yaml --yes"
        self.lose("n2", "n3")
        self.cluster.stop("n1")
        self.shell(self.cluster.nodes["n1"], recover)
        # New machines: nothing on them says that there was a cluster.
        for name in ("n2", "n3"):
            for file in self.cluster.nodes[name].data.glob("instances.db*"):
                file.unlink()
        self.cluster.start("n1", "n2", "n3")
        self.wait_masters("n1", "n2", "n3")
        for name in ("n1", "n2", "n3"):
            self.assertEqual(self.key(name, "colour"), "green")
        self.cluster.wait_whole()

    def test_masters_whose_logs_are_gone_wait_for_one_that_has_it(self):
        self.put_key("colour", "green")
        self.lose("n2", "n3")
        self.cluster.stop("n1")
        self.cluster.start("n2", "n3")
        told = "restore a snapshot"
        for name in ("n2", "n3"):
            log = self.cluster.nodes[name].log
            self.cluster.wait_for(lambda: told in log.read_text(), f"{name} to say so", 15)
        self.shell(self.cluster.nodes["n1"], "muster recover --from-surviving-master "
                   "-c /etc/muster/muster.yaml --yes", 1)  # they answer
        for name in ("n2", "n3"):
            self.cluster.stop(name)
        self.shell(self.cluster.nodes["n1"], "muster recover --from-surviving-master "
                   "-c /etc/muster/muster.yaml --yes")
        self.cluster.start("n1", "n2", "n3")
        self.wait_masters("n1", "n2", "n3")
        self.assertEqual(self.key("n2", "colour"), "green")

    def test_a_snapshot_brings_the_cluster_back_when_all_are_gone(self):
        self.put_key("colour", "green")
        coordinator = self.cluster.nodes[self.cluster.coordinator()]
        self.shell(coordinator, "muster snapshot save /root/muster.snap")
        self.put_key("colour", "blue")
        self.lose("n1", "n2", "n3")
        self.run_section("All masters are gone")
        self.cluster.wait_for(self.cluster.coordinator, "a coordinator", 15)
        self.assertEqual(self.key("n1", "colour"), "green")
        again = self.shell(self.cluster.nodes["n2"],
                           "muster snapshot restore /root/muster.snap -c /etc/muster/muster.yaml")
        self.assertIn("begins again", again)
        self.assertIn("is there already", self.shell(
            self.cluster.nodes["n2"],
            "muster snapshot restore /root/muster.snap -c /etc/muster/muster.yaml", 1))
        self.set_up_again("n2", "n3")
        self.wait_masters("n1", "n2", "n3")
        self.assertEqual(self.key("n3", "colour"), "green")


class SecuredDisaster(OnThePage, test_secured.SecuredCase):
    joining = (("n2", "master"), ("n3", "master"), ("n4", "agent"))
    secured = True
    executed = set()

    def setUp(self):
        self.root = self.directory / "root"
        self.root.mkdir()
        shutil.copy(self.identity_of("n1") / "admin.token", self.root)  # the mode too

    @classmethod
    def identity_of(cls, name):
        return cls.directory / name / "identity"

    def node(self, name):
        return types.SimpleNamespace(name=name, address=self.address(name),
                                     config=self.directory / f"{name}.yaml",
                                     data=self.directory / name)

    def coordinator(self):
        return json.loads(self.ask("status", "--output", "json", status=0).stdout)["coordinator"]

    def agent_starts(self, node):
        self.start(node.name)
        self.wait(lambda: self.ask("status", node=node.name).returncode == 0,
                  f"{node.name} to answer")

    def agent_stops(self, node):
        if node.name in self.agents:
            agent = self.agents.pop(node.name)
            agent.terminate()
            agent.wait(20 * harness.SCALE)

    def surroundings(self, node):
        own = self.identity_of(node.name) / "admin.token"
        environment = {"PATH": "/usr/bin:/bin",
                       "MUSTER_HTTP_ADDRESS": f"https://{node.address}:{harness.HTTP}",
                       "MUSTER_TOKEN_FILE": str(own if own.exists() else self.root / own.name)}
        return f"{self.binary} --ca {self.identity_of(node.name) / 'ca.pem'}", environment

    def lose(self, *names, machine=False):
        """Their consensus.db*, or with the machine the configuration and the identity too."""
        for name in names:
            agent = self.agents.pop(name)
            agent.kill()
            agent.wait()
            for file in self.node(name).data.glob("consensus.db*"):
                file.unlink()
            if machine:
                shutil.rmtree(self.node(name).data)
                self.node(name).config.unlink()

    def wait_masters(self, *names):
        self.wait(lambda: sorted(self.voters()) == sorted(names), f"{names} to be the masters", 30)

    def key(self, node):
        return self.shell(self.node(node), "muster kv get colour").strip()

    def wait_agent(self):
        """n4, which nobody touches, is registered and may write."""
        self.wait(lambda: self.ask("kv", "put", "seen", "1", node="n4",
                                   token=self.root / "admin.token").returncode == 0,
                  "n4 to be back", 30)
        self.wait(lambda: self.state_of("n4") == "alive", "n4 to be alive", 30)

    def state_of(self, name):
        answer = self.ask("nodes", "--output", "json")
        nodes = json.loads(answer.stdout)["nodes"] if answer.returncode == 0 else []
        return next((one["state"] for one in nodes if one["name"] == name), None)

    def one_is_replaced(self):
        self.shell(self.node("n1"), "muster kv put colour green")
        self.run_section("Snapshots")
        self.run_section("One master's disk is lost")
        self.wait_masters("n1", "n2", "n3")
        self.lose("n3", machine=True)
        self.run_section("One master's disk is lost", only=(0,))
        self.run_section("A machine is gone from a secured cluster")
        self.wait_masters("n1", "n2", "n3")

    def the_last_goes_on(self):
        shown = (self.identity_of("n1") / "node.pem").read_text()
        look = "muster recover --from-surviving-master -c /etc/muster/muster.yaml"
        self.lose("n2", "n3")
        self.run_section("Most masters are gone", {look: 1}, only=(0,))
        self.run_section("Most masters are gone", only=(1,))
        self.wait_agent()
        self.run_section("Most masters are gone", only=(2,))
        self.wait_masters("n1", "n2")
        self.assertEqual((self.identity_of("n1") / "node.pem").read_text(), shown)
        self.assertEqual(self.key("n2"), "green")

    def all_begin_again(self):
        self.lose("n1", "n2")
        shutil.rmtree(self.node("n1").data)
        said = self.run_section("All masters are gone")
        self.assertIn(
            "admin.token", said["muster snapshot restore /root/muster.snap "
                                "-c /etc/muster/muster.yaml"])
        identity = self.identity_of("n1")
        for path in (identity, *identity.iterdir()):
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)
        hosts = ssl._ssl._test_decode_cert(str(identity / "node.pem"))["subjectAltName"]
        self.assertEqual([value for kind, value in hosts if kind in ("DNS", "IP Address")],
                         ["localhost", "127.0.0.1", "n1", self.address("n1")])
        self.assertNotEqual((identity / "admin.token").read_text(),
                            (self.root / "admin.token").read_text())
        self.assertEqual(self.key("n1"), "green")
        self.wait_agent()  # with the token of before
        self.set_up_again("n2")
        self.node("n3").config.unlink()
        shutil.rmtree(self.node("n3").data)
        self.run_section("A machine is gone from a secured cluster")
        self.wait_masters("n1", "n2", "n3")
        self.assertEqual(self.key("n3"), "green")

    def test_the_page_helps_a_secured_cluster_too(self):
        self.one_is_replaced()
        self.the_last_goes_on()
        self.all_begin_again()
        self.assert_all_was_run()


class Page(unittest.TestCase):
    def test_every_section_with_commands_has_a_test(self):
        text = pathlib.Path(__file__).read_text()
        for heading in sections():
            self.assertIn(f'run_section("{heading}"', text)


if __name__ == "__main__":
    unittest.main()
