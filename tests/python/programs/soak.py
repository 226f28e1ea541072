"""Everything at once, checked: soak.py DIRECTORY SECONDS [SEED].

Players are processes with threads that write, read, scan, fork, exit without closing and are killed. Others hold
the lock, checkpoint and vacuum by the standard library's SQLite, here and in processes of their own. What is
checked, all along and at the end:

- a player's own keys hold what it wrote last, or, if it was killed, a state its mode allows;
- numbers that only grow never shrink, for whoever looks;
- pairs that are written as one unit are never seen apart in one snapshot;
- sums of `incr` across all processes lose nothing that returned;
- `PRAGMA integrity_check` says ok.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path

import dictsqlite

warnings.simplefilter("ignore", DeprecationWarning)
HERE = Path(__file__).parent
MODES = ["lazy", "writethrough", "durable"]


def options(mode):
    return {"persist_mode": mode, "storage_mode": "json", "flush_interval": 0.01, "buffer_size": 20, "timeout": 30}


class Player:
    """One process: it tells every committed step on stdout, so that its death leaves a record."""

    def __init__(self, path, name, seconds, seed):
        self.path, self.name, self.rnd = path, name, random.Random(seed)
        self.ends = time.monotonic() + seconds
        self.mode = self.rnd.choice(MODES)
        self.db = dictsqlite.open(path, **options(self.mode))
        self.failures = []

    def tell(self, **facts):
        os.write(1, (json.dumps({"name": self.name, **facts}) + "\n").encode())

    def run(self):
        threads = [threading.Thread(target=self.guarded, args=(body,)) for body in (self.write, self.watch, self.scan)]
        for thread in threads:
            thread.start()
        while time.monotonic() < self.ends and not self.failures:
            time.sleep(self.rnd.uniform(0, 0.2))
            self.fork()
        for thread in threads:
            thread.join()
        if self.failures:
            sys.exit("\n".join(self.failures))
        # No close: the exit flushes.
        self.db["last of " + self.name] = self.mode
        self.tell(ended=True)

    def guarded(self, body):
        rnd = random.Random(self.rnd.random())
        try:
            while time.monotonic() < self.ends and not self.failures:
                body(rnd)
                time.sleep(rnd.uniform(0, 0.003))
        except BaseException:
            self.failures.append(traceback.format_exc())

    def write(self, rnd):
        mine = self.db.get(self.name, 0) + 1
        self.db.update({self.name: mine, f"pair of {self.name}": mine})
        for n in range(rnd.randrange(8)):
            self.db[f"{self.name}:{rnd.randrange(200)}"] = "." * rnd.randrange(3000)
        if rnd.random() < 0.3:
            self.db.incr("sum")
            self.tell(added=1)
        if rnd.random() < 0.3:
            self.db.flush()
            self.tell(committed=mine)
        if rnd.random() < 0.05:
            self.db.batch_delete([f"{self.name}:{n}" for n in range(200)])
        if rnd.random() < 0.1:
            self.db.set(f"{self.name}:short", 1, ttl=0.02)

    def watch(self, rnd):
        seen = vars(self).setdefault("seen", {})
        for name in [f"p{n}" for n in range(6)]:
            n = self.db.get(name, 0)
            # A player that was killed may have taken back what was not committed, for its own readers only.
            assert n >= seen.get(name, 0), f"{self.name} saw {name} go from {seen[name]} to {n}"
            seen[name] = n

    def scan(self, rnd):
        found = dict(self.db.items(prefix="p", consistent=rnd.random() < 0.5, limit=20_000))
        if rnd.random() < 0.5:
            found = dict(self.db.items(consistent=True))
            for n in range(6):
                pair = found.get(f"p{n}"), found.get(f"pair of p{n}")
                assert pair[0] == pair[1], f"half a unit: {pair}"

    def fork(self):
        if self.rnd.random() < 0.5:
            return
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.alarm(40)
                self.db.incr("sum")
                self.tell(added=1)
                self.db[f"child of {self.name}"] = os.getpid()
                if self.rnd.random() < 0.5:
                    self.db.close()
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        status = os.waitpid(pid, 0)[1]
        assert status == 0, f"a child ended with {status:#x}"


class Referee:
    """Starts and kills players, meddles, and compares at the end."""

    def __init__(self, directory, seconds, seed):
        self.path = os.path.join(directory, "soak.db")
        self.rnd = random.Random(seed)
        self.ends = time.monotonic() + seconds
        self.sum = self.kills = self.lives = 0
        self.committed = {}
        self.lock = threading.Lock()
        self.failures = []

    def start(self, program, *arguments):
        command = [sys.executable, "-X", "faulthandler", str(HERE / program), *map(str, arguments)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def lives_of(self, name):
        """One player after another, every second one killed."""
        while time.monotonic() < self.ends and not self.failures:
            left = self.ends - time.monotonic()
            life = min(left, self.rnd.uniform(0.5, 3))
            killed = self.rnd.random() < 0.5
            player = self.start("soak.py", "--player", self.path, name, life + (5 if killed else 0), self.rnd.random())
            killer = threading.Timer(life, player.kill) if killed else threading.Timer(life + 60, player.kill)
            killer.start()
            out, err = player.communicate()
            killer.cancel()
            self.lives += 1
            self.record(out)
            if killed:
                self.kills += 1
            elif player.returncode != 0:
                self.failures.append(f"{name} ended with {player.returncode}: {err.decode()}")
            elif err:
                self.failures.append(f"{name} said: {err.decode()}")

    def record(self, out):
        for line in out.decode().splitlines():
            with self.lock:
                fact = json.loads(line)
                self.sum += fact.get("added", 0)
                if "committed" in fact:
                    name = fact["name"]
                    self.committed[name] = max(self.committed.get(name, 0), fact["committed"])

    def meddle(self):
        while time.monotonic() < self.ends and not self.failures:
            kind = self.rnd.choice(["truncate", "vacuum", "hold", "look"])
            if kind == "hold":
                helper = self.start("hold.py", self.path, self.rnd.uniform(0.05, 0.4))
            elif kind == "look":
                # In this process, where our own handle is.
                connection = sqlite3.connect(self.path, timeout=5)
                connection.execute("SELECT count(*) FROM main").fetchone()
                connection.close()
                time.sleep(0.01)
                continue
            else:
                helper = self.start("meddle.py", self.path, 0.3, kind)
            try:
                _, err = helper.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                helper.kill()
                _, err = helper.communicate()
            if helper.returncode != 0 and b"locked" not in err:
                self.failures.append(f"{kind}: {err.decode()}")

    def run(self):
        with dictsqlite.open(self.path, **options("durable")) as db:
            db["sum"] = 0
            db.flush()
            threads = [threading.Thread(target=self.lives_of, args=(f"p{n}",)) for n in range(3)]
            threads.append(threading.Thread(target=self.meddle))
            for thread in threads:
                thread.start()
            last = 0
            while any(thread.is_alive() for thread in threads):
                now = db["sum"]
                assert now >= last, f"the sum went from {last} to {now}"
                last = now
                time.sleep(0.01)
            assert not self.failures, "\n".join(self.failures)
            # Killed between the commit and its word, at most one a life and thread.
            assert self.sum <= db["sum"] <= self.sum + 2 * self.kills, (self.sum, db["sum"], self.kills)
            for name, committed in self.committed.items():
                assert db[name] >= committed and db[name] == db[f"pair of {name}"], name
            assert len(db) == len(dict(db.items()))
        looked = sqlite3.connect(self.path)
        assert looked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        looked.close()
        assert not os.path.exists(f"{self.path}-wal"), "the last close leaves one file"
        print(f"{self.lives} lives, {self.kills} killed, sum {self.sum}, {self.committed}")


if __name__ == "__main__":
    if sys.argv[1] == "--player":
        Player(sys.argv[2], sys.argv[3], float(sys.argv[4]), float(sys.argv[5])).run()
    else:
        seed = float(sys.argv[3]) if len(sys.argv) > 3 else time.time()
        print(f"seed {seed}", flush=True)
        Referee(sys.argv[1], float(sys.argv[2]), seed).run()
