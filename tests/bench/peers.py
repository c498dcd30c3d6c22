"""How do three masters of muster and three members of etcd run side by side, at their defaults?

Both on loopback addresses of their own, with their data in one directory's disk, loaded by the same
client (muster-load). What each is asked is written down as its own requests; answers are 2xx or not.
"""
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import time

import cluster as harness

CAP = 60.0  # seconds until a wait is given up
CLIENT, PEER = 2379, 2380  # etcd's ports
BOUND = ["setpriv", "--pdeathsig", "KILL", "--"]  # what follows dies with us
VALUE = "v" * 100


class Member:
    def __init__(self, name, address, directory):
        self.name, self.address, self.directory = name, address, directory
        self.process = None


class Etcd:
    """Members m1..m3. Use it as a context manager; start() runs all or those named."""
    system = "etcd"

    def __init__(self, secured=False):
        self.secured = secured
        self.network = harness.free_network()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="muster-bench-etcd-"))
        self.members = {f"m{i}": Member(f"m{i}", f"{self.network}{i}", self.directory / f"m{i}")
                        for i in (1, 2, 3)}
        self.scheme = "https" if secured else "http"
        self.ca = self.directory / "ca.pem"
        if secured:
            self.make_certificates()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def make_certificates(self):
        """One authority, and one certificate for all members; P-256 as muster's.

        A member's own connections come from 127.0.0.1 here, which etcd looks for in it too.
        """
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        names = ",".join(["IP:127.0.0.1", *[f"IP:{one.address}" for one in self.members.values()]])
        for command in (
                ["openssl", "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days",
                 "2", "-subj", "/CN=bench"],
                ["openssl", "req", *key, "-keyout", "node.key", "-out", "node.csr", "-subj",
                 "/CN=node", "-addext", f"subjectAltName={names}"],
                ["openssl", "x509", "-req", "-in", "node.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                 "-CAcreateserial", "-out", "node.pem", "-days", "2", "-copy_extensions", "copy"]):
            subprocess.run(command, cwd=self.directory, check=True, capture_output=True)

    def command(self, member):
        here, peer = (f"{self.scheme}://{member.address}:{port}" for port in (CLIENT, PEER))
        everybody = ",".join(f"{one.name}={self.scheme}://{one.address}:{PEER}"
                             for one in self.members.values())
        files = []
        if self.secured:
            node = ["node.pem", "node.key", "ca.pem"]
            cert, key, ca = (str(self.directory / name) for name in node)
            files = ["--cert-file", cert, "--key-file", key, "--peer-cert-file", cert,
                     "--peer-key-file", key, "--peer-trusted-ca-file", ca,
                     "--peer-client-cert-auth"]
        return ["etcd", "--name", member.name, "--data-dir", member.directory,
                "--listen-client-urls", here, "--advertise-client-urls", here,
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", everybody, *files]

    def start(self, *names):
        for member in [self.members[name] for name in names] or self.members.values():
            with open(self.directory / f"{member.name}.log", "ab") as log:
                member.process = subprocess.Popen(
                    [*BOUND, *map(str, self.command(member))], stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, cwd=self.directory, start_new_session=True)
        return self

    def pid(self, name):
        return self.members[name].process.pid

    def killed(self, name):
        """Somebody has sent SIGKILL."""
        self.members[name].process.wait()

    def post(self, name, path, body, timeout=2.0):
        address = self.members[name].address
        connection = http.client.HTTPSConnection(
            address, CLIENT, timeout=timeout, context=ssl._create_unverified_context()) \
            if self.secured else http.client.HTTPConnection(address, CLIENT, timeout=timeout)
        try:
            connection.request("POST", path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise harness.Failure(f"{path}: {answer.status} {text[:200]!r}")
            return json.loads(text)
        except http.client.HTTPException as broken:
            raise OSError(f"{path}: {broken!r}") from broken
        finally:
            connection.close()

    def running(self):
        return [one for one in self.members.values()
                if one.process and one.process.poll() is None]

    def leader(self):
        """Its name, when all that run agree and a put works through it."""
        said = [self.post(one.name, "/v3/maintenance/status", {}) for one in self.running()]
        leaders = {one.get("leader", "0") for one in said}
        if len(leaders) != 1 or leaders == {"0"}:
            raise harness.Failure(f"no leader: {leaders}")
        for member, status in zip(self.running(), said):
            if status["header"]["member_id"] in leaders:
                self.post(member.name, "/v3/kv/put", {"key": encoded("ok"), "value": ""}, 3)
                return member.name
        raise harness.Failure("the leader does not run")

    def settled(self):
        """The leader's name, once there is one and every running member follows it."""
        return harness.wait_for(self.leader, "etcd to settle", CAP, 0.05, self.tail)

    def index(self, name):
        return int(self.post(name, "/v3/maintenance/status", {})["raftIndex"])

    def tail(self):
        return "\n".join(path.read_text(errors="replace")[-1000:]
                         for path in sorted(self.directory.glob("*.log")))

    def target(self, name):
        return f"{self.members[name].address}:{CLIENT}"

    def security(self):
        return ["--tls", "--ca", str(self.ca)] if self.secured else []

    def puts(self, keys=100, value=VALUE):
        return [f'POST /v3/kv/put {{"key":"{encoded(f"bench{i}")}","value":"{encoded(value)}"}}'
                for i in range(keys)]

    def gets(self, keys=100):
        """Linearizable, as is etcd's default."""
        return [f'POST /v3/kv/range {{"key":"{encoded(f"bench{i}")}"}}' for i in range(keys)]

    def close(self):
        for member in self.running():
            harness.send(member.process.pid, signal.SIGKILL)
            member.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class SecuredCluster(harness.Cluster):
    """Masters with certificates, and a client's: everything goes over TLS."""

    def __init__(self, agents):
        super().__init__(masters=3, workers=0, label="bench")
        self.identities = self.directory / "identities"
        self.identities.mkdir()
        masters = [word for node in self.nodes.values()
                   for word in ("--master", f"{node.name}={node.address}")]
        subprocess.run([binary(), "identities", "--directory", self.identities, "--cluster",
                        self.name, "--agents", str(agents), *masters], check=True)
        for node in self.nodes.values():
            own = node.directory / "identity"
            own.mkdir(mode=0o700)
            for source, name in (("ca.pem", "ca.pem"), (f"{node.name}.pem", "node.pem"),
                                 (f"{node.name}.key", "node.key")):
                shutil.copy(self.identities / source, own / name)
            node.config.write_text(node.config.read_text() + f"identity: {{dir: {own}}}\n")
        self.context = ssl.create_default_context(cafile=self.identities / "ca.pem")
        self.context.load_cert_chain(self.identities / "bench.pem", self.identities / "bench.key")

    def request(self, name, method, path, body=None, timeout=2.0):
        """(status, body); raises OSError when there is no answer."""
        connection = http.client.HTTPSConnection(self.nodes[name].address, harness.HTTP,
                                                 timeout=timeout, context=self.context)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as broken:
            raise OSError(f"{name}{path}: {broken!r}") from broken
        finally:
            connection.close()

    def get(self, path, node=None, timeout=2.0):
        last = "no agent runs"
        for name in [node] if node else [one.name for one in self.nodes.values() if one.alive()]:
            try:
                status, body = self.request(name, "GET", path, timeout=timeout)
            except OSError as problem:
                last = problem
                continue
            if status == 200:
                return json.loads(body)
            last = f"{status} {body[:300]!r}"
        raise harness.Failure(f"GET {path} at {node or 'any node'}: {last}")

    def make_token(self):
        """A file with the secret of an operator's token."""
        status, body = self.request(self.coordinator(), "POST", "/v1/tokens",
                                    json.dumps({"role": "operator", "description": "bench"}))
        if status != 200:
            raise harness.Failure(f"POST /v1/tokens: {status} {body!r}")
        path = self.identities / "token"
        path.touch(mode=0o600)
        path.write_text(json.loads(body)["token"])
        return path


class Muster:
    """Three masters and no workers; certificates for so many agents besides."""
    system = "muster"

    def __init__(self, secured=False, agents=1):
        self.secured = secured
        self.cluster = SecuredCluster(agents) if secured else \
            harness.Cluster(masters=3, workers=0, label="bench")
        self.members = self.cluster.nodes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, *names):
        self.cluster.start(*names)
        return self

    def pid(self, name):
        return self.members[name].agent.pid

    def killed(self, name):
        self.members[name].wanted = False
        self.members[name].agent.wait()

    def running(self):
        return [node for node in self.members.values() if node.alive()]

    def leader(self):
        """Its name, when all that run agree on it and have applied what it has."""
        name = self.cluster.coordinator()
        said = [self.cluster.status(node.name) for node in self.running()]
        if {one["coordinator"] for one in said} != {name} or len({one["index"] for one in said}) > 1:
            raise harness.Failure(f"not settled: {said}")
        return name

    def settled(self):
        return self.cluster.wait_for(self.leader, "muster to settle", CAP, 0.05)

    def index(self, name):
        return self.cluster.status(name)["index"]

    def tail(self):
        return self.cluster.tail()

    def target(self, name):
        return f"{self.members[name].address}:{harness.HTTP}"

    def security(self):
        if not self.secured:
            return []
        own = self.cluster.identities
        return ["--tls", "--ca", str(own / "ca.pem"), "--cert", str(own / "bench.pem"), "--key",
                str(own / "bench.key")]

    def security_of_agents(self):
        own = self.cluster.identities if self.secured else None
        return ["--tls", "--ca", str(own / "ca.pem"), "--identities", str(own)] if own else []

    def puts(self, keys=100, value=VALUE):
        return [f"PUT /v1/kv/bench{i} {value}" for i in range(keys)]

    def gets(self, keys=100):
        """Linearizable, as is the default."""
        return [f"GET /v1/kv/bench{i}" for i in range(keys)]

    def close(self):
        self.cluster.close()


SYSTEMS = (Etcd, Muster)


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def load(mode, peers, names, requests, *options, timeout=CAP * 5):
    """What muster-load measured, with these members as targets."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.write("\n".join(requests) + "\n")
        file.flush()
        done = subprocess.run(command_of(mode, peers, names, file.name, options), text=True,
                              capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise harness.Broken(f"muster-load: {done.stderr.strip()}")
    return json.loads(done.stdout)


class Background:
    """A load that runs beside what is done in the `with`; report() waits for its end."""

    def __init__(self, mode, peers, names, requests, *options):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".requests")
        self.file.write("\n".join(requests) + "\n")
        self.file.flush()
        self.process = subprocess.Popen(
            command_of(mode, peers, names, self.file.name, options), text=True,
            stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.file.close()

    def report(self):
        return json.loads(self.process.communicate(timeout=CAP * 5)[0])


def command_of(mode, peers, names, requests, options):
    targets = [word for name in names for word in ("--target", peers.target(name))]
    return [binary(), mode, *targets, *peers.security(), "--requests", requests,
            *map(str, options)]


def binary():
    return harness.binary("muster-load", "MUSTER_LOAD")


def steady(seconds):
    """A time in which nothing is done to the system: that is what is measured, or left alone."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        harness.pause(min(1.0, max(0.0, until - time.monotonic())))


def checked(report, what):
    """The report of a load without a failed request."""
    if report["failures"] or not report["count"]:
        raise harness.Broken(f"{what}: {report}")
    return report


os.environ.setdefault("MUSTER_LOAD", str(harness.ROOT / "build/release/muster-load"))
