"""Running the programs of `programs/` beside a test, and looking into files from outside."""

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
#: More than this a helper takes only when something hangs.
PATIENCE = 60.0


class Child:
    """A program under way: lines or bytes both ways, and it never outlives the `with` block."""

    def __init__(self, program, *arguments):
        command = [sys.executable, "-X", "faulthandler", str(PROGRAMS / program), *map(str, arguments)]
        self.name = program
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, bufsize=0, **pipes)
        self._errors = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._rest = b""

    def _listen(self):
        # Read all along: a full pipe would stop the child.
        for line in iter(self.process.stderr.readline, b""):
            self._errors.append(line)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()
        self._listener.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def send(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    def read(self, timeout):
        """Some bytes of its output; nothing when the time is up, None at the end."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(timeout, 0))
        if not ready:
            return b""
        return os.read(self.process.stdout.fileno(), 1 << 16) or None

    def line(self, timeout=PATIENCE):
        """The next line of its output."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self._rest:
            more = self.read(deadline - time.monotonic())
            assert more, f"{self.name} said nothing more: {self.errors()}"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def ask(self, line):
        self.send(line)
        return self.line()

    def errors(self):
        """What it has said on stderr; all of it once it has ended."""
        if self.process.poll() is not None:
            self._listener.join()
        return b"".join(self._errors).decode()

    def finish(self, timeout=PATIENCE):
        """Waits for a good end and gives the rest of its output."""
        self.process.stdin.close()
        out = [self._rest]
        deadline = time.monotonic() + timeout
        while True:
            more = self.read(deadline - time.monotonic())
            if more is None:
                break
            assert more, f"{self.name} does not end: {self.errors()}"
            out.append(more)
        code = self.process.wait(timeout)
        assert code == 0, f"{self.name} ended with {code}: {self.errors()}"
        return b"".join(out).decode()


def finish_all(children, timeout=PATIENCE):
    """Waits for all; when one fails, tells of every one that did."""
    outputs, failures = [], []
    for child in children:
        try:
            outputs.append(child.finish(timeout))
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)
    return outputs


def run(program, *arguments, timeout=PATIENCE):
    """Runs a program to its end and gives its output."""
    with Child(program, *arguments) as child:
        return child.finish(timeout)


def dump(path, table="main"):
    """The items of a table as another process sees them."""
    return {key: value for key, value in json.loads(run("dump.py", path, table))}


class Inspector:
    """A process that checks the integrity of closed files."""

    def __init__(self):
        self.child = Child("inspect_file.py")

    def check(self, path):
        said = self.child.ask(str(path))
        assert said == "ok", f"integrity_check of {path}: {said}"
