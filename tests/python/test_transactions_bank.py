"""Money is moved in transactions by threads and by processes, which are killed and fork; none is lost or made."""

import os
import random
import threading
import time

import pytest

import dictsqlite
from dictsqlite import ClosedError
from processes import PATIENCE, Child
from test_transactions import nothing_left

pytestmark = pytest.mark.once

ACCOUNTS, EACH = 8, 100


def bank(path):
    with dictsqlite.open(path) as db:
        db.update({f"account:{n}": EACH for n in range(ACCOUNTS)})
        db.table("ledger")


def total(path):
    with dictsqlite.open(path) as db, db.transaction(mode="read") as tx:
        return sum(tx.values(prefix="account:")), sum(tx.table("ledger").values())


def test_threads_move_money_and_the_sum_stays(path):
    bank(path)

    def work(seed):
        dice = random.Random(seed)

        def transfer(tx):
            giver, taker = dice.sample(range(ACCOUNTS), 2)
            tx.incr(f"account:{giver}", -5)
            tx.incr(f"account:{taker}", 5)

        for _ in range(40):
            db.run_transaction(transfer)

    with dictsqlite.open(path) as db:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(5)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            with db.transaction(mode="read") as tx:
                assert sum(tx.values(prefix="account:")) == ACCOUNTS * EACH
        for thread in threads:
            thread.join()
        nothing_left(db)
    assert total(path)[0] == ACCOUNTS * EACH


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["lazy", "durable"])
def test_processes_move_money_and_are_killed(path, mode):
    """Whole transfers survive, in their order: the ledger of the same commit says how many."""
    bank(path)
    said = 0
    for round in range(6):
        children = [Child("transfers.py", path, mode, round * 10 + n) for n in range(3)]
        try:
            for child in children:
                assert child.line() == "open"
            until = time.monotonic() + random.Random(round).uniform(0.05, 0.4)
            while time.monotonic() < until:
                for child in children:
                    said += (child.read(0.01) or b"").count(b"moved\n")
        finally:
            for child in children:
                child.process.kill()
                while (more := child.read(PATIENCE)) is not None:
                    said += more.count(b"moved\n")
                child.__exit__()
        money, moved = total(path)
        assert money == ACCOUNTS * EACH
        assert moved >= said
    assert said > 0


def test_several_processes_finish_their_transfers(path):
    bank(path)
    children = [Child("transfers.py", path, "writethrough", n, 25) for n in range(3)]
    for child in children:
        with child:
            assert child.line() == "open"
            for _ in range(25):
                assert child.line() == "moved"
            assert child.process.wait(PATIENCE) == 0
    assert total(path) == (ACCOUNTS * EACH, 75)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("mode", ["concurrent", "immediate"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_fork_has_no_part_in_it(path, mode):
    db = dictsqlite.open(path)
    db["k"] = 1
    with db.transaction(mode=mode, max_hold=60) as tx:
        tx["k"] = 2
        child = os.fork()
        if child == 0:
            status = 1
            try:
                try:
                    tx["k"]
                except ClosedError:
                    status = 2
                del tx
                # The child's own handle works on; the lock is still the parent's.
                if db["k"] == 1:
                    status = 0 if status == 2 else 3
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        tx["other"] = 3
    assert dict(db.items()) == {"k": 2, "other": 3}
    nothing_left(db)
    db.close()
