"""Event loops for the tests of asyncio: asyncio's own, and uvloop's where it can be installed."""

import asyncio
import sys

import pytest

try:
    import uvloop
except ImportError:
    uvloop = None

WITHOUT = "uvloop is not installed: it has no wheel for this interpreter"
#: More than this a test takes only when something hangs.
PATIENCE = 60.0

LOOPS = ["asyncio", pytest.param("uvloop", marks=pytest.mark.skipif(uvloop is None, reason=WITHOUT))]
every_loop = pytest.mark.parametrize("kind", LOOPS)

since_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="of CPython 3.11")


def new_loop(kind="asyncio"):
    return uvloop.new_event_loop() if kind == "uvloop" else asyncio.new_event_loop()


def run(coroutine, kind="asyncio"):
    """`asyncio.run` on a loop of this kind; what the loop's exception handler hears is an error."""
    loop = new_loop(kind)
    heard = []
    loop.set_exception_handler(lambda _, context: heard.append(context))
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(asyncio.wait_for(coroutine, PATIENCE))
        left = asyncio.all_tasks(loop)
        assert not left, left
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert not heard, heard
    return result
