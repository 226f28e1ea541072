"""The benchmark's arithmetic: a figure that is computed wrong is worse than none."""

import asyncio
import importlib
import json
import pathlib
import sys
import time

import pytest

pytestmark = pytest.mark.once

BENCH = pathlib.Path(__file__).parents[2] / "python" / "bench"
MODULES = ("arithmetic", "loops", "data", "contenders", "workloads", "results", "bars", "report", "drive")


@pytest.fixture(scope="module")
def bench():
    """Its modules, as its own programs import them; gone from `sys` afterwards."""
    # The tests have a module of that name too.
    ours = sys.modules.pop("loops", None)
    before = set(sys.modules)
    sys.path.insert(0, str(BENCH))
    try:
        yield type("Bench", (), {name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(BENCH))
        for name in set(sys.modules) - before:
            if str(BENCH) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
        if ours is not None:
            sys.modules["loops"] = ours


def test_medians_ratios_and_spreads(bench):
    a = bench.arithmetic
    assert a.median([3.0, 1.0, 100.0]) == 3.0
    assert a.median([1.0, 2.0]) == 1.5
    assert a.median([]) is None
    assert a.spread([1.0, 2.0, 4.0]) == 1.5
    assert a.ratio(6.0, 3.0) == 2.0
    assert a.ratio(None, 3.0) is None and a.ratio(3.0, None) is None and a.ratio(3.0, 0) is None
    assert a.each(2.0, 1_000) == 0.002
    with pytest.raises(ValueError):
        a.each(1.0, 0)


@pytest.mark.parametrize(
    "seconds, time, rate",
    [
        (31e-9, "31.0 ns", "32.3 M/s"),
        (999.6e-9, "1.00 us", "1.00 M/s"),
        (2.345e-6, "2.35 us", "426 k/s"),
        (0.12, "120 ms", "8.33 /s"),
        (12.0, "12.0 s", "0.083 /s"),
        (None, "-", "-"),
    ],
)
def test_figures_have_three_digits_and_the_right_unit(bench, seconds, time, rate):
    assert (bench.arithmetic.time(seconds), bench.arithmetic.rate(seconds)) == (time, rate)


def test_rounds_begin_at_another_contender_each(bench):
    rotated = bench.arithmetic.rotated
    assert [rotated([1, 2, 3], by) for by in range(4)] == [[1, 2, 3], [2, 3, 1], [3, 1, 2], [1, 2, 3]]
    assert rotated([], 1) == []


def test_values_differ_between_rounds_and_keys_do_not(bench):
    data = bench.data
    keys = data.shuffled(1_000)
    assert keys == data.shuffled(1_000) and sorted(keys) == data.ascending(1_000)
    first, second = data.values(1_000, 0), data.values(1_000, 1)
    assert len(set(first) | set(second)) == 2_000
    assert all(len(v) == data.VALUE_BYTES for v in first)
    assert data.value(0) != data.value(1)
    assert data.nested(0, 5) != data.nested(1, 5)
    writes = [w for _, w in data.mixed(keys, 10_000, 0)]
    assert 800 < sum(writes) < 1_200


def results(bench, **figures):
    """Results with one round each: ``hot_get__dict=1e-9``."""
    found = bench.results.Results()
    for name, seconds in figures.items():
        workload, _, contender = name.partition("__")
        contender = contender.replace("___", ", ").replace("_", " ")
        contender = contender.replace("future into py", "future_into_py")
        found.add(bench.results.Result(workload, contender, 10, [seconds]))
    return found


def test_bars_compare_the_right_way_round(bench):
    found = results(
        bench,
        async_hot_get__dictsqlite_lazy=300e-9,
        async_hot_get__dictsqlite_lazy___blocking=150e-9,
        async_cold_get__dictsqlite_lazy=20e-6,
        async_cold_get__empty_future_into_py=40e-6,
        async_cold_gather__dictsqlite_lazy=5e-6,
        async_cold_gather__aiosqlite=80e-6,
        async_durable__dictsqlite_durable=200e-6,
        async_durable_gather__dictsqlite_durable=5e-6,
        async_lag_set__dictsqlite_lazy=11e-3,
        hot_get__dict=20e-9,
        hot_get__dictsqlite_writethrough=100e-9,
        committed_random__sqlite3=20e-6,
        committed_random__dictsqlite_writethrough=16e-6,
        durable_1__dictsqlite_durable=300e-6,
        durable_64__dictsqlite_durable=10e-6,
    )
    rows = {row["measure"]: row for row in bench.bars.judged(found)}
    hot = rows["hot get of bytes / dict"]
    assert (hot["value"], hot["met"]) == (pytest.approx(5.0), True)
    assert hot["bar"] == "at most 5.50x (aim 4.00x)"
    random = rows["writethrough + flush, random, speed over commits each"]
    assert (random["value"], random["met"]) == (pytest.approx(1.25), False)
    durable = rows["durable, 64 threads, speed over 1 thread"]
    assert (durable["measured"], durable["met"]) == ("30.0x", True)
    assert rows["len, nothing pending"]["met"] is None
    awaited = {
        "hot await aget / get": ("2.00x", True),
        "cold await aget, speed over an empty future_into_py": ("2.00x", True),
        "gather of cold aget, a key": ("5.00 us", True),
        "the same, speed over aiosqlite": ("16.0x", True),
        "durable aset, gather of 1,000, speed over one by one": ("40.0x", True),
        "worst delay of the loop beside 1M aset": ("11.0 ms", False),
        "lazy await aset / set": ("-", None),
    }
    for measure, expected in awaited.items():
        assert (rows[measure]["measured"], rows[measure]["met"]) == expected, measure


def test_bars_and_claims_name_what_is_measured(bench):
    """A bar about a contender that takes no part in its workload would never be judged."""
    asked = set()

    class Every(bench.results.Results):
        def seconds(self, workload, contender):
            asked.add((workload, contender))
            return 1.0

    assert all(row["value"] is not None for row in bench.bars.judged(Every()))
    bench.bars.claimed(Every())
    for workload, contender in asked:
        takes = bench.workloads.takes(
            bench.workloads.named(workload), bench.contenders.named(contender)
        )
        assert takes, (workload, contender)
    for workload in bench.workloads.WORKLOADS:
        baseline = bench.contenders.named(workload.baseline)
        assert bench.workloads.takes(workload, baseline), workload.name
    names = [c.name for c in bench.contenders.CONTENDERS]
    assert len(set(names)) == len(names)
    assert all(c.commits in bench.contenders.COMMITS for c in bench.contenders.CONTENDERS)


def test_a_task_held_up_is_noticed(bench):
    """The delay of the loop is the worst one, and what holds it up to the end counts."""

    async def held(seconds):
        await asyncio.sleep(0.002)
        time.sleep(seconds)

    worst = asyncio.run(bench.loops.lag(held(0.05)))
    assert 0.045 < worst < 5
    assert asyncio.run(bench.loops.lag(asyncio.sleep(0.01))) < worst + 0.045


@pytest.mark.parametrize("contender", ["dictsqlite lazy", "dictsqlite lazy, blocking", "dict"])
@pytest.mark.parametrize("workload", ["async_hot_get", "async_hot_gather", "async_set", "async_lag_get"])
def test_workloads_of_tasks_run(bench, tmp_path, contender, workload):
    contender, workload = bench.contenders.named(contender), bench.workloads.named(workload)
    if not bench.workloads.takes(workload, contender):
        pytest.skip("it takes no part")
    # The peers' environments have not this Python's other packages; these two need none.
    context = bench.workloads.Context(contender, workload, 1_000, 0, str(tmp_path), 0.001)
    operations, seconds = workload.run(context)
    assert operations >= 1 and seconds > 0


def test_results_survive_json(bench, tmp_path):
    found = results(bench, hot_get__dict=20e-9, cold_get__sqlite3=3e-6)
    found.add(bench.results.Result("len", "rocksdict", 10, [], absent="len"))
    path = tmp_path / "figures.json"
    bench.report.write(str(path), found, {"rounds": 1}, {}, {})
    written = json.loads(path.read_text())
    again = bench.results.Results.from_json(written["results"])
    assert again.to_json() == found.to_json()
    assert list(written["workloads"]) == ["hot_get", "len", "cold_get"]


def test_the_command_line_is_parsed(bench):
    parse = bench.drive.arguments
    needed = ["--folder", "x", "--json", "y"]
    quick = parse([*needed, "--quick", "--peer", "dict=/bin/py=thon"])
    assert quick.peers == {"dict": "/bin/py=thon"} and quick.rounds == 3
    names = [w.name for w in quick.workloads]
    assert "growth_get_1e4" in names and "growth_get_1e6" not in names
    assert "growth_get_1e7" not in [w.name for w in parse(needed).workloads]
    assert "growth_get_1e7" in [w.name for w in parse([*needed, "--full"]).workloads]
    some = parse([*needed, "--only", "len,growth_get", "--rounds", "2"])
    assert [w.name for w in some.workloads] == ["len", *(f"growth_get_1e{p}" for p in (4, 5, 6))]
    for bad in (["--only", "lenn"], ["--peer", "redis=x"], ["--peer", "dict"]):
        with pytest.raises(SystemExit):
            parse([*needed, *bad])
