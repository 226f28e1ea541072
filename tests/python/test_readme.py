"""Every Python example of the README and the docs runs, in the order of its page, in a directory of its own."""

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


def examples():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        if page.exists():
            for line, code in blocks(page.read_text(encoding="utf-8")):
                yield pytest.param(page, line, code, id=f"{page.name}:{line}")


@pytest.mark.parametrize("page, line, code", list(examples()))
def test_an_example_runs(tmp_path, page, line, code):
    # Blank lines before it make a traceback point into the page.
    program = tmp_path / page.name
    program.write_text("\n" * (line - 1) + code, encoding="utf-8")
    folder = tmp_path / "work"
    folder.mkdir()
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, str(program)], cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{page.name}, line {line}:\n{done.stderr}"
    assert done.stderr == ""


def test_blocks_are_found_with_their_lines():
    text = "a\n```python\nx = 1\n\ny = 2\n```\n- item\n  ```python\n  if x:\n      pass\n  ```\n```\nno\n```\n"
    assert list(blocks(text)) == [(3, "x = 1\n\ny = 2\n"), (9, "if x:\n    pass\n")]
