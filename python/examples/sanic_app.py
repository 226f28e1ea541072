"""Sessions of a Sanic application in one file, shared by all workers.

    SESSIONS=sessions.db python sanic_app.py 8000

Every worker has handles of its own. `durable` writes are acknowledged when they are committed, so when a
request is answered every worker sees what it did. The log is `lazy`: it costs the requests nothing, and what
is pending is flushed when the worker ends.
"""

import itertools
import os
import secrets
import sys

from sanic import Sanic
from sanic.exceptions import Unauthorized
from sanic.response import json

import dictsqlite

PATH = os.environ.get("SESSIONS", "sessions.db")
WORKER = os.getpid()

app = Sanic("sessions")
numbers = itertools.count()


@app.before_server_start
async def open_stores(app):
    options = {"storage_mode": "json", "ttl": 3600}
    app.ctx.sessions = await dictsqlite.open(PATH, table_name="sessions", persist_mode="durable", **options)
    app.ctx.log = await dictsqlite.open(PATH, table_name="log", persist_mode="lazy", **options)


@app.after_server_stop
async def close_stores(app):
    await app.ctx.log.aclose()
    await app.ctx.sessions.aclose()


@app.on_request
async def log(request):
    await app.ctx.log.aset((WORKER, next(numbers)), f"{request.method} {request.path}")


async def session_of(request):
    """The session's key, and its entry."""
    key = ("session", request.cookies.get("session") or "")
    entry = await app.ctx.sessions.aentry(key)
    if entry is None:
        raise Unauthorized("log in first")
    return key, entry


@app.post("/login")
async def login(request):
    session, user = secrets.token_urlsafe(16), request.args.get("user")
    await app.ctx.sessions.aset(("session", session), {"user": user, "text": ""})
    response = json({"user": user})
    response.add_cookie("session", session, httponly=True, secure=False, samesite="Lax")
    return response


@app.get("/me")
async def me(request):
    _, entry = await session_of(request)
    return json({**entry.value, "worker": WORKER})


@app.put("/text")
async def write(request):
    text = request.args.get("value")
    while True:  # optimistic: two requests of one session may meet
        key, entry = await session_of(request)
        try:
            await app.ctx.sessions.aset(key, {**entry.value, "text": text}, if_version=entry.version)
            return json({"text": text})
        except dictsqlite.ConflictError:
            continue


@app.post("/visit")
async def visit(request):
    (_, session), _ = await session_of(request)
    return json({"visits": await app.ctx.sessions.aincr(("visits", session))})


@app.post("/logout")
async def logout(request):
    session = request.cookies.get("session") or ""
    await app.ctx.sessions.abatch_delete([("session", session), ("visits", session)])
    return json({})


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), workers=2, access_log=False, motd=False)
