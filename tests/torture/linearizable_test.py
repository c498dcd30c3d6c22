"""Does the checker of histories accept what is linearizable, and nothing else?"""
import itertools
import math
import random
import unittest

from linearizable import ABSENT, ILLEGAL, Operation, after, check


def history(*rows):
    """Rows (kind, value, expected, called, returned)."""
    return [Operation(*row, client=f"c{number}", index=number) for number, row in enumerate(rows)]


def brute_force(operations):
    """Tries every order of every choice of the operations without an outcome."""
    must = [one for one in operations if not math.isinf(one.returned)]
    may = [one for one in operations if math.isinf(one.returned)]
    for size in range(len(may) + 1):
        for chosen in itertools.combinations(may, size):
            if any(fits(order) for order in itertools.permutations([*must, *chosen])):
                return True
    return False


def fits(order):
    for early, late in itertools.combinations(order, 2):
        if late.returned < early.called:
            return False
    held = ABSENT
    for operation in order:
        held = after(held, operation)
        if held is ILLEGAL:
            return False
    return True


def random_history(dice, operations):
    """Answers are drawn by lot: some histories are linearizable, most are not."""
    rows = []
    for number in range(operations):
        called = dice.randrange(20)
        returned = math.inf if dice.random() < 0.2 else called + dice.randrange(1, 8)
        kind = dice.choice(("read", "read", "write", "swap", "keep"))
        values = [ABSENT, 1, 2, 3]
        value = dice.choice(values) if kind != "write" else dice.choice(values[1:] + [ABSENT])
        rows.append((kind, value, dice.choice(values), called, returned))
    return history(*rows)


class Register:
    """A register that does each operation at one moment, for histories that are right."""

    def __init__(self, dice, clients, operations, lost=0.1):
        self.dice, self.held, self.lost = dice, ABSENT, lost
        self.made, moments = [], []
        free_at = {f"c{number}": 0.0 for number in range(clients)}
        for index in range(operations):
            client = min(free_at, key=free_at.get)
            called = free_at[client] + dice.random()
            moment = called + dice.random() * 3
            returned = moment + dice.random() * 3
            free_at[client] = returned
            moments.append((moment, index, client, called, returned))
        for moment in sorted(moments):
            self.do(*moment)

    def do(self, _, index, client, called, returned):
        kind = self.dice.choice(("read", "read", "write", "swap"))
        expected = self.held if self.dice.random() < 0.5 else index - 1
        unknown = self.dice.random() < self.lost
        value = self.held
        if kind != "read":
            value = index
            if kind == "swap" and expected != self.held:
                kind = "keep"
            elif not unknown or self.dice.random() < 0.5:
                self.held = index
        if unknown:
            if kind == "keep":
                kind = "swap"
            returned = math.inf
        self.made.append(Operation(kind, value, expected, called, returned, client, index))


