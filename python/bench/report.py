"""What is printed, and what is written as JSON."""

import json
import os
import platform
import sys

import arithmetic
import bars
import workloads


def machine():
    """What it ran on, as far as figures depend on it."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor():
    try:
        with open("/proc/cpuinfo") as cpuinfo:
            for line in cpuinfo:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def of_workload(workload, results):
    """The lines of one workload's table."""
    head = ["", "each", "a second", f"/ {workload.baseline}", "spread", "n"]
    baseline = results.seconds(workload.name, workload.baseline)
    rows = []
    for result in results.of(workload.name):
        if result.error or result.absent:
            said = (result.error or "-").partition(":")[0]
            said = said if said in ("-", "wrong") else "error"
            rows.append([result.contender, said, "", "", "", ""])
            continue
        rows.append(
            [
                result.contender,
                arithmetic.time(result.median),
                arithmetic.rate(result.median),
                arithmetic.times(arithmetic.ratio(result.median, baseline)),
                f"{100 * arithmetic.spread(result.rounds):.0f} %",
                f"{result.n:,}",
            ]
        )
    return [f"{workload.name}: {workload.title}", *arithmetic.table(head, rows)]


def of_bars(results):
    """The table of what we want to reach."""
    said = {True: "met", False: "NOT MET", None: "-"}
    rows = [[r["measure"], r["bar"], r["measured"], said[r["met"]]] for r in bars.judged(results)]
    return arithmetic.table(["measure", "bar", "measured", ""], rows)


def of_claims(results):
    """What the earlier releases said of themselves, and what is."""
    rows = [list(row.values()) for row in bars.claimed(results)]
    return arithmetic.table(["claim of the earlier releases", "2.1.3 here", "dictsqlite here"], rows)


def summary(results, noisy):
    """All that is printed once everything was measured."""
    lines = ["", *of_claims(results), "", *of_bars(results)]
    for result in results.errors():
        lines.append(f"{result.workload}, {result.contender}: {result.error}")
    if noisy:
        lines.append(f"\nThis machine was busy (load {noisy}): read ratios, and those with care.")
    return lines


def write(path, results, settings, versions, absent):
    """Everything, as JSON."""
    whole = {
        "machine": machine(),
        "settings": settings,
        "versions": versions,
        "absent": absent,
        "workloads": {
            w.name: {"title": w.title, "baseline": w.baseline}
            for w in workloads.WORKLOADS
            if w.name in results.workloads()
        },
        "results": results.to_json(),
        "bars": bars.judged(results),
        "claims": bars.claimed(results),
    }
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as out:
        json.dump(whole, out, indent=1)
        out.write("\n")


def say(lines):
    """Prints the lines at once."""
    print("\n".join(lines), flush=True)
    sys.stdout.flush()
