"""What was measured, and the looks one can take at it."""

from typing import NamedTuple, Optional

import arithmetic


class Result(NamedTuple):
    workload: str
    contender: str
    #: Entries or operations, as the workload says.
    n: int
    #: Seconds an operation, one a round.
    rounds: list
    #: Why there are no rounds.
    absent: Optional[str] = None
    error: Optional[str] = None

    @property
    def median(self):
        return arithmetic.median(self.rounds)


class Results:
    """By workload and contender, in the order in which they were measured."""

    def __init__(self, results=()):
        self._all = {(r.workload, r.contender): r for r in results}

    def add(self, result):
        self._all[result.workload, result.contender] = result

    def get(self, workload, contender):
        """The result, or ``None`` if it was not measured."""
        return self._all.get((workload, contender))

    def seconds(self, workload, contender):
        """The median of seconds an operation, or ``None``."""
        result = self.get(workload, contender)
        return result.median if result else None

    def of(self, workload):
        """All results of a workload."""
        return [r for r in self._all.values() if r.workload == workload]

    def workloads(self):
        """The names of the workloads, in order."""
        return list(dict.fromkeys(name for name, _ in self._all))

    def errors(self):
        """The results that are errors."""
        return [r for r in self._all.values() if r.error]

    def to_json(self):
        """Plain data."""
        return [{**r._asdict(), "median": r.median} for r in self._all.values()]

    @classmethod
    def from_json(cls, rows):
        """The same from plain data."""
        fields = Result._fields
        return cls(Result(**{name: row.get(name) for name in fields}) for row in rows)
