"""The web examples under load, against the real frameworks: right answers, nothing stale, a clean end."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import dictsqlite

EXAMPLES = Path(__file__).resolve().parents[2] / "python" / "examples"
#: The packages an example needs beside aiohttp's client, and how its processes are started.
APPS = {
    "fastapi_app": ["fastapi", "uvicorn"],
    "aiohttp_app": ["aiohttp"],
    "sanic_app": ["sanic"],
}
CLIENTS = 16
ROUNDS = 12
PATIENCE = 40.0


def commands(name, port):
    program = str(EXAMPLES / f"{name}.py")
    if name == "fastapi_app":
        options = ["--app-dir", str(EXAMPLES), "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
        return [[sys.executable, "-m", "uvicorn", "fastapi_app:app", "--workers", "2", *options]]
    times = 2 if name == "aiohttp_app" else 1
    return [[sys.executable, program, str(port)]] * times


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(name, path, port, log):
    environment = {**os.environ, "SESSIONS": str(path), "PYTHONWARNINGS": "ignore"}
    with log.open("wb") as out:
        servers = [
            subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=path.parent, start_new_session=True)
            for command in commands(name, port)
        ]
        try:
            yield servers
        finally:
            for server in servers:
                if server.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(server.pid, signal.SIGKILL)
                server.wait()


async def one_client(number, base, seen):
    import aiohttp

    # Every request is a connection of its own, so any worker may get it.
    connector = aiohttp.TCPConnector(force_close=True)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, connector=connector, cookie_jar=jar) as client:

        async def ask(method, path, status=200):
            async with client.request(method, path) as response:
                assert response.status == status, (method, path, response.status, await response.text())
                seen["requests"] += 1
                return await response.json() if status == 200 else None

        await ask("GET", "/me", status=401)
        assert await ask("POST", f"/login?user=u{number}") == {"user": f"u{number}"}
        for n in range(ROUNDS):
            await ask("PUT", f"/text?value=t{n}")
            answers = await asyncio.gather(*(ask("GET", "/me") for _ in range(3)))
            for answer in answers:
                seen["workers"].add(answer.pop("worker"))
                assert answer == {"user": f"u{number}", "text": f"t{n}"}, "a stale or foreign session"
            visits = await asyncio.gather(*(ask("POST", "/visit") for _ in range(2)))
            assert sorted(visit["visits"] for visit in visits) == [2 * n + 1, 2 * n + 2]
        if number % 2:
            await ask("POST", "/logout")
            await ask("GET", "/me", status=401)


async def load(port, servers, seen):
    deadline = time.monotonic() + PATIENCE
    while True:  # until all of them answer
        assert all(server.poll() is None for server in servers), "it ended at once"
        assert time.monotonic() < deadline, "it does not answer"
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            break
    await asyncio.sleep(0.5)
    clients = (one_client(number, f"http://127.0.0.1:{port}", seen) for number in range(CLIENTS))
    await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)


@pytest.mark.slow
@pytest.mark.parametrize("name", APPS)
def test_an_application_keeps_its_sessions(tmp_path, name):
    missing = [module for module in {*APPS[name], "aiohttp"} if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)}: installed on one interpreter only")
    path, log, port = tmp_path / "sessions.db", tmp_path / "log", free_port()
    seen = {"requests": 0, "workers": set()}
    try:
        with serving(name, path, port, log) as servers:
            asyncio.run(load(port, servers, seen))
            began = time.monotonic()
            for server in servers:
                server.send_signal(signal.SIGTERM)
            codes = [server.wait(20) for server in servers]
            took = time.monotonic() - began
    except BaseException:
        print(log.read_text(errors="replace"))
        raise
    said = log.read_text(errors="replace")
    assert set(codes) <= {0, -signal.SIGTERM} and "Traceback" not in said, said
    assert "dictsqlite" not in said, "something was lost"
    assert took < 15
    assert len(seen["workers"]) == 2, "one worker did all of it"
    with dictsqlite.open(path, table_name="log", storage_mode="json") as db:
        # Lazy writes of the last moment included.
        assert len(db) == seen["requests"]
    with dictsqlite.open(path, table_name="sessions", storage_mode="json") as db:
        users = sorted(value["user"] for key, value in db.items(prefix=("session",)))
        assert users == sorted(f"u{n}" for n in range(CLIENTS) if n % 2 == 0)
        assert all(value["text"] == f"t{ROUNDS - 1}" for value in db.values(prefix=("session",)))
        assert set(db.values(prefix=("visits",))) == {2 * ROUNDS}
    # Two processes that close at the same moment may both leave the log to the other; the next takes it away.
    assert not path.with_name("sessions.db-wal").exists(), "it was not closed"
