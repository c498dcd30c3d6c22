"""What do the tests ask of the operating system? Processes, requests, conditions to wait for."""
import collections
import http.client
import os
import pathlib
import socket
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCALE = float(os.environ.get("MUSTER_TIME_SCALE", "1"))
GOSSIP, RPC, HTTP = 7946, 7947, 7948

Process = collections.namedtuple("Process", "pid group node workload instance token command")
Response = collections.namedtuple("Response", "status headers body")


class Failure(AssertionError):
    """A condition that did not come true in time, or an answer that should not have been."""


class Broken(Exception):
    """Waiting longer cannot help: the answer is final, or a process is gone."""


def binary(name, variable):
    """The path of a built program: from the environment, else the release build."""
    path = os.environ.get(variable) or ROOT / "build/release" / name
    path = pathlib.Path(path).resolve()
    if not path.is_file():
        raise SystemExit(f"{path} is not there: run ./run build, or set {variable}")
    return path


def use_binaries(directory):
    """Makes binary() take what lies in `directory`, where the environment does not say."""
    os.environ.setdefault("MUSTER_BINARY", str(pathlib.Path(directory, "muster").resolve()))
    os.environ.setdefault("MUSTER_HELLO", str(pathlib.Path(directory, "muster-hello").resolve()))


def pause(seconds):
    """Between two looks at a condition; never instead of one."""
    threading.Event().wait(seconds)


def request(address, method, path, body=None, port=HTTP, timeout=2.0, headers=None):
    """One HTTP request on its own connection. Raises OSError when there is no answer."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout * SCALE)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Response(answer.status, dict(answer.getheaders()), answer.read())
    except http.client.HTTPException as broken:
        raise OSError(f"{address}:{port}{path}: {broken!r}") from broken
    finally:
        connection.close()


def wait_for(condition, what, timeout=10.0, every=0.005, context=None):
    """The first true value of condition(). OSError, KeyError and Failure count as not yet.

    `what` completes "waited for ..."; context() adds to the text of the failure.
    """
    deadline = time.monotonic() + timeout * SCALE
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, KeyError, IndexError, ValueError, Failure) as problem:
            last = problem
        if time.monotonic() > deadline:
            more = "\n" + context() if context else ""
            raise Failure(f"waited {timeout * SCALE:g} s for {what}; last: {last!r}{more}")
        pause(every)


def process_of(pid):
    """The workload process with this id, or None: of nobody's cluster, gone, a zombie."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = (item.partition(b"=") for item in file.read().split(b"\0"))
            environment = {key.decode(): value.decode(errors="replace") for key, _, value in pairs}
        if "MUSTER_CLUSTER" not in environment or "MUSTER_NODE" not in environment:
            return None
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, _, group = file.read().rpartition(")")[2].split()[:3]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    if state in "ZX":
        return None
    return environment["MUSTER_CLUSTER"], Process(
        int(pid), int(group), environment["MUSTER_NODE"], environment.get("MUSTER_WORKLOAD", ""),
        int(environment.get("MUSTER_INSTANCE_ID") or 0), int(environment.get("MUSTER_TOKEN") or 0),
        command)


def pids():
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def processes(cluster):
    """Every live workload process of the cluster named, by process id."""
    found = (process_of(pid) for pid in sorted(pids()))
    return [process for name, process in filter(None, found) if name == cluster]


def send(pid, number, group=False):
    try:
        (os.killpg if group else os.kill)(pid, number)
    except ProcessLookupError:
        pass


def free_network():
    """A prefix 127.a.b. on which nothing listens yet, different for processes side by side."""
    free_network.count += 1
    for attempt in range(64):
        prefix = f"127.{77 + (free_network.count + attempt) % 150}.{os.getpid() % 254 + 1}."
        probe = socket.socket()
        try:
            probe.bind((prefix + "1", HTTP))
            return prefix
        except OSError:
            continue
        finally:
            probe.close()
    raise SystemExit("no free network in 127.0.0.0/8")


free_network.count = -1
