#!/usr/bin/env python3
"""shellcheck over every shell script, found by name or by its first line."""

import re
import shutil
import subprocess

from sources import arguments, finish, project_files, skip

SHEBANG = re.compile(rb"^#!.*\b(sh|bash|dash)\b")


def is_shell_script(path):
    if path.suffix in (".sh", ".bash"):
        return True
    with open(path, "rb") as file:
        return SHEBANG.match(file.readline(200)) is not None


def main():
    root = arguments(__doc__).root
    if shutil.which("shellcheck") is None:
        skip("shellcheck is not installed; script/bootstrap installs it")
    scripts = [str(path.relative_to(root)) for path in project_files(root) if is_shell_script(path)]
    if not scripts:
        finish([], "shellcheck")
    result = subprocess.run(["shellcheck", "--format=gcc", *scripts], cwd=root,
                            capture_output=True, text=True)
    problems = (result.stdout + result.stderr).splitlines()
    if result.returncode != 0 and not problems:
        problems = ["shellcheck failed without a word"]
    finish(problems, f"shellcheck of {len(scripts)} scripts")


if __name__ == "__main__":
    main()
