#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What is installed can be used: a program that is compiled against it by pkg-config alone runs."""
import os
import pathlib
import re
import shlex
import tempfile

import tap

STAGE = tempfile.TemporaryDirectory(prefix="strata-install-")
SAMPLE = [tap.SAMPLES / "nested-cpu/host"]
ROOT = pathlib.Path(STAGE.name)


def installed(pattern):
    found = sorted(ROOT.rglob(pattern))
    tap.check(found, f"{pattern}: not installed")
    return found[0]


def pkg_config(*arguments):
    pc = installed("strata.pc")
    prefix = ROOT / re.search(r"^prefix=/(.*)", pc.read_text(encoding="utf-8"), re.M)[1]
    path = f"{pc.parent}:{os.environ.get('PKG_CONFIG_PATH', '')}"
    done = tap.run("pkg-config", f"--define-variable=prefix={prefix}", *arguments, "strata",
                   env={**os.environ, "PKG_CONFIG_PATH": path})
    return shlex.split(done.stdout)


def build_example(name, *flags):
    program = ROOT / name
    source = tap.SOURCE / "tests/install/example.c"
    tap.run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", *pkg_config("--cflags"), "-o", program, source, *flags)
    return program


def check_output(done):
    lines = done.stdout.splitlines()
    tap.equal(lines[0], "strata " + pkg_config("--modversion")[0])
    tap.equal(lines[1], "l0-17000: 4375 switches")
    tap.equal(done.stderr, "")


def test_install():
    tap.run("meson", "install", "-C", tap.BUILD, "--no-rebuild", "--destdir", ROOT)
    installed("include/strata/strata.h")


def test_shared_library():
    program = build_example("shared", *pkg_config("--libs"))
    check_output(tap.run(program, *SAMPLE, env={**os.environ, "LD_LIBRARY_PATH": str(installed("libstrata.so").parent)}))


def test_static_library():
    flags = [str(installed("libstrata.a")) if flag == "-lstrata" else flag for flag in pkg_config("--libs", "--static")]
    check_output(tap.run(build_example("static", *flags), *SAMPLE))


def test_header_is_cxx():
    source = ROOT / "example.cc"
    source.write_text("#include <strata/strata.h>\nint main() { return strata_version() ? 0 : 1; }\n", encoding="utf-8")
    if tap.run("cc", "-xc++", "-fsyntax-only", "/dev/null", status=None).returncode:
        tap.skip("no C++ compiler")
    tap.run("cc", "-fsyntax-only", "-Wall", "-Werror", *pkg_config("--cflags"), source)


def test_exported_symbols():
    names = [line.split()[-1] for line in
             tap.run("nm", "-D", "--defined-only", installed("libstrata.so")).stdout.splitlines()]
    header = installed("strata.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"STRATA_API[^;]*?\b(strata_\w+)\(", header))
    tap.equal(sorted(names), sorted(declared), "symbols of the shared library, against strata.h")


tap.main(globals())
