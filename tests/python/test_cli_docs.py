"""What docs/cli.md shows is what the command does: its console blocks run, in the order of the page, in one directory."""

import doctest
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import dictsqlite.cli.exits
from command import PROGRAM, environment

pytestmark = pytest.mark.once

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
FENCE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: `...` stands for what differs from run to run.
CHECK = doctest.OutputChecker().check_output


def steps(text):
    """(number of the line, command, what it says) of each `$ command`."""
    for block in FENCE.finditer(text):
        line = text.count("\n", 0, block.start(1)) + 1
        for part in re.split(r"^\$ ", block[1], flags=re.MULTILINE):
            if part:
                command, _, said = part.partition("\n")
                yield line, command, said
            line += part.count("\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_page_is_true(tmp_path):
    path = os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]
    found = list(steps(PAGE.read_text(encoding="utf-8")))
    assert len(found) > 20
    for line, command, expected in found:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment(PATH=path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, text=True, timeout=100,
        )  # fmt: skip
        assert CHECK(expected, done.stdout, doctest.ELLIPSIS), f"cli.md, line {line}: $ {command}\n{done.stdout}\ninstead of\n{expected}"


def test_the_table_of_exit_codes_is_complete():
    rows = re.findall(r"^\| (\d+) \| `(\w+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    errors = dictsqlite.errors
    kinds = {getattr(errors, name).code: name[:-5] for name in errors.__all__ if name != "DictSQLiteError"}
    assert {int(code): name for code, name in rows} == kinds


def test_steps_are_found_with_their_lines():
    text = "a\n```console\n$ x\n1\n2\n$ y; echo\n```\n```\n$ no\n```\n"
    assert list(steps(text)) == [(3, "x", "1\n2\n"), (6, "y; echo", "")]
