"""Index the standard library of this Python, then try hard to catch dictsqlite lying.

    python index_stdlib.py [--path DIR]

Every module becomes one entry: its dotted name -> a nested dict with its text, functions, classes and
imports. The entries are read back after reopening, scanned, and changed. Then a second process writes to
the same file while this one reads (no read may be stale), and a third is killed while it writes (what it
had acknowledged must survive, but for the few writes its mode may lose). Leaves 1 if anything is wrong.
"""

import argparse
import ast
import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import time
import tokenize
import warnings

import dictsqlite

SKIPPED_DIRS = {"site-packages", "dist-packages", "__pycache__"}
ROUNDS = 500
BUFFER_SIZE = 100  # the default: `writethrough` may lose at most one write less
KILL_AFTER = 5_250


class Wrong(Exception):
    """dictsqlite did not keep a promise."""


def check(holds, message):
    if not holds:
        raise Wrong(message)


def progress(items, label):
    """A bar on a terminal; elsewhere, or without tqdm, a line."""
    if sys.stderr.isatty():
        try:
            from tqdm import tqdm
        except ImportError:
            pass
        else:
            return tqdm(items, desc=label, unit=" modules", leave=False)
    print(f"{label}: {len(items)} modules", flush=True)
    return items


class Report:
    """The table printed at the end."""

    def __init__(self):
        self.rows = []

    def add(self, what, count, seconds, note=""):
        rate = f"{count / seconds:,.0f}" if seconds else "-"
        self.rows.append((what, f"{count:,}", f"{seconds:.3f}", rate, note))

    def print(self):
        rows = [("what", "count", "seconds", "op/s", ""), *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        print()
        for what, *numbers, note in rows:
            cells = [text.rjust(width) for text, width in zip(numbers, widths[1:])]
            print("  ".join([what.ljust(widths[0]), *cells, note]).rstrip())


# --- The index


def module_files():
    """(dotted name, file) of every module of the standard library that is written in Python."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_DIRS and name.isidentifier()]
        for name in files:
            stem, extension = os.path.splitext(name)
            if extension == ".py" and stem.isidentifier():
                file = pathlib.Path(folder, name)
                parts = file.relative_to(root).with_suffix("").parts
                dotted = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                if dotted:
                    found.append((dotted, file))
    return sorted(found)


def describe(file):
    """What a module is made of; None if it is not text (Python's own tests bring such files)."""
    try:
        with tokenize.open(file) as source:
            text = source.read()
    except (SyntaxError, UnicodeError):
        return None
    entry = {"path": str(file), "text": text, "size": len(text), "functions": [], "classes": [], "imports": []}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {**entry, "error": str(error)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = [a.arg for a in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
            entry["functions"].append({"name": node.name, "line": node.lineno, "args": arguments})
        elif isinstance(node, ast.ClassDef):
            entry["classes"].append(node.name)
        elif isinstance(node, ast.Import):
            entry["imports"].extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            entry["imports"].append("." * node.level + (node.module or ""))
    return entry


def index(path, report):
    """Fills the store; gives what should be in it."""
    expected, writing = {}, 0.0
    started = time.perf_counter()
    with dictsqlite.open(path) as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about old code in Python's own tests
        for name, file in progress(module_files(), "indexing"):
            entry = describe(file)
            if entry is None:
                continue
            expected[name] = entry
            before = time.perf_counter()
            store[name] = entry
            writing += time.perf_counter() - before
        before = time.perf_counter()
        store.flush()
        writing += time.perf_counter() - before
    check(len(expected) > 100, f"only {len(expected)} modules in {sysconfig.get_path('stdlib')}")
    megabytes = sum(entry["size"] for entry in expected.values()) / 1e6
    parsing = time.perf_counter() - started - writing
    report.add("write, flush", len(expected), writing, f"{megabytes:.1f} MB of text, {parsing:.1f} s to parse it")
    return expected


# --- One process


def look_up(store, names, expected, report, label):
    started = time.perf_counter()
    found = [store[name] for name in names]
    report.add(label, len(names), time.perf_counter() - started)
    for name, entry in zip(names, found):
        check(entry == expected[name], f"{label}: {name} came back different")


def scan(store, expected, report):
    started = time.perf_counter()
    found = list(store.items(prefix="asyncio."))
    report.add('scan prefix="asyncio."', len(found), time.perf_counter() - started)
    wanted = sorted(name for name in expected if name.startswith("asyncio."))
    check([name for name, _ in found] == wanted, "the scan gave other keys, or in another order")
    check(all(entry == expected[name] for name, entry in found), "the scan gave other values")


def update(store, expected, report):
    names = sorted(expected)[::10]
    started = time.perf_counter()
    for name in names:
        entry = store[name]
        entry["reviewed"] = {"by": "index_stdlib", "functions": len(entry["functions"])}
        store[name] = entry
        expected[name] = entry
    store.flush()
    report.add("read, change, write", len(names), time.perf_counter() - started)
    check(all(store[name] == expected[name] for name in names), "an update was lost")


def reopen(path, expected, report):
    names = sorted(expected)
    with dictsqlite.open(path) as store:
        look_up(store, names, expected, report, "get, cold")
        few = names[:200]
        for name in few:
            store[name]
        look_up(store, few * 20, expected, report, "get, hot")
        scan(store, expected, report)
        update(store, expected, report)
    with dictsqlite.open(path) as store:
        look_up(store, names, expected, report, "get after update, cold")


# --- Two processes


def start_child(role, *arguments):
    command = [sys.executable, os.path.abspath(__file__), "--child", role, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def ping_pong(path, report):
    """Each side commits and tells the other, which must see it with its very next read."""
    stale = 0
    with dictsqlite.open(path) as store:
        store["pong"] = {"round": 0}
        store.flush()
        child = start_child("partner", path)
        try:
            check(child.stdout.readline() == b"ready\n", "the second process did not start")
            started = time.perf_counter()
            for number in range(1, ROUNDS + 1):
                child.stdin.write(b"%d\n" % number)
                child.stdin.flush()
                answer = child.stdout.readline().split()
                check(len(answer) == 2, f"the second process ended in round {number}")
                stale += store.get("ping") != {"round": number}
                stale += int(answer[1]) != number - 1
                store["pong"] = {"round": number}
                store.flush()
            seconds = time.perf_counter() - started
            child.stdin.close()
            check(child.wait(timeout=30) == 0, "the second process failed")
        finally:
            child.kill()
            child.wait()
        del store["ping"], store["pong"]
    report.add("ping-pong, 2 processes", ROUNDS, seconds, f"{stale} stale reads of {2 * ROUNDS}")
    check(stale == 0, f"{stale} stale reads")


def partner(path):
    """The second process: answers every number with a committed write, and says what it last read."""
    with dictsqlite.open(path) as store:
        say("ready")
        for line in sys.stdin.buffer:
            seen = store["pong"]["round"]
            store["ping"] = {"round": int(line)}
            store.flush()
            say(f"{int(line)} {seen}")


# --- A process that is killed


def survive_a_kill(path, report):
    run = f"{os.getpid()}-{time.time_ns()}"  # a kept file may hold an earlier run's
    child = start_child("victim", path, run)
    acknowledged = 0
    started = time.perf_counter()
    try:
        while acknowledged < KILL_AFTER:
            check(child.stdout.readline().endswith(b"\n"), "the writer ended before it was killed")
            acknowledged += 1
        seconds = time.perf_counter() - started
    finally:
        child.kill()  # SIGKILL: nothing of the process runs any more
    acknowledged += child.stdout.read().count(b"\n")  # said before it died
    child.wait()

    with dictsqlite.open(path) as store:
        survivors = [name for name, _ in store.items(prefix=f"ack/{run}/")]
        check(
            survivors == [ack(run, number) for number in range(len(survivors))],
            "the survivors are no prefix of what was acknowledged",
        )
        for name in survivors:
            del store[name]
    lost = max(0, acknowledged - len(survivors))
    note = f"acknowledged {acknowledged:,}, survived {len(survivors):,} as a prefix, lost {lost}"
    report.add("kill -9 a writer", acknowledged, seconds, note)
    check(lost < BUFFER_SIZE, f"{lost} acknowledged writes lost, at most {BUFFER_SIZE - 1} may be")
    # The last one may have been accepted without there being time to say so.
    check(len(survivors) <= acknowledged + 1, "more survived than was ever written")


def ack(run, number):
    return f"ack/{run}/{number:09}"


def victim(path, run):
    """The third process: writes for ever and says so after each write."""
    store = dictsqlite.open(path, persist_mode="writethrough", buffer_size=BUFFER_SIZE)
    number = 0
    while True:
        name = ack(run, number)
        store[name] = {"number": number}
        say(name)
        number += 1


def say(text):
    os.write(1, text.encode() + b"\n")


def demonstrate(folder):
    path = os.path.join(folder, "stdlib.db")
    report = Report()
    try:
        expected = index(path, report)
        reopen(path, expected, report)
        ping_pong(path, report)
        survive_a_kill(path, report)
        with dictsqlite.open(path) as store:
            look_up(store, sorted(expected), expected, report, "get after the kill, cold")
    except Wrong as wrong:
        report.print()
        print(f"\nWRONG: {wrong}")
        return 1
    report.print()
    size = os.path.getsize(path) / 1e6
    print(f"\nAll promises kept: nothing stale, nothing lost beyond the bound. {size:.1f} MB in the file.")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--path", metavar="DIR", help="keep the store in DIR (default: a temporary directory)")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        role, *arguments = options.child
        {"partner": partner, "victim": victim}[role](*arguments)
        return 0
    print(f"dictsqlite demo on Python {sys.version.split()[0]}", flush=True)
    if options.path:
        os.makedirs(options.path, exist_ok=True)
        return demonstrate(options.path)
    with tempfile.TemporaryDirectory(prefix="dictsqlite-demo-") as folder:
        return demonstrate(folder)


if __name__ == "__main__":
    sys.exit(main())
