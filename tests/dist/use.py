"""Uses an installed package as a user would, in an empty directory: use.py VERSION."""

import asyncio
import pathlib
import subprocess
import sys
import sysconfig

import dictsqlite

wanted = sys.argv[1]
where = pathlib.Path(dictsqlite.__file__).resolve()
assert where.is_relative_to(pathlib.Path(sys.prefix).resolve()), f"not the installed one: {where}"
assert dictsqlite.__version__ == wanted, f"{dictsqlite.__version__} instead of {wanted}"
assert (where.parent / "py.typed").exists() and (where.parent / "_dictsqlite.pyi").exists()

with dictsqlite.open("a.db", persist_mode="durable") as db:
    db["user:1"] = {"name": "Ada"}
    db.update({n: str(n) for n in range(1000)})
    assert db.incr("hits") == 1
    db.table("settings", storage_mode="jsonb")["theme"] = {"dark": True}


async def later() -> None:
    async with dictsqlite.open("a.db") as db:
        assert await db.aget("user:1") == {"name": "Ada"}
        assert await db.abatch_get([1, "none", 999]) == ["1", None, "999"]
        await db.aset("late", 1)


asyncio.run(later())
with dictsqlite.open("a.db", read_only=True) as db:
    assert len(db) == 1003 and db["late"] == 1
    assert db.table("settings")["theme"] == {"dark": True}
tool = pathlib.Path(sysconfig.get_path("scripts")) / "dictsqlite"
for command in ([str(tool)], [sys.executable, "-m", "dictsqlite"]):
    told = subprocess.run([*command, "get", "a.db", "late"], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("1\n", ""), told
print(f"{where.parent}: works")
