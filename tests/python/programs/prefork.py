"""A small server like those that load the application before they fork: prefork.py PATH WORKERS REQUESTS.

Workers accept on one socket of the loopback, count every request in the store and answer with the count. One
worker is killed on the way and replaced. Prints how often each worker answered.
"""

import os
import signal
import socket
import sys
import threading
import warnings

import dictsqlite

warnings.simplefilter("ignore", DeprecationWarning)
path, workers, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

# What an application does when it is loaded: it opens, writes, reads, and starts a thread that does too.
db = dictsqlite.open(path, persist_mode="lazy", flush_interval=0.01)
db["loaded by"] = os.getpid()
db.flush()
db["config"] = {"greeting": "hello"}
stop = threading.Event()


def refresh():
    while not stop.wait(0.001):
        db["refreshed by"] = os.getpid()
        db.get("config")


threading.Thread(target=refresh, daemon=True).start()

listener = socket.create_server(("127.0.0.1", 0), backlog=64)


def serve():
    signal.alarm(60)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            n = db.incr("requests")
            db[f"worker:{os.getpid()}"] = n
            connection.sendall(f"{os.getpid()} {n}".encode())


def start():
    pid = os.fork()
    if pid == 0:
        try:
            serve()
        finally:
            os._exit(1)
    return pid


pids = [start() for _ in range(workers)]
answers = []
try:
    for n in range(requests):
        if n == requests // 2:
            os.kill(pids[0], signal.SIGKILL)
            os.waitpid(pids[0], 0)
            pids[0] = start()
        with socket.create_connection(listener.getsockname(), timeout=20) as client:
            client.sendall(b"count")
            try:
                answer = client.recv(100)
            except ConnectionResetError:
                answer = b""
        if answer:
            answers.append([int(part) for part in answer.split()])
    assert db["loaded by"] == os.getpid() and db["config"] == {"greeting": "hello"}
finally:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
counts = [n for _, n in answers]
assert len(counts) >= requests - 1 and counts == sorted(set(counts)), counts
assert db["requests"] in (counts[-1], counts[-1] + 1)
stop.set()
print({pid: sum(1 for by, _ in answers if by == pid) for pid in {by for by, _ in answers}})
