"""Do a few registers in /v1/kv behave as one register each, whatever happens to the masters?

Clients read, write, swap and delete on all masters at once. Registers are used for a few seconds
and then left alone; when all is over, every one is read on every master, and its history is judged.
"""
import collections
import json
import math
import random
import threading
import time

from linearizable import ABSENT, Operation, Undecided, check

GENERATION = 8.0  # seconds that a register is used
SIDE_BY_SIDE = 3  # registers in use
CLIENTS = 10


class Recorder:
    """Collects operations by register; any thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.histories = collections.defaultdict(list)
        self.words = collections.Counter()
        self.indices = collections.defaultdict(dict)  # register: {value: the index of its write}
        self.problems = []
        self.count = 0
        self.last_done = 0.0

    def add(self, register, kind, value, expected, called, client, answer):
        """One operation; an answer without an outcome leaves it open."""
        returned = time.monotonic()
        with self.lock:
            self.words[answer.word] += 1
            self.count += 1
            if answer.word == "wrong":
                self.problems.append(f"{client} {kind} {register}: {answer.text}")
            if answer.word == "not done" or (kind == "read" and answer.word != "seen"):
                return
            if answer.word == "refused":
                kind = "keep"
            elif answer.word not in ("done", "seen"):
                returned = math.inf
            else:
                self.last_done = returned
                self.remember_index(register, value, answer.index)
            self.histories[register].append(
                Operation(kind, value, expected, called, returned, client, self.count))

    def remember_index(self, register, value, index):
        """A value is written once: it has one index for ever."""
        if value is ABSENT or not index:
            return
        known = self.indices[register].setdefault(value, index)
        if known != index:
            self.problems.append(f"{register} holds {value} of index {known} and of index {index}")


class Client(threading.Thread):
    def __init__(self, number, store, recorder, seed, ended):
        super().__init__(daemon=True)
        self.client, self.store, self.recorder = f"client{number}", store, recorder
        self.dice, self.ended = random.Random(f"{seed} {number}"), ended
        self.known = {}  # register: (value, index) as this client last knew it
        self.written = 0
        self.began = time.monotonic()

    def run(self):
        while not self.ended.is_set():
            generation = int((time.monotonic() - self.began) / GENERATION)
            self.operate(f"torture/{generation}-{self.dice.randrange(SIDE_BY_SIDE)}")
            self.ended.wait(self.dice.random() * 0.02)

    def operate(self, register):
        name = self.dice.choice(list(self.store.addresses))
        kind = self.dice.choices(("read", "write", "swap", "delete"), (40, 25, 30, 5))[0]
        called = time.monotonic()
        if kind == "read":
            answer = self.store.get(name, register)
            if answer.word == "seen":
                self.known[register] = (answer.value, answer.index)
            self.note(register, "read", answer.value, None, called, answer)
            return
        if kind == "delete":
            answer = self.store.delete(name, register)
            self.note(register, "write", ABSENT, None, called, answer)
            return
        self.written += 1
        value, expected, condition = f"{self.client}-{self.written}", None, None
        if kind == "swap":
            expected, index = self.known.get(register, (ABSENT, 0))
            condition = {"If-None-Match": "*"} if expected is ABSENT else \
                {"If-Match": f'"{index}"'}
        answer = self.store.put(name, register, value, condition)
        if answer.word == "done":
            self.known[register] = (value, answer.index)
        elif answer.word == "refused":
            self.known.pop(register, None)
        self.note(register, kind, value, expected, called, answer)

    def note(self, register, kind, value, expected, called, answer):
        self.recorder.add(register, kind, value, expected, called, self.client, answer)


def read_all(store, recorder, read_within):
    """Reads every register on every master; the faults must be over."""
    for register in list(recorder.histories):
        for name in store.addresses:
            deadline = time.monotonic() + read_within
            while True:
                called = time.monotonic()
                answer = store.get(name, register)
                recorder.add(register, "read", answer.value, None, called, "last", answer)
                if answer.word == "seen":
                    break
                if time.monotonic() > deadline:
                    recorder.problems.append(
                        f"{name} does not answer for {register} after all faults: {answer}")
                    return


def judge(recorder, keep_in):
    """Adds to the problems what no order explains; such a history is written into `keep_in`."""
    for register, history in recorder.histories.items():
        try:
            told = check(history)
        except Undecided as problem:
            told = f"not decided: {problem}"
        if told:
            keep_in.mkdir(parents=True, exist_ok=True)
            path = keep_in / f"{register.replace('/', '-')}.json"
            path.write_text(json.dumps([one._asdict() for one in history], indent=0))
            recorder.problems.append(f"{register} is not linearizable ({path}):\n{told}")
