"""The name under which earlier releases were imported; everything is in :mod:`dictsqlite`."""

from dictsqlite import *  # noqa: F403
from dictsqlite import __all__ as __all__
from dictsqlite import __version__ as __version__
