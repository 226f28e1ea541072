"""Running the `dictsqlite` command as it is installed: with pipes, or on a terminal."""

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import sysconfig
import time

import pytest

PROGRAM = os.path.join(sysconfig.get_path("scripts"), "dictsqlite")
#: More than this a command takes only when it hangs.
PATIENCE = 60.0


def environment(**changes):
    """The environment without what would change how the command looks; `None` takes a name out."""
    names = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    names.update({"TERM": "xterm-256color", **changes})
    return {name: value for name, value in names.items() if value is not None}


def without_rich(tmp_path):
    """An environment in which `rich` cannot be imported."""
    folder = tmp_path / "no-rich"
    (folder / "rich").mkdir(parents=True, exist_ok=True)
    (folder / "rich" / "__init__.py").write_text("raise ImportError('not here')\n")
    return environment(PYTHONPATH=str(folder))


def _restored():
    # A shell without job control starts programs with Ctrl-C ignored, and they inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments, **options):
    """A command under way, with pipes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options.setdefault("env", environment())
    return subprocess.Popen([PROGRAM, *map(os.fspath, arguments)], preexec_fn=_restored, **{**pipes, **options})


def run(*arguments, stdin=b"", **options):
    """The exit code of a command, and what it wrote to stdout and stderr, as bytes."""
    with start(*arguments, **options) as process:
        try:
            out, err = process.communicate(stdin, timeout=PATIENCE)
        except BaseException:
            process.kill()
            raise
    return process.returncode, out, err


def said(*arguments, code=0, **options):
    """What a command printed; it must end with this code, and say something on stderr only if that is not 0."""
    ended, out, err = run(*arguments, **options)
    assert ended == code, (ended, out, err)
    assert (err == b"") == (code == 0), err
    return out


def objects(*arguments, **options):
    """The JSON values that a command printed."""
    return [json.loads(line) for line in said(*arguments, "--json", **options).splitlines()]


def refused(*arguments, code, **options):
    """What a command complained of: it printed nothing else, and no traceback."""
    ended, out, err = run(*arguments, **options)
    assert ended == code, (ended, out, err)
    assert out == b"" and b"Traceback" not in err and err.endswith(b"\n"), (out, err)
    return err.decode()


#: Everything is loaded as root, since somebody else may not be allowed to.
#: What is imported late is imported before, since the interpreter's own files may be its owner's alone.
SOMEBODY = """
import gettext, locale, os, sys
from dictsqlite.cli import main
gettext.translation("none", fallback=True)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


def as_somebody(path, *arguments):
    """The same as `run`, by a user who is not the owner of anything; the way to `path` is opened to all."""
    if os.getuid() != 0:
        pytest.skip("only root can become somebody else")
    for directory in (path.parent.parent, path.parent.parent.parent):
        os.chmod(directory, 0o755)
    command = [sys.executable, "-c", SOMEBODY, *map(os.fspath, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment())
    return done.returncode, done.stdout, done.stderr


def on_terminal(*arguments, **options):
    """The exit code of a command on a terminal, and all that it wrote there."""
    ours, theirs = pty.openpty()
    try:
        options.setdefault("env", environment())
        arguments = [PROGRAM, *map(os.fspath, arguments)]
        process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_restored, **options)
        os.close(theirs)
        theirs = None
        return _everything(process, ours)
    finally:
        os.close(ours)
        if theirs is not None:
            os.close(theirs)


def _everything(process, ours):
    out, ends = b"", time.monotonic() + PATIENCE
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], max(ends - time.monotonic(), 0))
            assert ready, f"it hangs: {out!r}"
            try:
                more = os.read(ours, 1 << 16)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                more = b""
            if not more:
                return process.wait(PATIENCE), out.replace(b"\r\n", b"\n")
            out += more
    finally:
        process.kill()
        process.wait()


def as_module(*arguments, **options):
    """The same as `run`, by `python -m dictsqlite`."""
    command = [sys.executable, "-m", "dictsqlite", *map(os.fspath, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment(), **options)
    return done.returncode, done.stdout, done.stderr
