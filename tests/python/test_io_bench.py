"""`dictsqlite.bench`: the comparison of the ways to read and write files."""

import asyncio
import json
import os
import sys

import pytest

import dictsqlite
from dictsqlite import bench


@pytest.mark.parametrize("compare", [bench.compare_read_performance, bench.compare_write_performance])
def test_figures_text_and_json_agree(compare, tmp_path):
    compared = compare(60, 4096, 8, directory=tmp_path)
    assert (compared.iterations, compared.size, compared.concurrency) == (60, 4096, 8)
    assert compared.directory == str(tmp_path)
    assert {"blocking", "pool", "pool_batch"} <= {way.name for way in compared.ways if not way.direct}
    data = json.loads(compared.to_json())
    for way, figures in zip(compared.ways, data["ways"]):
        assert 0 < way.fastest <= way.micros <= way.slowest
        assert way.name in compared.summary() and figures["micros"] == way.micros
    assert compared.way("blocking").speedup == 1
    assert compared.way("blocking") is compared.ways[0]
    assert compared.way("no such way") is None
    assert os.listdir(tmp_path) == []


def test_awaited(tmp_path):
    async def both():
        return await asyncio.gather(
            bench.acompare_read_performance(8, 512, 4, directory=tmp_path),
            bench.acompare_write_performance(8, 512, 4),
        )

    reading, writing = asyncio.run(both())
    assert (reading.operation, writing.operation) == ("read", "write")
    assert any("4096" in why for why in reading.skipped)


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, -1, 1), (1, 1, 0), (2**40, 1, 1), (1, 2**31 - 1, 2**31 - 1)])
def test_numbers_that_make_no_sense(numbers):
    with pytest.raises(dictsqlite.InvalidError):
        bench.compare_read_performance(*numbers)


def test_wrong_types_and_places():
    with pytest.raises(TypeError):
        bench.compare_read_performance(1.5)
    with pytest.raises(dictsqlite.IoError):
        bench.compare_write_performance(1, directory="/no/such/directory")
    with pytest.raises(TypeError):
        bench.compare_write_performance(1, directory=3)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_after_a_fork(tmp_path):
    """The threads of the pool and of the ring are not there in the child: it starts its own."""
    before = bench.compare_read_performance(8, 4096, 4, directory=tmp_path)
    child = os.fork()
    if child == 0:
        try:
            after = bench.compare_write_performance(8, 4096, 4, directory=tmp_path)
            os._exit(0 if len(after.ways) == len(before.ways) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert len(bench.compare_read_performance(8, 4096, 4).ways) >= 3
