#!/usr/bin/env python3
"""A source file past 400 lines holds a second idea."""

from sources import arguments, finish, project_files

MOST_LINES = 400


def main():
    root = arguments(__doc__).root
    problems = []
    for path in project_files(root, "src/*.h", "src/*.cc"):
        relative = str(path.relative_to(root))
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MOST_LINES:
            problems.append(f"{relative}:{MOST_LINES + 1}: {lines} lines: which second idea moved "
                            "in? Split it")
    finish(problems, "file sizes")


if __name__ == "__main__":
    main()
