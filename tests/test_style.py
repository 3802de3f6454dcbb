#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of CONTRIBUTING.md that a program can check."""
import os
import re
import shutil

import tap

FILE_LINES = 800
FUNCTION_LINES = 100

# Files of src/ that may be longer, and why.
LONG_FILES = {
}

# Not bounded, not thread-safe, or silent about errors; use GLib's: g_strlcpy, g_snprintf, g_ascii_string_to_unsigned, g_strsplit.
BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|gmtime|localtime|ctime|asctime|system|popen"
                    r"|tmpnam|mktemp)\s*\(")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
# A path of the machine that somebody works on has no meaning on another one.
OWN_PATH = re.compile(r"(?<![\w.$}/-])/(home|root|work|tmp|Users)/\w")

SOURCE_NAMES = {"run", "test", "meson.build", "meson_options.txt"}
SOURCE_SUFFIXES = {".c", ".h", ".py", ".sh", ".map", ".def"}
SCRIPT = re.compile(r"#!.*\b(ba|da)?sh\b")
MAN_PAGE = re.compile(r"\.[1-8]$")
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def files():
    """Every file of the source tree that people wrote, as a path from its top."""
    for folder, folders, names in os.walk(tap.SOURCE):
        folders[:] = sorted(d for d in folders if d not in (".git", "__pycache__", "corpus", "data") and not d.startswith("build"))
        for name in sorted(names):
            path = tap.SOURCE / os.path.relpath(os.path.join(folder, name), tap.SOURCE)
            if not path.is_symlink() and path.suffix not in (".zst", ".pyc", ".png") and name != ".git":
                yield path.relative_to(tap.SOURCE)


FILES = list(files())
TEXT = {file: (tap.SOURCE / file).read_text(encoding="utf-8") for file in FILES}
C_FILES = [file for file in FILES if file.suffix in (".c", ".h")]
SCRIPTS = [file for file in FILES if SCRIPT.match(TEXT[file]) or file.suffix == ".sh"]
MAN_PAGES = [file for file in FILES if MAN_PAGE.search(file.name)]


def report(complaints):
    complaints = list(complaints)
    tap.check(not complaints, "\n".join(complaints))


def matches(pattern, chosen, text_of, what):
    for file in chosen:
        for number, line in enumerate(text_of(file).splitlines(), 1):
            found = pattern.search(line)
            if found:
                yield f"{file}:{number}: {what}: {found[0].strip()}"


def code_of(file):
    """A C file without comments and strings, its lines kept."""
    return COMMENT_OR_STRING.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), TEXT[file])


def is_source(file):
    return file.suffix in SOURCE_SUFFIXES or file.name in SOURCE_NAMES or file in SCRIPTS or file in MAN_PAGES


def test_licence_lines():
    report(f"{file}: no SPDX line" for file in FILES
           if is_source(file)
           and "SPDX-License-Identifier: MIT" not in "\n".join(TEXT[file].splitlines()[:2]))


def test_files_are_short():
    for file in LONG_FILES:
        tap.check(file in map(str, FILES), f"{file}: has a reason to be long, but is not there")
    report(f"{file}: {lines} lines, may have {FILE_LINES}" for file in C_FILES if file.parts[0] == "src"
           if (lines := TEXT[file].count("\n")) > FILE_LINES and str(file) not in LONG_FILES)


def function_bodies(file):
    """(line, lines) of each function: its body's braces stand alone at the line's begin."""
    begin = None
    for number, line in enumerate(code_of(file).splitlines(), 1):
        if line.rstrip() == "{":
            begin = number
        elif line.startswith("}") and begin:
            yield begin, number - begin - 1
            begin = None


def test_functions_are_short():
    report(f"{file}:{begin}: a function of {lines} lines, may have {FUNCTION_LINES}" for file in C_FILES
           for begin, lines in function_bodies(file) if lines > FUNCTION_LINES)


def test_nothing_is_unfinished():
    report(matches(UNFINISHED, FILES, TEXT.get, "unfinished"))


def test_banned_functions():
    report(matches(BANNED, C_FILES, code_of, "banned function"))


def test_no_paths_of_one_machine():
    report(matches(OWN_PATH, FILES, TEXT.get, "path of one machine"))


def test_header_guards():
    def guard(file):
        return "STRATA_" + re.sub(r"\W", "_", "_".join(file.parts[1:] if file.parts[0] == "src" else file.parts[2:])).upper()
    report(f"{file}: no #ifndef {guard(file)}" for file in C_FILES
           if file.suffix == ".h" and file.parts[0] in ("src", "include") and f"#ifndef {guard(file)}\n" not in TEXT[file])


def test_blanks():
    report(f"{file}: ends without a newline" for file in FILES if TEXT[file] and not TEXT[file].endswith("\n"))
    report(matches(re.compile(r"[ \t]+$|\r"), [file for file in FILES if file.suffix != ".txt"], TEXT.get, "blanks at the end of a line"))


def test_links_between_documents():
    report(f"{file}: link to {link}, which is not there" for file in FILES if file.suffix == ".md"
           for link in re.findall(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)", TEXT[file])
           if not (tap.SOURCE / file.parent / link).exists())


def test_shell_scripts():
    if not shutil.which("shellcheck"):
        tap.skip("no shellcheck")
    done = tap.run("shellcheck", "-x", *SCRIPTS, status=None, cwd=tap.SOURCE)
    tap.check(done.returncode == 0, done.stdout)


def test_manual_pages():
    if not shutil.which("mandoc"):
        tap.skip("no mandoc")
    complaints = []
    for page in MAN_PAGES:
        done = tap.run("mandoc", "-T", "lint", "-W", "warning", page, status=None, cwd=tap.SOURCE)
        if done.returncode:
            complaints.append(done.stdout)
    report(complaints)


tap.main(globals())
