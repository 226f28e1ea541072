"""What is measured. A workload gives the operations it did and the seconds they took."""

from . import reading, shared, tasks, writing
from .base import Absent, Context, Size, Workload, Wrong

__all__ = ["WORKLOADS", "Absent", "Context", "Size", "Workload", "Wrong", "named", "takes"]

#: In the order in which they run.
WORKLOADS = (
    *reading.HOT,
    *writing.WORKLOADS,
    *reading.COLD,
    *shared.WORKLOADS,
    *tasks.WORKLOADS,
)


def named(name):
    """The workload of that name."""
    return next(workload for workload in WORKLOADS if workload.name == name)


def takes(workload, contender):
    """Whether the contender takes part in the workload."""
    if contender.only is not None:
        return workload.family in contender.only
    if workload.family in contender.also:
        return True
    if workload.commits is None:
        return contender.reads
    return contender.commits in workload.commits
