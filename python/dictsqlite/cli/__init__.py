"""The ``dictsqlite`` command; ``docs/cli.md`` describes it.

``main`` parses and runs, ``parser`` has the arguments, and each of the others a group of commands or
a thing they share: ``keys`` and ``values`` as text and back, ``output`` and ``progress`` for who
looks on, ``files`` for opening.
"""

from __future__ import annotations

from .main import main, program

__all__ = ["main", "program"]
