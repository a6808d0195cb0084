#!/usr/bin/env python3
"""Which test files the compiler reads together: compile_together.py FILE... prints a line `GROUP FILE`
for each.

Most of what one test file has the compiler do (the headers, GoogleTest's comparisons) is what the
others of its folder have it do, too: ten together take as long as two alone. They are grouped so that
no two of a group define the same name at their outermost level.
"""

import re
import sys
from pathlib import Path

MOST = 10  # files of a group

# Functions, variables and types; a test by its suite and name.
DEFINED = re.compile(
    r"^(?:"
    r"(?:class|struct|union|enum class|enum) (\w+)"
    r"|using (\w+) ="
    r"|(TEST\w*\(\w+, \w+)\)"
    r"|#define (\w+)"
    r"|(?!namespace|using |#|//)[A-Za-z][^(={]*?(?<!:)\b(\w+)(?:\(| ?\{| =|;)"
    r")", re.MULTILINE)
BROUGHT = re.compile(r"^using [\w:]+::(\w+);", re.MULTILINE)
# Variables and parameters, none of which may have the name of something outside (-Wshadow); more
# words than these look like it, which costs a group now and then.
LOCAL = re.compile(r"(?<=[\w>&*] )(\w+)(?=(?: =|;|\{| :|,|\)|\())")
PLAIN = {"TEST", "TEST_F", "TEST_P", "INSTANTIATE_TEST_SUITE_P", "static_assert"}


def names_in(text):
    return {name for match in DEFINED.finditer(text) for name in match.groups() if name} - PLAIN


class Group:
    def __init__(self):
        self.names, self.brought, self.locals, self.paths = set(), set(), set(), []

    def takes(self, names, brought, variables):
        return (len(self.paths) < MOST
                and not names & (self.names | self.brought | self.locals)
                and not brought & (self.names | self.locals)
                and not variables & (self.names | self.brought))


def grouped(paths):
    groups = []
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        found = names_in(text), set(BROUGHT.findall(text)), set(LOCAL.findall(text))
        group = next((group for group in groups if group.takes(*found)), None)
        if group is None:
            group = Group()
            groups.append(group)
        for known, new in zip((group.names, group.brought, group.locals), found):
            known |= new
        group.paths.append(path)
    return groups


def main():
    for number, group in enumerate(grouped(sys.argv[1:])):
        for path in group.paths:
            print(number, path)


if __name__ == "__main__":
    main()
