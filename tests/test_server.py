#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""strata serve: HTTP as such."""
import contextlib
import gzip
import json
import os
import signal
import tempfile
import time

import tap
from served import Server

SAMPLE = tap.SAMPLES / "nested-cpu"


@contextlib.contextmanager
def serving(*arguments):
    with tempfile.TemporaryDirectory() as cache:
        server = Server(*arguments, cache=cache)
        try:
            yield server
        finally:
            if server.process.poll() is None:
                status, complaints = server.stop()
                tap.equal(status, 0, f"exit status\n{complaints}")


def test_the_page_and_its_headers():
    with serving(SAMPLE) as server:
        status, headers, text = server.ask("GET", "/")
        tap.equal((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"), "the page")
        tap.check("default-src 'self'" in headers["Content-Security-Policy"], "nothing is loaded from elsewhere")
        again, none, empty = server.ask("GET", "/", headers={"If-None-Match": headers["ETag"]})
        tap.equal((again, empty, none["ETag"]), (304, b"", headers["ETag"]), "what the browser has is not sent again")
        _, packed, body = server.ask("GET", "/", headers={"Accept-Encoding": "gzip"})
        tap.equal(gzip.decompress(body) if packed["Content-Encoding"] == "gzip" else body, text, "compressed")
        head, sizes, nothing = server.ask("HEAD", "/")
        tap.equal((head, int(sizes["Content-Length"]), nothing), (200, len(text), b""), "HEAD")


def test_json_is_exactly_of_its_type_and_errors_are_json():
    with serving(SAMPLE) as server:
        status, headers, text = server.ask("GET", "/tsp/api/health")
        tap.equal((status, headers["Content-Type"], json.loads(text)), (200, "application/json", {"status": "UP"}), "health")
        tap.equal(server.json("GET", "/tsp/api/identifier")["tspVersion"], "0.6.0", "version")
        for method, path, body, wanted in [("GET", "/nothing", None, 404), ("POST", "/tsp/api/health", b"{}", 405), ("GET", "/tsp/api", None, 404),
                                           ("GET", "/../../../../etc/passwd", None, 404), ("POST", "/tsp/api/health", b"x" * 300_000, 413)]:
            status, headers, text = server.ask(method, path, body)
            tap.equal((status, headers["Content-Type"]), (wanted, "application/json"), f"{method} {path}")
            tap.equal(set(json.loads(text)), {"title", "detail", "details"}, f"{method} {path}")


def test_only_trusted_pages_and_names():
    with serving("--allow=viewer.example", SAMPLE) as server:
        def status(**headers):
            return server.ask("GET", "/tsp/api/health", headers=headers)[0]
        own = f"127.0.0.1:{server.port}"
        for host in ("localhost", "localhost:1", own, "[::1]:99", "192.168.7.7:8080", "viewer.example:80", "x.localhost"):
            tap.equal(status(Host=host), 200, f"Host: {host}")
        for host in ("evil.example", "127.evil.example", "localhost.evil.example:80", "localhost:80x", "[::1", ""):
            tap.equal(status(Host=host), 403, f"Host: {host}")
        for origin in (f"http://{own}", "http://localhost:3000", "https://localhost", "vscode-webview://0abc", "https://viewer.example", "http://[::1]:4"):
            code, headers, _ = server.ask("GET", "/tsp/api/health", headers={"Origin": origin})
            tap.equal((code, headers["Access-Control-Allow-Origin"]), (200, origin), f"Origin: {origin}")
        for origin in ("null", "http://evil.example", "http://localhost.evil.example", "file://", "http://127.1.evil.example", "xvscode-webview://a", "http://10.0.0.1"):
            code, headers, _ = server.ask("GET", "/tsp/api/health", headers={"Origin": origin})
            tap.equal((code, headers["Access-Control-Allow-Origin"]), (403, None), f"Origin: {origin}")
        code, headers, _ = server.ask("OPTIONS", "/tsp/api/experiments", headers={"Origin": "vscode-webview://0abc"})
        tap.check(code == 200 and "POST" in headers["Access-Control-Allow-Methods"] and "content-type" in headers["Access-Control-Allow-Headers"], "preflight")


def test_a_port_that_is_taken():
    with serving(SAMPLE) as server:
        done = tap.strata("serve", f"--port={server.port}", "--no-open", SAMPLE, status=1)
        tap.check("Address already in use" in done.stderr and "--port=0" in done.stderr, done.stderr)


def test_ctrl_c_ends_an_analysis_at_once_and_leaves_nothing():
    with tempfile.TemporaryDirectory() as cache:
        server = Server("-j1", SAMPLE, cache=cache)
        begin = time.monotonic()
        status, complaints = server.stop()
        tap.check(time.monotonic() - begin < 1, "at once")
        tap.equal((status, complaints), (0, ""), "without a word")
        left = [name for _, _, names in os.walk(cache) for name in names]
        tap.check(all(name.endswith((".history", ".experiment")) for name in left), f"nothing half-made: {left}")
        tap.equal(tap.strata("threads", "--format=csv", SAMPLE, env={**os.environ, "XDG_CACHE_HOME": cache}).stdout,
                  tap.strata("threads", "--format=csv", "--no-cache", SAMPLE).stdout, "what is left is right")


def test_it_ends_cleanly():
    with serving(SAMPLE) as server:
        server.wait()
        tap.equal(server.stop(signal.SIGTERM), (0, ""), "SIGTERM")


tap.main(globals())
