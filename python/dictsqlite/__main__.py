"""``python -m dictsqlite``: the same as the ``dictsqlite`` command."""

from __future__ import annotations

from .cli import program

if __name__ == "__main__":
    program()
