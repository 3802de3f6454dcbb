#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages tell of everything there is, and of nothing that is not there."""
import json
import re

import tap

MAN = tap.SOURCE / "docs/man"

# Options that strata.1 describes once for all commands.
COMMON = {"--alone", "--level", "--map", "--begin", "--end", "--machine", "--jobs", "--format", "--sort", "--ascending", "--limit",
          "--thread", "--process", "--container", "--memory", "--no-cache"}

# Commands that print tables, and the options by which they print others.
TABLES = {"info": [[], ["--streams"], ["--counts"]], "vms": [[]], "vcpus": [[]], "exits": [[], *[[f"--by={what}", "--histogram"] for what in ("reason", "what", "mode", "rip", "vcpu")], ["--every=1s"], ["--log"]], "containers": [[], ["--every=1s"]],
          "edges": [["--by=wakeup"], ["--by=packet"]],
          "critical-path": [["--thread=swapper*", "--thread=*"], ["--thread=*", "--by=summary"], ["--process=*", "--by=stack"]],
          "diff": [["--all", str(tap.SAMPLES / "nested-cpu")]],
          "waits": [["--histogram"], ["--every=1s"], ["--log"]],
          "counters": [[], ["--every=1s"]], "nested": [[], ["--every=1s"]], "steal": [["--histogram"], ["--every=1s"], ["--log", "--limit=1"]], "layers": [["--by=cpu"], ["--every=1s"], *[[f"--by={what}"] for what in ("thread", "process", "container")]],
          "guests": [[], ["--by=vcpu"], ["--every=1s"]], "vmio": [["--histogram"], ["--every=1s"], ["--log", "--limit=1"]], "disk": [["--histogram"], ["--every=1s"], ["--log", "--limit=1"]], "memory": [[], ["--every=1s"], ["--log", "--limit=1"]],
          "threads": [["--histogram"], ["--every=1s"], ["--log"]], "processes": [["--histogram"], ["--every=1s"]],
          "cpus": [[], ["--every=1s"], ["--log"]], "states": [["--end=+1ms"]], "sync": [[]],
          **{name: [[], ["--every=1s", "--histogram"], ["--log", "--limit=1"]] for name in ("syscalls", "files", "futexes")},
          "irqs": [["--histogram"], ["--every=1s"], ["--log"]],
          **{name: [[], ["--every=1s"], ["--log"]] for name in ("net", "connections")},
          "user": [[], ["--log"], ["--every=1s"]], "spans": [[], ["--log"], ["--histogram"], ["--every=1s"]],
          "requests": [["--histogram"], ["--every=1s"], ["--log"], ["--by=cause"]]}


def page(name):
    path = MAN / name
    tap.check(path.is_file(), f"docs/man/{name}: not there")
    return path.read_text(encoding="utf-8")


def commands():
    """The commands that `strata --help` lists."""
    text = tap.strata("--help").stdout
    return re.findall(r"^  ([a-z][a-z-]*) ", text.split("Commands:\n", 1)[1], re.M)


def options_of_program(command):
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z][a-z-]*)", tap.strata(command, "--help").stdout, re.M)) - {"--help"}


def options_of_page(text):
    return {"--" + name for name in re.findall(r"(?:\bFl|,) -([a-z][a-z-]*)", text)}


def columns_of_program(command):
    """Of all tables that it can print."""
    names = set()
    if command == "sync":  # its JSON is none of a table
        return set(tap.strata(command, "--format=csv", tap.SAMPLES / "nested-cpu").stdout.splitlines()[0].split(","))
    for options in TABLES[command]:
        table = json.loads(tap.strata(command, "--format=json", *options, tap.SAMPLES / "nested-cpu/host").stdout)
        names |= {column["name"] for column in table["columns"]}
    return names


def columns_of_page(text):
    lines = re.findall(r"^\.It Va (.*)$", text.split("The columns are", 1)[1], re.M)
    return {name for line in lines for name in re.split(r"[ ,]+", line)}


def check_columns(command):
    have, told = columns_of_program(command), columns_of_page(page(f"strata-{command}.1"))
    tap.equal(sorted(have - told), [], f"columns of strata {command} that its page lacks")
    tap.equal(sorted(told - have), [], f"columns in strata-{command}.1 that are not there")


def check_command(command):
    text = page(f"strata-{command}.1")
    have, told = options_of_program(command), options_of_page(text)
    tap.equal(sorted(COMMON - options_of_page(page("strata.1"))), [], "common options that strata.1 lacks")
    tap.equal(sorted(have - told - COMMON), [], f"options of strata {command} that its page lacks")
    tap.equal(sorted(told - have), [], f"options in strata-{command}.1 that are not there")
    tap.check(f".It Cm {command}\n" in page("strata.1"), f"strata.1 does not tell of {command}")


def test_command():
    tap.check(commands(), "strata --help lists no command")
    for command in commands():
        yield command, check_command, command
        if command in TABLES:
            yield command + ", columns", check_columns, command


def test_no_page_without_command():
    pages = {path.stem.removeprefix("strata-") for path in MAN.glob("strata-*.1")}
    tap.equal(sorted(pages - set(commands())), [])
    tap.equal(sorted(set(re.findall(r"^\.It Cm (\w+)$", page("strata.1"), re.M)) - set(commands())), [])


def test_pages_are_installed():
    listed = set(re.findall(r"'man/([^']+)'", (tap.SOURCE / "docs/meson.build").read_text(encoding="utf-8")))
    tap.equal(listed, {path.name for path in MAN.iterdir()})


def test_library_functions():
    header = (tap.SOURCE / "include/strata/strata.h").read_text(encoding="utf-8")
    functions = set(re.findall(r"STRATA_API[^;]*?\b(strata_\w+)\(", header))
    text = page("libstrata.3")
    tap.equal(set(re.findall(r"^\.(?:Fn|Fo) (strata_\w+)", text.split(".Sh DESCRIPTION")[0], re.M)), functions, "synopsis")
    tap.equal(set(re.findall(r"^\.Nm (strata_\w+)", text, re.M)), functions, "names")


tap.main(globals())
