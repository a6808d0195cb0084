#!/usr/bin/env python3
"""A source file past 400 lines holds a second idea, or has a reason in the list here."""

from sources import arguments, finish, project_files

MOST_LINES = 400

# Path -> why it is longer.
REASONS = {
    "src/report/verdict.cc": "every rule behind the report's sentences, readable in one place",
}


def main():
    root = arguments(__doc__).root
    problems = []
    for path in project_files(root, "src/*.h", "src/*.cc"):
        relative = str(path.relative_to(root))
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MOST_LINES and relative not in REASONS:
            problems.append(f"{relative}:{MOST_LINES + 1}: {lines} lines: which second idea moved "
                            "in? Split it, or give the reason in tests/lint/file_sizes.py")
    finish(problems, "file sizes")


if __name__ == "__main__":
    main()
