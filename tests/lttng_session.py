# SPDX-License-Identifier: MIT
"""A session daemon of LTTng of one's own, to record programs of the tests with LTTng-UST.

    with lttng_session.Daemon() as daemon:
        daemon.lttng("create", "s", f"--output={daemon.home / 'out'}")
        ...
        daemon.run(program, "100")

root's daemons all share one place, so root lets it run as nobody, in a folder of nobody's.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import tap

NEEDED = ("lttng", "lttng-sessiond", "babeltrace2")


def needed(*paths):
    """Skips where nothing can be recorded, or one of these files isn't there."""
    missing = [need for need in NEEDED if not shutil.which(need)] + [str(path) for path in paths if not path.exists()]
    if missing:
        tap.skip(f"no {', '.join(missing)}")


def program(name):
    """A program of the tests that LTTng-UST can trace; skips where that can't be recorded."""
    path = tap.BUILD / "tests" / name
    needed(path)
    return path


class Daemon:
    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="strata-lttng-"))
        self.options = {"cwd": self.home, "env": self._environment()}
        self.process = None
        if os.geteuid() == 0:
            shutil.chown(self.home, "nobody", "nogroup")
            self.options.update(user="nobody", group="nogroup", extra_groups=[])

    def _environment(self):
        env = {name: value for name, value in os.environ.items() if not name.startswith("LTTNG")}
        # Neither the tools nor a sanitized program are what is tested for leaks here.
        return env | {"HOME": str(self.home), "LTTNG_HOME": str(self.home), "LTTNG_UST_REGISTER_TIMEOUT": "10000",
                      "ASAN_OPTIONS": "detect_leaks=0"}

    def __enter__(self):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(["lttng-sessiond", "--no-kernel"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, **self.options)
        for _ in range(100):
            if self.lttng("list", status=None).returncode == 0:
                return self
            time.sleep(0.1)
        self.__exit__()
        tap.skip("the session daemon does not start here")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.home, ignore_errors=True)

    def lttng(self, *arguments, **options):
        return tap.run("lttng", "--no-sessiond", *arguments, **self.options, **options)

    def run(self, path, *arguments):
        """Run a program, a copy of it: the user that it runs as may not see the build directory."""
        copy = self.home / path.name
        if not copy.exists():
            shutil.copy(path, copy)
            copy.chmod(0o755)
        return tap.run(copy, *arguments, **self.options)

    def session(self, name, events, *options, buffers="uid", contexts=()):
        """A session that traces these events."""
        self.lttng("create", name, *options)
        self.lttng("enable-channel", "--userspace", "ch", f"--buffers-{buffers}", "--subbuf-size=4096", "--num-subbuf=64")
        self.enable(events)
        for context in contexts:
            self.lttng("add-context", "--userspace", f"--type={context}")
        self.lttng("start")

    def enable(self, events):
        self.lttng("enable-event", "--userspace", "--channel=ch", events)
