"""Is every acknowledged write there at the end, though a master dies every two seconds?"""
import random
import threading
import time

import bed  # noqa: F401  (finds tests/e2e)
import cluster as harness

EVERY = 2.0  # seconds from one death to the next
WRITERS = 4
PREFIX = "written/"


class Writer(threading.Thread):
    """Writes one key after another, each once."""

    def __init__(self, number, store, seed, ended):
        super().__init__(daemon=True)
        self.number, self.store, self.ended = number, store, ended
        self.dice = random.Random(f"writer {seed} {number}")
        self.answers = {}  # key: Answer

    def run(self):
        names = list(self.store.addresses)
        while not self.ended.is_set():
            key = f"{PREFIX}{self.number}/{len(self.answers)}"
            self.answers[key] = self.store.put(self.dice.choice(names), key, f"value of {key}")
            if self.answers[key].word != "done":
                self.ended.wait(0.02)


def run(cluster, store, seconds, seed, say):
    """(figures, problems)"""
    dice, ended = random.Random(f"deaths {seed}"), threading.Event()
    writers = [Writer(number, store, seed, ended) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    deaths, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        name = dice.choice(list(cluster.nodes))
        say(f"kill -9 of {name}")
        cluster.kill_agent(name)
        cluster.start(name)
        deaths += 1
        harness.pause(EVERY)  # the schedule itself: deaths come whether or not all is well
    ended.set()
    for writer in writers:
        writer.join()
    answers = {key: answer for writer in writers for key, answer in writer.answers.items()}
    found = harness.wait_for(lambda: listed(store), "a list of what was written", 60, 0.1,
                             cluster.tail)
    words = {}
    for answer in answers.values():
        words[answer.word] = words.get(answer.word, 0) + 1
    return {"deaths": deaths, "writes": words}, problems(answers, found)


def listed(store):
    for name in store.addresses:
        found = store.keys(name, PREFIX)
        if isinstance(found, dict):
            return found
    return None


def problems(answers, found):
    """What is not as the answers said."""
    told = []
    for key, answer in answers.items():
        value = found.get(key)
        if answer.word == "done" and value is None:
            told.append(f"{key} was acknowledged with index {answer.index} and is not there")
        if answer.word == "not done" and value is not None:
            told.append(f"{key} is there, though the answer was that it is not: {answer.text}")
        if answer.word in ("wrong", "refused"):
            told.append(f"{key}: {answer}")
        if value is not None and value != f"value of {key}":
            told.append(f"{key} holds {value}")
    told += [f"{key} was never written" for key in found if key not in answers]
    return told
