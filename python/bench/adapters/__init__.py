"""One module a peer; each gives the peer's own API the shape that the workloads use."""

import importlib


def load(where):
    """The class named ``module:Class`` of this package; its package must be installed."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
