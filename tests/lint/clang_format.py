#!/usr/bin/env python3
"""C++ files are formatted as .clang-format says (clang-format --style=file -i FILE mends)."""

import re
import subprocess

from sources import arguments, finish, llvm_14, project_files

PROBLEM = re.compile(r"\S.*:\d+:\d+: error: ")


def main():
    root = arguments(__doc__).root
    tool = llvm_14("clang-format")
    paths = project_files(root, "src/*.h", "src/*.cc", "tests/*.h", "tests/*.cc", "bench/*.h",
                          "bench/*.cc")
    # One process: to load the tool takes ten times as long as to format a file.
    result = subprocess.run(
        [tool, "--style=file", "--dry-run", "-Werror", "--ferror-limit=1",  # of each file
         *(str(path.relative_to(root)) for path in paths)],
        cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    problems = [line for line in result.stderr.splitlines() if PROBLEM.match(line)]
    if result.returncode != 0 and not problems:
        problems = [result.stderr.strip() or "clang-format failed without a word"]
    finish(problems, "clang-format")


if __name__ == "__main__":
    main()
