#!/usr/bin/env python3
"""No file names a place on the machine that built it or ran an experiment."""

import re

from sources import arguments, finish, project_files

# /home/user and the like are examples in docs; /root/.cache is where a container keeps a hub cache.
PRIVATE = re.compile(
    rb"(?<![\w.~{}$)/-])(/home/(?!user\b|me\b|you\b)\w|/Users/\w|/work/\w|/root/(?!\.cache\b)\w)")


def main():
    root = arguments(__doc__).root
    own = re.compile(re.escape(str(root).encode()) + rb"(?![\w-])")
    problems = []
    for path in project_files(root):
        relative = path.relative_to(root)
        if relative.match("tests/lint/*"):
            continue
        content = path.read_bytes()
        if b"\0" in content[:8000]:
            continue
        for number, line in enumerate(content.split(b"\n"), 1):
            match = PRIVATE.search(line) or own.search(line)
            if match:
                start = line[match.start():match.start() + 40].decode(errors="replace")
                problems.append(f"{relative}:{number}: names a place on one machine: {start}")
    finish(problems, "machine paths")


if __name__ == "__main__":
    main()
