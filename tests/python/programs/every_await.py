"""Uses everything of asyncio once; run with asyncio's debug mode on, where nothing may be complained about."""

import asyncio
import gc
import sys

import dictsqlite

loop_kind, path = sys.argv[1:]
heard = []


async def once(db):
    async def ask(n):
        return await db.aget(("cold", n))

    await asyncio.gather(*(db.aset(n, n) for n in range(300)), db.aincr("n"), db.aflush())
    assert await asyncio.gather(*map(ask, range(300))) == list(range(300))
    for way in (asyncio.create_task, asyncio.ensure_future, asyncio.shield):
        await way(db.aget("hot"))
        await way(db.aget(("cold", 301)))
        await way(db.aincr("n"))
    await asyncio.wait_for(db.alen(), 10)
    waiting = asyncio.ensure_future(db.aincr("n"))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    results = await asyncio.gather(db.apop("nothing"), db.aget(1.5), return_exceptions=True)
    assert all(isinstance(result, dictsqlite.DictSQLiteError) for result in results)
    assert [key async for key in db.akeys(prefix=("cold",), limit=3)] == [("cold", n) for n in range(3)]
    assert await db.aget_or_compute("computed", lambda: asyncio.sleep(0, "value")) == "value"
    db.aset("nobody awaits it", 1)
    await (await db.atable("other")).aset("k", 1)


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    async with dictsqlite.open(path, persist_mode="lazy") as db:
        await once(db)
        assert await db.aget("nobody awaits it") == 1


with dictsqlite.open(path) as db:
    db.update({("cold", n): n for n in range(1000)})
for _ in range(2):
    if loop_kind == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    assert loop.get_debug()
    loop.run_until_complete(main())
    loop.close()
gc.collect()
assert not heard, heard
