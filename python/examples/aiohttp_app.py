"""Sessions of an aiohttp application in one file, shared by all its processes.

    SESSIONS=sessions.db python aiohttp_app.py 8000

Started more than once on one port, the processes share the connections. `durable` writes are acknowledged when
they are committed, so when a request is answered every process sees what it did. The log is `lazy`: it costs
the requests nothing, and what is pending is flushed when the process ends.
"""

import itertools
import os
import secrets
import sys

from aiohttp import web

import dictsqlite

PATH = os.environ.get("SESSIONS", "sessions.db")
WORKER = os.getpid()
SESSIONS = web.AppKey("sessions", dictsqlite.DictSQLite)
LOG = web.AppKey("log", dictsqlite.DictSQLite)

routes = web.RouteTableDef()
numbers = itertools.count()


async def stores(app):
    options = {"storage_mode": "json", "ttl": 3600}
    async with dictsqlite.open(PATH, table_name="sessions", persist_mode="durable", **options) as app[SESSIONS]:
        async with dictsqlite.open(PATH, table_name="log", persist_mode="lazy", **options) as app[LOG]:
            yield


@web.middleware
async def log(request, handler):
    await request.app[LOG].aset((WORKER, next(numbers)), f"{request.method} {request.path}")
    return await handler(request)


async def session_of(request):
    """The session's key, and its entry."""
    key = ("session", request.cookies.get("session", ""))
    entry = await request.app[SESSIONS].aentry(key)
    if entry is None:
        raise web.HTTPUnauthorized(text="log in first")
    return key, entry


@routes.post("/login")
async def login(request):
    session, user = secrets.token_urlsafe(16), request.query["user"]
    await request.app[SESSIONS].aset(("session", session), {"user": user, "text": ""})
    response = web.json_response({"user": user})
    response.set_cookie("session", session, httponly=True, samesite="Lax")
    return response


@routes.get("/me")
async def me(request):
    _, entry = await session_of(request)
    return web.json_response({**entry.value, "worker": WORKER})


@routes.put("/text")
async def write(request):
    text = request.query["value"]
    while True:  # optimistic: two requests of one session may meet
        key, entry = await session_of(request)
        try:
            await request.app[SESSIONS].aset(key, {**entry.value, "text": text}, if_version=entry.version)
            return web.json_response({"text": text})
        except dictsqlite.ConflictError:
            continue


@routes.post("/visit")
async def visit(request):
    (_, session), _ = await session_of(request)
    return web.json_response({"visits": await request.app[SESSIONS].aincr(("visits", session))})


@routes.post("/logout")
async def logout(request):
    session = request.cookies.get("session", "")
    await request.app[SESSIONS].abatch_delete([("session", session), ("visits", session)])
    return web.json_response({})


def make():
    app = web.Application(middlewares=[log])
    app.add_routes(routes)
    app.cleanup_ctx.append(stores)
    return app


if __name__ == "__main__":
    web.run_app(make(), host="127.0.0.1", port=int(sys.argv[1]), reuse_port=True)
