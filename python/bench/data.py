"""The same keys for every peer, and values that differ between rounds.

SQLite leaves a page alone when an equal value is written again, so a round that repeated the values of the
one before would time next to nothing.
"""

import itertools
import random

VALUE_BYTES = 100


def ascending(n):
    """`user:00000:00`, `user:00000:01` ...: sorted, and a hundred to a prefix."""
    return [f"user:{i // 100:05d}:{i % 100:02d}" for i in range(n)]


def shuffled(n, seed=0):
    """The same keys in an order that looks random and is the same for all."""
    keys = ascending(n)
    random.Random(seed).shuffle(keys)
    return keys


def reordered(keys, seed):
    """The same objects in another order."""
    keys = list(keys)
    random.Random(seed).shuffle(keys)
    return keys


def sample(keys, count, round):
    """Some of the keys in a random order, others each round."""
    return random.Random(1000 + round).sample(keys, min(count, len(keys)))


def prefixes(n, count, round):
    """Prefixes of a hundred entries each."""
    all_of_them = range(n // 100)
    drawn = random.Random(round).sample(all_of_them, min(count, len(all_of_them)))
    return [f"user:{i:05d}:" for i in drawn]


def value(round, salt=0):
    """One value, another each round."""
    return random.Random(f"{round}/{salt}").randbytes(VALUE_BYTES)


def values(n, round, salt=0):
    """A value for each of n keys, no two alike, and none that compresses."""
    size = VALUE_BYTES
    draw = random.Random(f"values/{round}/{salt}")
    out = []
    for start in range(0, n, 10_000):
        count = min(10_000, n - start)
        block = draw.randbytes(count * size)
        out.extend(block[i * size : (i + 1) * size] for i in range(count))
    return out


def pairs(keys, round, salt=0):
    """The keys with a value each."""
    return list(zip(keys, values(len(keys), round, salt)))


def nested(round, i):
    """A small nested dict, as programs keep about a user."""
    return {
        "id": i,
        "name": f"user {i} of {round}",
        "tags": ["a", "b", f"t{i % 7}"],
        "address": {"city": "Kyoto", "zip": f"{i % 1000:03d}-{round:04d}", "geo": [35.0, 135.75]},
        "active": i % 2 == 0,
        "score": i * 0.5,
    }


def mixed(keys, count, round):
    """``(key, writes)``: nine reads to a write, by Zipf's law with exponent 1."""
    draw = random.Random(2000 + round)
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(keys) + 1)))
    drawn = draw.choices(keys, cum_weights=weights, k=count)
    return [(key, draw.random() < 0.1) for key in drawn]
