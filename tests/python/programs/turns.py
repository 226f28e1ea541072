"""The other player of `test_processes.test_turns`: turns.py PATH MODE SEED TURNS FIRST.

Both players know the script. In each turn one of them writes, makes sure that it is committed and hands over
with a byte; then the other one checks keys it has in its cache, or has not, and writes in its turn.
"""

import os
import random
import sys

import dictsqlite
from script import CONDITIONAL, perform, replay, script

#: Keys looked at before every turn; some all the time, so that they are cached.
LOOKS = 6


def look(db, model, rnd, turn):
    for key in [*(str(rnd.randrange(40)) for _ in range(LOOKS)), "0", "1", "counter"]:
        expected = model.get(key)
        found = db.get(key)
        assert found == expected, f"turn {turn}: {key} is {found!r}, not {expected!r}"
        assert (key in db) == (key in model), f"turn {turn}: {key} in"
    if turn % 4 < 2:
        assert len(db) == len(model), f"turn {turn}: len is {len(db)}, not {len(model)}"
    if turn % 16 < 2:
        keys = [str(n) for n in range(40)]
        assert db.batch_get(keys) == [model.get(key) for key in keys], f"turn {turn}: batch_get"
    if turn % 64 < 2:
        assert list(db.items()) == list(model.items()), f"turn {turn}: items"


def play(db, seed, turns, mine, receive, hand_over):
    """Plays every turn whose number is `mine` modulo 2."""
    model, rnd = {}, random.Random(seed + mine)
    operations = script(seed, keys=40)
    for turn in range(turns):
        operation = next(operations)
        if turn % 2 == mine:
            if turn:
                receive(turn)
            look(db, model, rnd, turn)
            answer = perform(db, operation)
            expected = replay(model, operation)
            assert operation[0] not in CONDITIONAL or answer == expected, f"turn {turn}: {operation} gave {answer!r}"
            if db.persist_mode == "lazy" and operation[0] not in CONDITIONAL - {"setdefault"}:
                if rnd.random() < 0.5:
                    # Its own pending write is what it reads itself.
                    look(db, model, rnd, turn)
                db.flush()
            hand_over(turn)
        else:
            replay(model, operation)


def main():
    path, mode, seed, turns = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

    def receive(turn):
        assert os.read(0, 1), f"turn {turn}: the other player is gone"

    with dictsqlite.open(path, persist_mode=mode, buffer_size=1, flush_interval=30) as db:
        play(db, seed, turns, 1, receive, lambda turn: os.write(1, b"."))


if __name__ == "__main__":
    main()
