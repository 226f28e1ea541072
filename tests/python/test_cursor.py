"""Cursors: a scan goes on from any place, in another call or process, with exactly the rest."""

import asyncio
import json

import pytest

import dictsqlite

KEYS = [3, "b", b"\xff", -7, "a:2", "a:1", "", b"", (1, "x"), 2**40, "a:\U0010ffff", b"a:1"]
SELECTIONS = [
    {"order": order, "reverse": reverse, **bounds}
    for order in ("insertion", "key")
    for reverse in (False, True)
    for bounds in ({}, {"prefix": "a:"}, {"start": 0, "end": b"b"})
]


@pytest.fixture
def db(path):
    with dictsqlite.open(path, storage_mode="json") as db:
        db.update((key, n) for n, key in enumerate(KEYS))
        yield db


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_the_rest_after_each_item(db, selection):
    whole = list(db.items(**selection))
    assert len(whole) >= 3
    scan = iter(db.items(**selection))
    for n in range(len(whole) + 1):
        cursor = scan.cursor
        assert isinstance(cursor, str) and cursor.isascii()
        assert list(db.items(**selection, cursor=cursor)) == whole[n:]
        # A scan of something else of the same entries is the same scan.
        assert list(db.keys(**selection, cursor=cursor)) == [key for key, _ in whole[n:]]
        assert list(db.values(**selection, cursor=cursor)) == [value for _, value in whole[n:]]
        assert next(scan, None) == (whole[n] if n < len(whole) else None)
    scan.close()
    assert list(db.items(**selection, cursor=scan.cursor)) == []


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_deleting_all_along(db, selection):
    whole, seen, cursor = list(db.keys(**selection)), [], None
    while True:
        scan = iter(db.keys(**selection, cursor=cursor))
        key = next(scan, None)
        if key is None:
            break
        seen.append(key)
        cursor = scan.cursor
        # The landmark itself goes, and every third time its neighbour.
        del db[key]
        if len(seen) % 3 == 0:
            rest = list(db.keys(**selection, cursor=cursor))
            if rest:
                del db[rest[0]]
                whole.remove(rest[0])
    assert seen == whole and not list(db.keys(**selection))


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_without_blocking(db, selection):
    whole = list(db.items(**selection))

    async def main():
        scan = db.aitems(**selection)
        for n in range(len(whole) + 1):
            cursor = scan.cursor
            rest = [item async for item in db.aitems(**selection, cursor=cursor)]
            assert rest == whole[n:] == list(db.items(**selection, cursor=cursor))
            got = [await scan.__anext__()] if n < len(whole) else []
            assert got == whole[n : n + 1]
        await scan.aclose()
        assert [key async for key in db.akeys(**selection, cursor=scan.cursor)] == []

    asyncio.run(main())


def test_a_handle_that_is_not_open_yet(path):
    with dictsqlite.open(path) as db:
        db.update((n, n) for n in range(10))
        scan = iter(db)
        next(scan)
        cursor = scan.cursor

    async def main():
        async with dictsqlite.open(path) as db:
            pass
        db = dictsqlite.open(path)
        scan = db.akeys(cursor=cursor)
        assert scan.cursor == cursor
        assert [await scan.__anext__(), await scan.__anext__()] == [1, 2]
        again = db.akeys(cursor=scan.cursor)
        assert [key async for key in again] == list(range(3, 10))
        await db.aclose()
        db = dictsqlite.open(path)
        scan = db.avalues()
        assert scan.cursor is None  # it has not begun, and would begin at the start
        assert await scan.__anext__() == 0 and isinstance(scan.cursor, str)
        await scan.aclose()
        await db.aclose()

    asyncio.run(main())


def test_in_pages_and_across_processes(db, path, run):
    db.update((n, n) for n in range(2000))
    whole, pages, cursor = list(db.items()), [], None
    while True:
        scan = iter(db.items(limit=300, cursor=cursor))
        page = list(scan)
        if not page:
            break
        pages.append(page)
        cursor = scan.cursor
    assert [len(page) for page in pages] == [300] * 6 + [len(whole) - 1800]
    assert [item for page in pages for item in page] == whole
    scan = iter(db.items(limit=300))
    list(scan)
    out = run(
        """
        import json, sys, dictsqlite
        with dictsqlite.open(sys.argv[1], storage_mode="json") as db:
            print(json.dumps(list(db.values(cursor=sys.argv[2]))))
        """,
        path,
        scan.cursor,
    )
    assert json.loads(out) == [value for _, value in whole[300:]]


def test_what_is_added_behind_the_place_is_found(db):
    scan = iter(db.keys())
    list(scan)
    db["new"] = 1
    # The scan itself has ended; one that begins at its end sees what came.
    assert next(scan, None) is None
    assert list(db.keys(cursor=scan.cursor)) == ["new"]


def test_views_with_a_cursor(db):
    scan = iter(db.items())
    next(scan)
    view = db.items(cursor=scan.cursor)
    rest = list(view)
    assert len(view) == len(rest) == len(KEYS) - 1
    assert list(reversed(view)) == rest[::-1]
    assert rest[0] in view and (KEYS[0], 0) not in view
    assert KEYS[0] not in db.keys(cursor=scan.cursor)


def test_bad_ones_are_refused(db):
    scan = iter(db.items(prefix="a:"))
    next(scan)
    good = scan.cursor
    for bad in ["", "x", good[:-1], good[1:], good + "00", "00" * 40, good.replace("1", "2", 1), "\u20ac" * 30]:
        with pytest.raises(dictsqlite.InvalidError):
            iter(db.items(prefix="a:", cursor=bad))
    for bad in [b"x", 5, object()]:
        with pytest.raises(dictsqlite.InvalidError):
            db.items(prefix="a:", cursor=bad)
    for other in [{}, {"prefix": "a"}, {"prefix": "a:", "reverse": True}, {"prefix": "a:", "order": "insertion"}]:
        with pytest.raises(dictsqlite.InvalidError, match="same"):
            iter(db.items(**other, cursor=good))
    with pytest.raises(dictsqlite.InvalidError, match="another table"):
        iter(db.table("other").items(prefix="a:", cursor=good))
    with pytest.raises(TypeError, match="cursor"):
        db.items(cursr=good)
