"""The application gunicorn loads: counts its requests in the store named by DICTSQLITE_STORE."""

import os

import dictsqlite

db = dictsqlite.open(os.environ["DICTSQLITE_STORE"], persist_mode="lazy", flush_interval=1000)
# What is to be seen in the workers is committed before the fork.
db["loaded by"] = os.getpid()
db.flush()


def application(environ, start_response):
    count = db.incr("requests")
    db[f"lazy{count}"] = os.getpid()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {count} {db['loaded by']}".encode()]
