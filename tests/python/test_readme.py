"""Every Python example of the README and the docs runs: a page from top to bottom in one folder, then again in the
same one, then in a folder where other pages' examples have run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def blocks(text):
    """The code of each ```python block with the number of its first line."""
    for found in FENCE.finditer(text):
        indent = len(found[1])
        code = "".join(line[indent:] if line.strip() else "\n" for line in found[2].splitlines(keepends=True))
        yield text.count("\n", 0, found.start(2)) + 1, code


PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if FENCE.search(page.read_text(encoding="utf-8"))
]

#: Each example is a program: a `__main__` of its own. Blank lines before it make a traceback point into the page.
RUN = r"""
import json, sys, types
page, examples = json.load(sys.stdin)
for line, code in examples:
    program = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile("\n" * (line - 1) + code, page, "exec"), vars(program))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder in which the examples of all pages run, one page after the other."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(tmp_path, shared, page):
    examples = list(blocks(page.read_text(encoding="utf-8")))
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    for run, folder in enumerate((tmp_path, tmp_path, shared), 1):
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            input=json.dumps([str(page), examples]),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, f"{page.name}, run {run}:\n{done.stderr}"
        assert done.stderr == ""


def test_blocks_are_found_with_their_lines():
    text = "a\n```python\nx = 1\n\ny = 2\n```\n- item\n  ```python\n  if x:\n      pass\n  ```\n```\nno\n```\n"
    assert list(blocks(text)) == [(3, "x = 1\n\ny = 2\n"), (9, "if x:\n    pass\n")]
