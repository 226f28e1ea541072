"""Every value that every entry had, and when: kept in a file of its own.

    python changes_audit.py shop.db audit.db

What was written down so far is known by the audit file itself: each change is an entry under its number. So it
goes on where it was, after a crash as well, and nothing is missing or there twice.
"""

import sys

import dictsqlite


def last(audit):
    """The number of the last change that was written down."""
    return next(iter(audit.keys(order="key", reverse=True, limit=1)), 0)


def follow(source, audit, timeout=None):
    """Writes down what is new, until nothing came for `timeout` seconds."""
    changes = source.changes(since=last(audit))
    while True:
        page = changes.page(timeout)
        if not page:
            return
        # One unit: all of the page survives a crash, or nothing.
        audit.batch_set(
            {
                change.seq: {
                    "at": change.at,
                    "kind": change.kind,
                    "table": change.table,
                    "key": change.key,
                    "old": change.old,
                    "new": change.new,
                }
                for change in page
            }
        )


if __name__ == "__main__":
    with dictsqlite.open(sys.argv[1], storage_mode="json", changes=True) as source:
        with dictsqlite.open(sys.argv[2], storage_mode="json", persist_mode="durable") as audit:
            print("following", flush=True)
            follow(source, audit, timeout=float(sys.argv[3]) if len(sys.argv) > 3 else None)
