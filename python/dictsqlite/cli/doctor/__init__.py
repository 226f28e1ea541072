"""``doctor``: says in words what is wrong with a file, and what to do about it. Changes nothing.

``place`` looks at the path and what it is on, ``header`` reads the first bytes of the file and of its
log, ``inside`` asks the engine, ``locks`` sees who holds what, ``command`` prints.
"""

from __future__ import annotations

from .command import doctor, examined
from .finding import Finding

__all__ = ["Finding", "doctor", "examined"]
