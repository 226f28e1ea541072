"""The soak in short: processes, threads, kills, forks, locks and other SQLites at one file, with a checker.

`cargo xtask soak --minutes N` runs it for longer.
"""

import os

import pytest

from processes import run

pytestmark = pytest.mark.once

SECONDS = float(os.environ.get("DICTSQLITE_SOAK", "10"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
@pytest.mark.timeout(SECONDS + 150)
def test_soak(tmp_path):
    print(run("soak.py", tmp_path, SECONDS, 7, timeout=SECONDS + 120))
