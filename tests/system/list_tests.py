#!/usr/bin/env python3
"""Lists the test methods of unittest files without importing them (CMake asks at configure time):
one line `file;Class;method;timeout_s` each.

A class says how long one of its tests may take with a class attribute `timeout_s = 300`. Classes
inherit the tests of classes in the same file; a class whose name starts with _ is only a base.
"""

import ast
import sys
from pathlib import Path

DEFAULT_TIMEOUT_S = 120


def class_tests(classes, name, seen=()):
    """{method: None} in order, and timeout_s, of one class with what it inherits in its file."""
    methods, timeout_s = {}, None
    node = classes[name]
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id not in seen:
            inherited, inherited_timeout_s = class_tests(classes, base.id, (*seen, name))
            methods.update(inherited)
            timeout_s = timeout_s or inherited_timeout_s
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
            methods[item.name] = None
        if (isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name)
                and item.targets[0].id == "timeout_s"):
            timeout_s = ast.literal_eval(item.value)
    return methods, timeout_s


def tests_of(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=str(path))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name in classes:
        if name.startswith("_"):
            continue
        methods, timeout_s = class_tests(classes, name)
        for method in methods:
            yield Path(path).stem, name, method, timeout_s or DEFAULT_TIMEOUT_S


def main():
    for path in sys.argv[1:]:
        for test in tests_of(path):
            print(*test, sep=";")


if __name__ == "__main__":
    main()
