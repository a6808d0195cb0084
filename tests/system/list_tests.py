#!/usr/bin/env python3
"""Lists the test methods of unittest files without importing them (CMake asks at configure time):
one line `file;Class;method;timeout_s;builds` each, `builds` being one of

  all      in every build
  address  not under the thread sanitizer
  release  not under a sanitizer

A class says so with class attributes: `timeout_s = 300`, how long one of its tests may take;
`threads = True`, where the threads of coldload are what is tested (all); `waits = True`, where most
of the time is spent waiting, and others take the same ways through the code (release). Classes
inherit the attributes and tests of classes in the same file; a class whose name starts with _ is
only a base.
"""

import ast
import sys
from pathlib import Path

DEFAULTS = {"timeout_s": 120, "threads": False, "waits": False}


def class_tests(classes, name, seen=()):
    """{method: None} in order, and {attribute: value}, of one class with what it inherits in its
    file."""
    methods, attributes = {}, {}
    node = classes[name]
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id not in seen:
            inherited, inherited_attributes = class_tests(classes, base.id, (*seen, name))
            methods.update(inherited)
            attributes = inherited_attributes | attributes
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
            methods[item.name] = None
        if (isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name)
                and item.targets[0].id in DEFAULTS):
            attributes[item.targets[0].id] = ast.literal_eval(item.value)
    return methods, attributes


def tests_of(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=str(path))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name in classes:
        if name.startswith("_"):
            continue
        methods, attributes = class_tests(classes, name)
        attributes = DEFAULTS | attributes
        builds = ("release" if attributes["waits"] else
                  "all" if attributes["threads"] else "address")
        for method in methods:
            yield Path(path).stem, name, method, attributes["timeout_s"], builds


def main():
    for path in sys.argv[1:]:
        for test in tests_of(path):
            print(*test, sep=";")


if __name__ == "__main__":
    main()
