#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The include rule: a folder of src/ includes only folders before it, and of those only their public header."""
import pathlib
import re

import tap

# Each folder may include those before it. docs/architecture.md says what each is for.
ORDER = ["base", "ctf", "trace", "history", "kernel", "kvm", "user", "experiment", "layers", "graph", "view", "analysis",
         "diagnose", "compare", "export", "server", "record", "api", "cli"]

# What these folders may include besides themselves, and nothing more: an output format knows no traces.
ONLY = {"view": {"base"}}

# All headers of these folders are public, but private.h.
OPEN = {"base", "kernel", "analysis", "kvm"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
SRC = tap.SOURCE / "src"


def complaint(file, header):
    """What is wrong with src/`file` including "`header`"; None: nothing."""
    home, target = file.parts[0], pathlib.PurePosixPath(header)
    if target.parts[0] == "strata":
        return None if home in ("api", "cli") else "the installed API is above it"
    if len(target.parts) == 1 and (SRC / file.parent / target).is_file():
        return None
    if not (SRC / target).is_file():
        return "no such file below src/"
    folder = target.parts[0]
    if folder == home:
        return None
    if folder not in ORDER:
        return f"{folder}/ has no place in the order"
    if ORDER.index(folder) > ORDER.index(home):
        return f"{home}/ may not include {folder}/, which stands above it"
    if folder not in ONLY.get(home, ORDER):
        return f"{home}/ knows nothing of {folder}/"
    if folder in OPEN and target.name == "private.h":
        return f"private to {folder}/"
    if folder not in OPEN and target.name != f"{folder}.h":
        return f"private to {folder}/: its public header is {folder}/{folder}.h"
    return None


def test_every_folder_has_its_place():
    for folder in sorted(path.name for path in SRC.iterdir() if path.is_dir()):
        tap.check(folder in ORDER, f"src/{folder}: not in the order of folders")


def test_nothing_includes_upwards():
    complaints = []
    for path in sorted(SRC.rglob("*.[ch]")):
        file = path.relative_to(SRC)
        for header in INCLUDE.findall(path.read_text(encoding="utf-8")):
            wrong = complaint(file, header)
            if wrong:
                complaints.append(f"src/{file}: #include \"{header}\": {wrong}")
    tap.check(not complaints, "\n".join(complaints))


def test_the_rule_bites():
    tap.check(complaint(pathlib.PurePosixPath("base/error.c"), "ctf/ctf.h"), "upwards")
    tap.check(complaint(pathlib.PurePosixPath("cli/main.c"), "ctf/arena.h"), "private")
    tap.check(complaint(pathlib.PurePosixPath("cli/main.c"), "kernel/private.h"), "private")
    tap.check(complaint(pathlib.PurePosixPath("view/view.c"), "ctf/ctf.h"), "knows nothing of it")
    tap.check(complaint(pathlib.PurePosixPath("ctf/trace.c"), "nowhere/nowhere.h"), "missing")
    tap.equal(complaint(pathlib.PurePosixPath("ctf/trace.c"), "base/error.h"), None, "downwards")
    tap.equal(complaint(pathlib.PurePosixPath("ctf/trace.c"), "ctf/arena.h"), None, "own")


tap.main(globals())
