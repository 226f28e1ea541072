"""Moves money between accounts until it is killed: transfers.py PATH MODE SEED [TIMES].

Prints "open", then a line for every transfer that was committed. The sum of all balances never changes.
"""

import os
import random
import sys

import dictsqlite

path, mode, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
times = int(sys.argv[4]) if len(sys.argv) > 4 else sys.maxsize
dice = random.Random(seed)
db = dictsqlite.open(path, persist_mode=mode)
print("open", flush=True)


def transfer(tx):
    names = sorted(tx.keys(prefix="account:"))
    giver, taker = dice.sample(names, 2)
    amount = min(tx[giver], dice.randint(1, 30))
    tx[giver] -= amount
    tx[taker] += amount
    tx.table("ledger").incr(f"by {seed}")


for _ in range(times):
    db.run_transaction(transfer, retries=5)
    os.write(1, b"moved\n")
db.close()
