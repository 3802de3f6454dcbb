# SPDX-License-Identifier: MIT
"""Tests that print TAP, the Test Anything Protocol, and where they find things.

    import tap

    def test_something():
        tap.equal(1 + 1, 2, "sum")

    tap.main(globals())

Every function called test_* is one subtest, in the order of the file. A function that returns a generator gives one subtest for each
(name, function, arguments..) that it yields. A failure is any exception; tap.skip(REASON) skips. With the argument N/M only every M-th subtest is run, from the N-th on.
"""
import inspect
import os
import pathlib
import subprocess
import sys
import traceback

SOURCE = pathlib.Path(os.environ.get("STRATA_SOURCE", pathlib.Path(__file__).resolve().parent.parent))
BUILD = pathlib.Path(os.environ.get("STRATA_BUILD", SOURCE / "build"))
STRATA = os.environ.get("STRATA", str(BUILD / "src/cli/strata"))
SAMPLES = pathlib.Path(os.environ.get("STRATA_SAMPLES", BUILD / "samples"))
TRACES = pathlib.Path(os.environ["STRATA_TRACES"]) if os.environ.get("STRATA_TRACES") else None


class Skip(Exception):
    """Raised by skip()."""


def skip(reason):
    raise Skip(reason)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def run(*command, status=0, **options):
    """Run a command; return its CompletedProcess with text. Any other exit status than `status` (None: all are fine) is a failure."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    done = subprocess.run([str(word) for word in command], check=False, **options)
    if status is not None and done.returncode != status:
        raise AssertionError(
            f"{' '.join(map(str, command))}: exit status {done.returncode}, wanted {status}\n{done.stderr}")
    return done


def strata(*arguments, **options):
    """Run the program under test."""
    return run(STRATA, *arguments, **options)


def trace_dirs(folder):
    """The CTF traces at and below a folder."""
    return sorted(path.parent for path in folder.rglob("metadata"))


def scenarios():
    """The samples, and the further ones of STRATA_TRACES: folders of traces with a truth.json."""
    folders = [SAMPLES] + ([TRACES] if TRACES else [])
    by_name = {path.parent.name: path.parent for folder in folders for path in sorted(folder.glob("*/truth.json"))}
    return list(by_name.values())


def _subtests(namespace):
    for name, function in list(namespace.items()):
        if not name.startswith("test_") or not callable(function):
            continue
        if inspect.isgeneratorfunction(function):
            yield from ((f"{name}: {sub[0]}", *sub[1:]) for sub in function())
        else:
            yield name, function


def _shard(subtests):
    """Of a file that is run as several tests, N of M, every M-th subtest: programs with sanitizers are slow, and so all processors have work."""
    number, of = map(int, sys.argv[1].split("/")) if len(sys.argv) > 1 else (1, 1)
    return (subtest for i, subtest in enumerate(subtests) if i % of == number - 1)


def main(namespace):
    number = failed = 0
    for name, function, *arguments in _shard(_subtests(namespace)):
        number += 1
        try:
            function(*arguments)
            print(f"ok {number} {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} {name} # SKIP {reason}", flush=True)
        except Exception:  # whatever went wrong, the next test still runs
            failed += 1
            text = traceback.format_exc().rstrip()
            print(f"not ok {number} {name}", *(f"# {line}" for line in text.splitlines()), sep="\n", flush=True)
            print(f"{name}\n{text}", file=sys.stderr)
    print(f"1..{number}")
    sys.exit(1 if failed else 0)
