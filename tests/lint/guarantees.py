#!/usr/bin/env python3
"""Every test that docs/guarantees.md names is there."""

import re

from sources import arguments, finish, project_files

NAME = re.compile(r"`((?:unit|system|lint|fuzz)\.[\w.*]+)`")
UNIT = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", re.MULTILINE)
METHOD = re.compile(r"^class (\w+)|^    def (test_\w+)", re.MULTILINE)


def tests_of(root):
    """As ctest calls them."""
    names = []
    for path in project_files(root, "tests/unit/*.cc"):
        folder = path.parent.name
        names += [f"unit.{folder}.{suite}.{test}" for suite, test in UNIT.findall(path.read_text(encoding="utf-8"))]
    for path in project_files(root, "tests/system/test_*.py"):
        owner = ""
        for class_name, method in METHOD.findall(path.read_text(encoding="utf-8")):
            owner = class_name or owner
            if method:
                names.append(f"system.{path.stem}.{owner}.{method}")
    names += [f"lint.{path.stem}" for path in project_files(root, "tests/lint/*.py")]
    names += [f"fuzz.{path.stem}" for path in project_files(root, "tests/fuzz/*.cc")]
    return names


def main():
    root = arguments(__doc__).root
    tests = tests_of(root)
    page = root / "docs" / "guarantees.md"
    problems = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for name in NAME.findall(line):
            wanted = name.rstrip("*")
            exact = wanted == name
            if not any(test == wanted or test.startswith(wanted.rstrip(".") + "." if exact else wanted) for test in tests):
                problems.append(f"docs/guarantees.md:{number}: there is no test {name}")
    finish(problems, "guarantees")


if __name__ == "__main__":
    main()
