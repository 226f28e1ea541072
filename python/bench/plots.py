"""Draws the figures of one run: ``plots.py FIGURES.json FOLDER``. Needs matplotlib."""

import json
import os
import sys

import matplotlib
from matplotlib import pyplot

import arithmetic
from results import Results

#: Ours, the earlier line, and all others.
COLOURS = {"dictsqlite": "#1b7f4d", "dictsqlite 2.1.3": "#c2803a", "": "#8d99a6"}
#: A file each: its title and the workloads in it.
BARS = {
    "hot": ("Nanoseconds to microseconds: what memory answers", ("hot_get", "set_burst")),
    "values": ("A small nested dict in the default codec", ("nested_set", "nested_get")),
    "commits": (
        "Writes that are committed as they come",
        ("committed_ascending", "committed_random"),
    ),
    "sustained": (
        "Writes that are committed by flush",
        ("sustained_ascending", "sustained_random"),
    ),
    "reads": ("Reads of a file that was reopened", ("cold_get", "cold_batch_get")),
    "scans": ("Scans of a file that was reopened", ("iterate", "iterate_by_key")),
    "awaits": (
        "asyncio: one await after the other",
        ("async_hot_get", "async_cold_get", "async_set"),
    ),
    "gathers": (
        "asyncio: a thousand together",
        ("async_hot_gather", "async_cold_gather", "async_durable_gather"),
    ),
    "together": ("Threads and synced writes", ("threads", "durable_64")),
}
GROWTH = {"growth_set": "set + flush, random new keys", "growth_get": "cold get, random"}
#: Text stays text, and nothing in the file changes when the figures do not.
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dictsqlite",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def colour(contender):
    """By generation, the longest name first."""
    return next(COLOURS[name] for name in sorted(COLOURS, reverse=True) if contender.startswith(name))


def tick(seconds, _):
    """A power of ten of a second."""
    return arithmetic.time(seconds).replace(".00", "").replace(".0", "")


def bars(axes, results, workload, title):
    """One workload: the fastest on top, on a logarithmic axis."""
    rows = sorted((r for r in results.of(workload) if r.rounds), key=lambda r: r.median, reverse=True)
    seconds = [r.median for r in rows]
    around = [
        [s - min(r.rounds) for s, r in zip(seconds, rows)],
        [max(r.rounds) - s for s, r in zip(seconds, rows)],
    ]
    drawn = axes.barh(
        [r.contender for r in rows],
        seconds,
        xerr=around,
        color=[colour(r.contender) for r in rows],
        error_kw={"elinewidth": 0.8, "ecolor": "#444444"},
    )
    axes.set_xscale("log")
    axes.bar_label(drawn, [f" {arithmetic.time(s)}" for s in seconds], padding=4)
    axes.margins(x=0.25)
    axes.set_title(title, loc="left")
    axes.xaxis.set_major_formatter(tick)


def growth(axes, results, family, title):
    """Time an operation by the number of entries."""
    names = [w for w in results.workloads() if w.startswith(f"{family}_1e")]
    lines = {}
    for name in names:
        for r in results.of(name):
            if r.rounds:
                lines.setdefault(r.contender, []).append((r.n, r.median))
    for contender, points in lines.items():
        points = sorted(dict(points).items())
        if len(points) < 2:
            continue
        ours = colour(contender) != COLOURS[""]
        axes.plot(
            *zip(*points),
            marker="o",
            markersize=3,
            label=contender,
            linewidth=2 if ours else 1,
            color=colour(contender) if ours else None,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("entries")
    axes.yaxis.set_major_formatter(tick)
    axes.set_title(title, loc="left")
    axes.legend(fontsize=7, frameon=False)


def saved(figure, folder, name, below):
    """Writes the file and says so."""
    figure.text(0.01, 0.005, below, fontsize=7, color="#666666")
    path = os.path.join(folder, f"{name}.svg")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    print(f"  {name}.svg")


def main(figures, folder):
    with open(figures) as file:
        run = json.load(file)
    results = Results.from_json(run["results"])
    os.makedirs(folder, exist_ok=True)
    machine, settings = run["machine"], run["settings"]
    below = (
        f"{machine['processor']}, {machine['cores']} cores, CPython {machine['python']}; medians of"
        f" {settings['rounds']} interleaved rounds, thin lines from the fastest to the slowest"
    )
    if settings["quick"]:
        below += "; a quick run"
    matplotlib.use("svg")
    with pyplot.rc_context(STYLE):
        for name, (title, workloads) in BARS.items():
            there = [w for w in workloads if any(r.rounds for r in results.of(w))]
            if not there:
                continue
            tallest = max(len(results.of(w)) for w in there)
            size = (6.2 * len(there), 1.3 + 0.27 * tallest)
            figure, axes = pyplot.subplots(
                1, len(there), figsize=size, squeeze=False, layout="constrained"
            )
            for ax, workload in zip(axes[0], there):
                bars(ax, results, workload, run["workloads"][workload]["title"])
            figure.suptitle(title, fontweight="bold")
            figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))
            saved(figure, folder, name, below)
        sizes = [w.rpartition("_")[0] for w in results.workloads() if w.startswith("growth_")]
        # One size alone shows no growth.
        there = [f for f in GROWTH if sizes.count(f) > 1]
        if there:
            figure, axes = pyplot.subplots(
                1, len(there), figsize=(5.2 * len(there), 3.6), squeeze=False, layout="constrained"
            )
            for ax, family in zip(axes[0], there):
                growth(ax, results, family, GROWTH[family])
            figure.suptitle("As a store grows", fontweight="bold")
            figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))
            saved(figure, folder, "growth", below)


if __name__ == "__main__":
    main(*sys.argv[1:])
