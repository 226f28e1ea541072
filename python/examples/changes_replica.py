"""A store that follows another one, and is equal to it when it has come to the end.

    python changes_replica.py source.db replica.db

How far it has come is an entry of the replica, written in the same batch as what it did: so either of the two
may be killed and started again. A replica that is new, or has been away for so long that changes were removed
from the log, begins with all that is there.
"""

import sys
import time

import dictsqlite

#: Where the replica keeps how far it has come. No key of the source is this one.
POSITION = ("replica", "position")


def copy(source, replica):
    """Makes the replica what the source is now."""
    position = source.changes().position
    there = dict(source.items())
    replica.batch_delete([key for key in replica if key not in there and key != POSITION])
    replica.batch_set({**there, POSITION: position})


def ttl_of(change):
    """How long the entry still lives, in seconds; infinity for ever."""
    return float("inf") if change.expires_at is None else max(change.expires_at - time.time(), 0.001)


def apply(replica, page, position):
    """Does what a page of changes did, as one unit."""
    latest = {change.key: change for change in page}
    written = {change.key: change.new for change in latest.values() if change.kind in ("insert", "update")}
    # Deletions may be done twice; so they come first, and the position with the rest.
    replica.batch_delete([key for key in latest if key not in written])
    replica.batch_set({**written, POSITION: position})
    for change in latest.values():
        if change.expires_at is not None:
            replica.expire(change.key, ttl_of(change))


def follow(source, replica, timeout=None):
    """Follows the source until nothing came for `timeout` seconds."""
    if POSITION not in replica:
        copy(source, replica)
    while True:
        try:
            changes = source.changes(since=replica[POSITION], tables=["main"])
            while True:
                page = changes.page(timeout)
                if not page:
                    return
                apply(replica, page, changes.position)
        except dictsqlite.HistoryTruncatedError:
            copy(source, replica)


if __name__ == "__main__":
    with dictsqlite.open(sys.argv[1], storage_mode="json", changes=True) as source:
        with dictsqlite.open(sys.argv[2], storage_mode="json") as replica:
            print("following", flush=True)
            follow(source, replica, timeout=float(sys.argv[3]) if len(sys.argv) > 3 else None)
