"""Measures every contender in every workload, a round of each after the other, and compares medians.

Started by ``cargo xtask bench``, which makes the virtual environments and says where their Pythons are.
"""

import argparse
import os
import shutil
import sys

import arithmetic
import report
import runners
from contenders import CONTENDERS, PEERS
from results import Result, Results
from workloads import WORKLOADS, takes


def arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--without", action="append", default=[], metavar="NAME=WHY")
    parser.add_argument("--folder", required=True, help="emptied first, and removed at the end")
    parser.add_argument("--json", required=True, metavar="FILE")
    parser.add_argument("--only", default="", metavar="WORKLOAD,...")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args(argv)
    options.peers = dict(named(pair, PEERS, "peer") for pair in options.peer)
    options.absent = dict(named(pair, PEERS, "peer") for pair in options.without)
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.workloads = chosen(options)
    return options


def named(pair, known, what):
    """``(name, rest)`` of ``name=rest``."""
    name, equals, rest = pair.partition("=")
    if not equals or name not in known:
        raise SystemExit(f"no {what} {name!r}; there are: {', '.join(known)}")
    return name, rest


def chosen(options):
    """The workloads asked for: by name or family, else all that the kind of run has."""
    wanted = [name for name in options.only.split(",") if name]
    known = {w.name for w in WORKLOADS} | {w.family for w in WORKLOADS}
    for name in wanted:
        if name not in known:
            names = ", ".join(w.name for w in WORKLOADS)
            raise SystemExit(f"no workload {name!r}; there are: {names}")
    if wanted:
        picked = [w for w in WORKLOADS if w.name in wanted or w.family in wanted]
        return [w for w in picked if w.name in wanted or options.full or not w.full]
    return [
        w for w in WORKLOADS if (options.full or not w.full) and (w.quick or not options.quick)
    ]


def measure(workload, options, processes, results):
    """All rounds of one workload."""
    n = workload.size.quick if options.quick else workload.size.normal
    fields = [c for c in CONTENDERS if c.peer in processes and takes(workload, c)]
    found = {c.name: Result(workload.name, c.name, n, []) for c in fields}
    for round in range(options.rounds):
        for contender in arithmetic.rotated(fields, round):
            so_far = found[contender.name]
            if so_far.absent or so_far.error:
                continue
            if not options.quick and hasattr(os, "sync"):
                # Nobody pays for what the one before left to be written.
                os.sync()
            told = {
                "contender": contender.name,
                "workload": workload.name,
                "n": n,
                "round": round,
                "folder": options.folder,
                "least": 0.05 if options.quick else 0.2,
            }
            said = processes[contender.peer].ask(told)
            if "seconds" in said:
                so_far.rounds.append(arithmetic.each(said["seconds"], said["operations"]))
                so_far = so_far._replace(n=said["n"])
            else:
                so_far = so_far._replace(
                    rounds=[], absent=said.get("absent"), error=said.get("error")
                )
            found[contender.name] = so_far
    for result in found.values():
        results.add(result)


def main(argv):
    options = arguments(argv)
    shutil.rmtree(options.folder, ignore_errors=True)
    os.makedirs(options.folder)
    log = os.path.join(os.path.dirname(os.path.abspath(options.folder)), "bench.log")
    open(log, "w").close()
    processes = {name: runners.Runner(exe, log) for name, exe in options.peers.items()}
    results, versions, absent = Results(), {}, dict(options.absent)
    settings = {"rounds": options.rounds, "quick": options.quick, "full": options.full}
    try:
        for name in list(processes):
            said = processes[name].ask({"versions": name}, limit=60)
            if "versions" in said:
                versions[name] = ", ".join(said["versions"])
            else:
                absent[name] = said["error"]
                del processes[name]
        for name in PEERS:
            if name in versions or name in absent:
                print(f"  {name}: {versions.get(name) or 'absent: ' + absent[name]}")
        print(f"  {options.rounds} rounds, interleaved; the medians of seconds an operation\n")
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        for workload in options.workloads:
            measure(workload, options, processes, results)
            report.say([*report.of_workload(workload, results), ""])
            # Whoever breaks off keeps what was measured.
            report.write(options.json, results, settings, versions, absent)
    finally:
        for runner in processes.values():
            runner.stop()
        shutil.rmtree(options.folder, ignore_errors=True)
    report.say(report.summary(results, f"{load:.1f}" if load > 1 else ""))
    ours = [r for r in results.errors() if r.contender in _ours()]
    return 1 if ours else 0


def _ours():
    return {c.name for c in CONTENDERS if c.peer == "dictsqlite"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