class Linearizable(unittest.TestCase):
    def accepts(self, *rows):
        self.assertIsNone(check(history(*rows)))

    def refuses(self, *rows):
        self.assertIsNotNone(check(history(*rows)))

    def test_what_was_written_is_read(self):
        self.accepts(("write", 1, None, 0, 1), ("read", 1, None, 2, 3))
        self.refuses(("write", 1, None, 0, 1), ("read", 2, None, 2, 3))

    def test_a_register_that_was_never_written_holds_nothing(self):
        self.accepts(("read", ABSENT, None, 0, 1))
        self.refuses(("read", 1, None, 0, 1))

    def test_a_lost_write_is_found(self):
        self.refuses(("write", 1, None, 0, 1), ("read", ABSENT, None, 2, 3))

    def test_a_stale_read_is_found(self):
        self.refuses(("write", 1, None, 0, 1), ("write", 2, None, 2, 3), ("read", 1, None, 4, 5))

    def test_an_early_and_a_late_value_are_both_right_while_the_write_runs(self):
        self.accepts(("write", 1, None, 0, 1), ("write", 2, None, 2, 9), ("read", 1, None, 3, 4),
                     ("read", 2, None, 5, 6))

    def test_two_reads_do_not_go_back_in_time(self):
        self.refuses(("write", 1, None, 0, 1), ("write", 2, None, 2, 9), ("read", 2, None, 3, 4),
                     ("read", 1, None, 5, 6))

    def test_a_write_without_an_outcome_may_have_happened_late_or_never(self):
        open_write = ("write", 2, None, 2, math.inf)
        self.accepts(("write", 1, None, 0, 1), open_write, ("read", 1, None, 3, 4))
        self.accepts(("write", 1, None, 0, 1), open_write, ("read", 2, None, 3, 4))
        self.accepts(("write", 1, None, 0, 1), open_write, ("read", 1, None, 3, 4),
                     ("read", 2, None, 30, 40))

    def test_a_write_without_an_outcome_happens_once_at_most(self):
        self.refuses(("write", 2, None, 0, math.inf), ("read", 2, None, 3, 4),
                     ("write", 1, None, 5, 6), ("read", 2, None, 7, 8))

    def test_a_write_without_an_outcome_does_not_happen_before_its_call(self):
        self.refuses(("read", 2, None, 0, 1), ("write", 2, None, 2, math.inf))

    def test_of_two_swaps_of_one_value_one_succeeds(self):
        self.refuses(("write", 1, None, 0, 1), ("swap", 2, 1, 2, 5), ("swap", 3, 1, 2, 5))
        self.accepts(("write", 1, None, 0, 1), ("swap", 2, 1, 2, 5), ("keep", 3, 1, 2, 5))

    def test_a_swap_is_refused_only_for_a_reason(self):
        self.refuses(("write", 1, None, 0, 1), ("keep", 2, 1, 2, 3))
        self.accepts(("write", 1, None, 0, 1), ("keep", 2, 1, 2, 3),
                     ("write", 5, None, 2, math.inf))

    def test_which_of_two_writes_without_an_outcome_explained_something_stays_open(self):
        for late in (2, 3):
            self.accepts(("write", 1, None, 0, 1), ("write", 2, None, 2, math.inf),
                         ("write", 3, None, 2, math.inf), ("keep", 9, 1, 3, 4),
                         ("write", 4, None, 5, 6), ("read", late, None, 7, 8))
        self.refuses(("write", 1, None, 0, 1), ("write", 2, None, 2, math.inf),
                     ("keep", 9, 1, 3, 4), ("write", 4, None, 5, 6), ("read", 2, None, 7, 8))

    def test_a_write_that_has_not_returned_yet_happens_once(self):
        self.refuses(("write", 1, None, 0, 20), ("write", 2, None, 0, 20), ("read", 1, None, 1, 2),
                     ("read", 2, None, 3, 4), ("read", 1, None, 5, 6))

    def test_a_deleted_register_is_absent(self):
        self.accepts(("write", 1, None, 0, 1), ("write", ABSENT, None, 2, 3),
                     ("swap", 4, ABSENT, 4, 5), ("read", 4, None, 6, 7))

    def test_the_operation_that_nothing_explains_is_named(self):
        told = check(history(("write", 1, None, 0, 1), ("write", 2, None, 2, 3),
                             ("read", 1, None, 4, 5)))
        self.assertIn("no order explains: [4 .. 5] c2 read 1", told)
        self.assertIn("could only hold: a value that nobody saw", told)

    def test_it_judges_as_trying_every_order_does(self):
        dice = random.Random(7)
        verdicts = {True: 0, False: 0}
        for _ in range(4000):
            operations = random_history(dice, dice.randrange(2, 6))
            right = brute_force(operations)
            verdicts[right] += 1
            self.assertEqual(check(operations) is None, right, operations)
        self.assertGreater(min(verdicts.values()), 400, verdicts)

    def test_histories_of_a_real_register_are_accepted_and_one_wrong_answer_is_not(self):
        found = 0
        for seed in range(60):
            dice = random.Random(seed)
            operations = Register(dice, clients=5, operations=120).made
            self.assertIsNone(check(operations), seed)
            reads = [one for one in operations
                     if one.kind == "read" and not math.isinf(one.returned)]
            wrong = dice.choice(reads)
            # As old as can be: what was there long before.
            older = [one for one in reads if one.returned < wrong.called and
                     one.value != wrong.value]
            if not older:
                continue
            operations[operations.index(wrong)] = wrong._replace(value=older[0].value)
            found += check(operations) is not None
        self.assertGreater(found, 30)

    def test_writes_without_an_outcome_that_nobody_saw_are_alike(self):
        rounds = 24
        rows = [("write", f"lost {number}", None, 0, math.inf) for number in range(rounds)]
        for number in range(rounds):  # each refusal takes one of them: which, nobody can tell
            rows += [("write", number, None, 10 * number + 1, 10 * number + 2),
                     ("read", number, None, 10 * number + 3, 10 * number + 4),
                     ("keep", None, number, 10 * number + 5, 10 * number + 6)]
        self.accepts(*rows)
        self.refuses(*rows[1:])  # one less than there are refusals

    def test_a_long_history_with_many_unknown_outcomes_is_decided(self):
        self.assertIsNone(check(Register(random.Random(1), clients=8, operations=3000,
                                         lost=0.3).made))


if __name__ == "__main__":
    unittest.main()
