# SPDX-License-Identifier: MIT
"""A `strata serve` to be asked by tests."""
import http.client
import json
import os
import signal
import subprocess
import time

import tap


class Server:
    """A server on a free port, with a cache of its own."""

    def __init__(self, *arguments, cache):
        environment = {**os.environ, "XDG_CACHE_HOME": cache}
        self.process = subprocess.Popen([tap.STRATA, "serve", "--port=0", "--no-open", *map(str, arguments)], env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.url = self.process.stdout.readline().strip()
        tap.check(self.url.startswith("http://127.0.0.1:"), f"a URL, not {self.url!r}")
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, bytes)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, method, path, body=None):
        status, _, text = self.ask(method, path, body)
        tap.equal(status, 200, f"{method} {path}: {text[:200]}")
        return json.loads(text)

    def wait(self):
        """Until the traces are analysed."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            status = self.json("GET", "/api/v1/experiment")
            tap.check(status["phase"] != "failed", f"the analysis failed: {status['failure']}")
            if status["findings"]:
                return status
            time.sleep(0.05)
        raise AssertionError("the analysis takes too long")

    def stop(self, how=signal.SIGINT):
        """Its exit status, and what it complained of."""
        self.process.send_signal(how)
        _, complaints = self.process.communicate(timeout=60)
        return self.process.returncode, complaints
