"""A finding."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Finding", "note", "problem"]


class Finding(NamedTuple):
    """One thing that was found."""

    #: ``problem``, or ``note`` for what is good to know and nothing to worry about.
    severity: str
    #: A stable name.
    name: str
    #: What is so.
    what: str
    #: What to do about it.
    advice: str


def problem(name: str, what: str, advice: str) -> Finding:
    """Something to be put right."""
    return Finding("problem", name, what, advice)


def note(name: str, what: str, advice: str) -> Finding:
    """Something to know."""
    return Finding("note", name, what, advice)
