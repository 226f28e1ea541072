"""Memory stays within what was asked for, and opening takes no longer for being large.

DICTSQLITE_MEMORY=5 makes ten million lazy sets of the two.
"""

import os
import sys

import pytest

from processes import run

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status"),
]
MORE = int(os.environ.get("DICTSQLITE_MEMORY", "1"))
MILLION = 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "million.db"
    run("memory.py", "make", path, MILLION)
    return path


@pytest.mark.timeout(180)
def test_a_million_entries_read_at_random(large):
    """Through a cache of 32 MiB: connections, page caches and all stay below 150 MiB, from four threads at once."""
    now, most = map(float, run("memory.py", "read", large, MILLION, timeout=120).split())
    print(f"{now:.0f} MiB, at most {most:.0f}")
    assert most < 150


@pytest.mark.timeout(120 + 60 * MORE)
def test_millions_of_lazy_sets(tmp_path):
    """The writer is slower than the setter: what waits is bounded by the memtable's 64 MiB, whatever is set."""
    count = 2 * MILLION * MORE
    most, pending = map(float, run("memory.py", "set", tmp_path / "set.db", count, timeout=90 + 60 * MORE).split())
    print(f"at most {most:.0f} MiB, {pending:.0f} MiB pending")
    assert pending <= 65
    # The memtable with what its maps take beside keys and values, SQLite's pages of a transaction, the cache.
    assert most < 64 * 2 + 64 + 32 + 60


def test_opening_does_not_depend_on_size(tmp_path, large):
    small = tmp_path / "small.db"
    run("memory.py", "make", small, 10)
    quick, slow = (float(run("memory.py", "open", path, 1)) for path in (small, large))
    print(f"{quick * 1000:.1f} and {slow * 1000:.1f} ms")
    # Counting the rows would take 6 ms more, looking at each of them 45.
    assert slow < 3 * quick + 0.002
