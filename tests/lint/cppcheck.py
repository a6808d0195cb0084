#!/usr/bin/env python3
"""cppcheck over src/: warnings, performance and portability. cppcheck_suppressions.txt has what it is
wrong about, with the reason. Without the libraries' headers, ten seconds for the whole house."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sources import arguments, finish, project_files, skip

# Others are wrong about other things.
VERSION = "2.10"
SUPPRESSIONS = Path(__file__).resolve().parent / "cppcheck_suppressions.txt"
# Macros that it would have to see the libraries for.
MACROS = ("BOOST_DESCRIBE_ENUM", "BOOST_DESCRIBE_NESTED_ENUM", "BOOST_DESCRIBE_STRUCT")


def main():
    root = arguments(__doc__).root
    if shutil.which("cppcheck") is None:
        skip("cppcheck is not installed; script/bootstrap installs it")
    version = subprocess.run(["cppcheck", "--version"], capture_output=True, text=True).stdout
    if not re.search(rf"\b{re.escape(VERSION)}\b", version):
        skip(f"{version.strip()} is not version {VERSION}, which the suppressions are for")
    files = [str(path.relative_to(root)) for path in project_files(root, "src/*.cc")]
    result = subprocess.run(
        ["cppcheck", "--quiet", "--std=c++20", "--language=c++", "-Isrc", "-D_GNU_SOURCE",
         *(f"-D{macro}(...)=" for macro in MACROS), f"-j{len(os.sched_getaffinity(0))}",
         "--enable=warning,performance,portability", "--inline-suppr",
         f"--suppressions-list={SUPPRESSIONS}", "--template={file}:{line}: {id}: {message}",
         "--error-exitcode=1", *files], cwd=root, capture_output=True, text=True)
    problems = (result.stdout + result.stderr).splitlines()
    if result.returncode != 0 and not problems:
        problems = ["cppcheck failed without a word"]
    finish(problems, f"cppcheck of {len(files)} files")


if __name__ == "__main__":
    main()
