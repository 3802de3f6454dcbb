#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What programs say through loggers, recorded on the spot: tracef, tracelog, Python's logging, java.util.logging, Log4j."""
import json
import os
import pathlib
import shutil
import subprocess

import lttng_session
import tap

N = 7
PYTHON = "/usr/bin/python3"  # Debian's, whose packages the agent is among
JARS = [f"/usr/share/java/{name}.jar" for name in ("lttng-ust-agent-common", "lttng-ust-agent-jul", "lttng-ust-agent-log4j", "log4j-1.2")]
SCRIPT = """import lttngust, logging
log = logging.getLogger("strata.python")
log.setLevel(logging.DEBUG)
for i in range({}):
    log.info("request %d of python", i)
"""


def told(folder, *options):
    return json.loads(tap.strata("user", "--no-cache", "--format=json", "--limit=0", "--log", *options, folder).stdout)["rows"]


def patient():
    if int(os.environ.get("STRATA_PATIENCE", "1")) > 1:
        tap.skip("recorded once is enough")


def check(folder, event, messages, *options):
    log = [row for row in told(folder, *options) if row["event"] == event]
    tap.equal([row["message"] for row in log], messages)
    tap.equal(len({(row["tid"], row["pid"]) for row in log}), 1, "one thread of one process")
    counts = json.loads(tap.strata("user", "--no-cache", "--format=json", "--event", event, folder).stdout)["rows"]
    tap.equal([(row["what"], row["count"]) for row in counts], [(event, N)], "--event")


def record(daemon, domain, *command):
    """A session with all events of a logger's domain."""
    out = daemon.home / domain
    daemon.lttng("create", domain, f"--output={out}")
    daemon.lttng("enable-event", f"--{domain}", "--all")
    for context in ("vpid", "vtid"):
        # The domain's own channel is one of user space.
        daemon.lttng("add-context", "--userspace", f"--channel=lttng_{domain}_channel", f"--type={context}")
    daemon.lttng("start")
    tap.run(*command, **daemon.options)
    daemon.lttng("destroy")
    return out


def test_tracef_and_tracelog():
    patient()
    program = lttng_session.program("ust_logs")
    with lttng_session.Daemon() as daemon:
        out = daemon.home / "out"
        daemon.session("s", "lttng_ust_trace*", f"--output={out}", contexts=("vpid", "vtid"))
        daemon.run(program, N)
        daemon.lttng("destroy")
        check(out, "lttng_ust_tracef:event", [f"request {i} of tracef" for i in range(N)])
        check(out, "lttng_ust_tracelog:LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING", [f"warning {i}" for i in range(N)])
        both = [row["message"] for row in told(out, "--event=lttng_ust_tracef:*,*:*LOGLEVEL_*")]
        tap.equal(both, [text for i in range(N) for text in (f"request {i} of tracef", f"warning {i}")], "in order of time")


def test_python():
    patient()
    lttng_session.needed()
    if not pathlib.Path(PYTHON).exists() or subprocess.run([PYTHON, "-c", "import lttngust"], stderr=subprocess.DEVNULL, check=False).returncode:
        tap.skip("no python3-lttngust")
    with lttng_session.Daemon() as daemon:
        check(record(daemon, "python", PYTHON, "-c", SCRIPT.format(N)), "lttng_python:event", [f"request {i} of python" for i in range(N)])


def test_java():
    patient()
    lttng_session.needed()
    missing = [path for path in JARS if not pathlib.Path(path).exists()] + [need for need in ("javac", "java") if not shutil.which(need)]
    if missing:
        tap.skip(f"no {', '.join(missing)}")
    with lttng_session.Daemon() as daemon:
        shutil.copy(tap.SOURCE / "tests/ust/Logs.java", daemon.home)
        path = ":".join([*JARS, str(daemon.home)])
        tap.run("javac", "-cp", path, "Logs.java", **daemon.options)
        command = ["java", "-Djava.library.path=/usr/lib/x86_64-linux-gnu/jni:/usr/lib/jni", "-cp", path, "Logs", str(N)]
        check(record(daemon, "jul", *command), "lttng_jul:event", [f"request {i} of jul" for i in range(N)])
        check(record(daemon, "log4j", *command), "lttng_log4j:event", [f"warning {i} of log4j" for i in range(N)])


tap.main(globals())
