"""Sessions of a FastAPI application in one file, shared by all workers.

    SESSIONS=sessions.db uvicorn fastapi_app:app --workers 2

Every worker has handles of its own. `durable` writes are acknowledged when they are committed, so when a
request is answered every worker sees what it did. The log is `lazy`: it costs the requests nothing, and what
is pending is flushed when the worker ends.
"""

import contextlib
import itertools
import os
import secrets
from typing import Annotated, Optional

from fastapi import Cookie, FastAPI, HTTPException, Request, Response

import dictsqlite

PATH = os.environ.get("SESSIONS", "sessions.db")
WORKER = os.getpid()


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI):
    options = {"storage_mode": "json", "ttl": 3600}
    async with dictsqlite.open(PATH, table_name="sessions", persist_mode="durable", **options) as app.state.sessions:
        async with dictsqlite.open(PATH, table_name="log", persist_mode="lazy", **options) as app.state.log:
            yield


app = FastAPI(lifespan=lifespan)
numbers = itertools.count()
Session = Annotated[Optional[str], Cookie()]


@app.middleware("http")
async def log(request: Request, answer):
    await app.state.log.aset((WORKER, next(numbers)), f"{request.method} {request.url.path}")
    return await answer(request)


async def entry_of(session: Optional[str]) -> dictsqlite.Entry:
    entry = await app.state.sessions.aentry(("session", session)) if session else None
    if entry is None:
        raise HTTPException(401, "log in first")
    return entry


@app.post("/login")
async def login(user: str, response: Response):
    session = secrets.token_urlsafe(16)
    await app.state.sessions.aset(("session", session), {"user": user, "text": ""})
    response.set_cookie("session", session, httponly=True, samesite="lax")
    return {"user": user}


@app.get("/me")
async def me(session: Session = None):
    return {**(await entry_of(session)).value, "worker": WORKER}


@app.put("/text")
async def write(value: str, session: Session = None):
    while True:  # optimistic: two requests of one session may meet
        entry = await entry_of(session)
        try:
            await app.state.sessions.aset(("session", session), {**entry.value, "text": value}, if_version=entry.version)
            return {"text": value}
        except dictsqlite.ConflictError:
            continue


@app.post("/visit")
async def visit(session: Session = None):
    await entry_of(session)
    return {"visits": await app.state.sessions.aincr(("visits", session))}


@app.post("/logout")
async def logout(session: Session = None):
    await app.state.sessions.abatch_delete([("session", session or ""), ("visits", session or "")])
    return {}
