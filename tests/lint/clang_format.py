#!/usr/bin/env python3
"""C++ files are formatted as .clang-format says (clang-format --style=file -i FILE mends)."""

import subprocess

from sources import arguments, finish, llvm_14, project_files


def main():
    root = arguments(__doc__).root
    tool = llvm_14("clang-format")
    paths = project_files(root, "src/*.h", "src/*.cc", "tests/*.h", "tests/*.cc", "bench/*.h",
                          "bench/*.cc")
    problems = []
    for path in paths:
        result = subprocess.run(
            [tool, "--style=file", "--dry-run", "-Werror", "--ferror-limit=1",
             str(path.relative_to(root))], cwd=root, capture_output=True, text=True)
        if result.returncode != 0:
            problems.append(result.stderr.strip().splitlines()[0])
    finish(problems, "clang-format")


if __name__ == "__main__":
    main()
