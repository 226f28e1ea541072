"""The peers' processes, as the driver sees them."""

import json
import os
import queue
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
#: Seconds after which a round is given up.
LIMIT = 900


class Runner:
    """One peer's process, started when first needed, and again after it hung or died."""

    def __init__(self, exe, log):
        self.exe, self.log = exe, log
        self.process = None

    def ask(self, told, limit=LIMIT):
        """One round; an ``error`` when the process gives no answer."""
        if self.process is None:
            self._start()
        try:
            self.process.stdin.write(json.dumps(told) + "\n")
            self.process.stdin.flush()
            line = self.said.get(timeout=limit)
        except queue.Empty:
            self.stop(kill=True)
            return {"error": f"no answer within {limit} s"}
        except OSError:
            line = ""
        if not line:
            code = self.process.wait()
            self.stop(kill=True)
            return {"error": f"the process ended with {code}; {self._last_words()}"}
        return json.loads(line)

    def _start(self):
        self.process = subprocess.Popen(
            [self.exe, os.path.join(HERE, "runner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(self.log, "a"),
            text=True,
        )
        self.said = queue.Queue()
        threading.Thread(target=self._read, args=(self.process.stdout, self.said), daemon=True).start()

    @staticmethod
    def _read(stream, said):
        for line in stream:
            said.put(line)
        said.put("")

    def _last_words(self):
        with open(self.log) as log:
            lines = log.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def stop(self, kill=False):
        """Ends the process: by end of file if it answers, else at once."""
        process, self.process = self.process, None
        if process is None:
            return
        if kill:
            process.kill()
        process.stdin.close()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
