#!/usr/bin/env python3
"""Lists the test methods of unittest files without importing them (CMake asks at configure time):
one line `file;Class;method;timeout_s;builds;alone` each, `builds` being one of

  release  not under a sanitizer
  address  not under the thread sanitizer
  all      in every build

A class says so with class attributes; each of the last three is True for all of its tests, or the
names of those that it is true for:

  timeout_s = 300   how long one of its tests may take
  alone = True      it measures what this machine delivers, so nothing runs beside it; all others may
                    run beside each other, and look at nothing but their own files, processes, mounts
                    and ports
  address = ("test_a", "test_b")   run under the address sanitizer, too
  threads = True    run under both sanitizers

The sanitizers look at memory and threads, which the unit tests of all folders show them already. So
a system test runs under them where it takes coldload a way that no unit test takes: a command from
its words to its exit code, a signal or a death in the middle of it, a file or a message from outside
that is taken apart, a mount with readers. One test for each such way; under the thread sanitizer
only where threads of coldload meet on it.

Classes inherit the attributes and tests of classes in the same file; a class whose name starts with
_ is only a base.
"""

import ast
import sys
from pathlib import Path

DEFAULTS = {"timeout_s": 120, "alone": False, "address": False, "threads": False}


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


def chosen(attribute, methods, where):
    """The methods that an attribute names: all, none, or those listed, which must be there."""
    if isinstance(attribute, bool):
        return set(methods) if attribute else set()
    names = {attribute} if isinstance(attribute, str) else set(attribute)
    if names - set(methods):
        sys.exit(f"{where} has no {', '.join(sorted(names - set(methods)))}")
    return names


def tests_of(path):
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=str(path))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for name in classes:
        if name.startswith("_"):
            continue
        methods, attributes = class_tests(classes, name)
        attributes = DEFAULTS | attributes
        alone, address, threads = (chosen(attributes[key], methods, f"{path}: {name}")
                                   for key in ("alone", "address", "threads"))
        for method in methods:
            builds = ("all" if method in threads else
                      "address" if method in address else "release")
            yield (Path(path).stem, name, method, attributes["timeout_s"], builds,
                   "alone" if method in alone else "beside")


def main():
    for path in sys.argv[1:]:
        for test in tests_of(path):
            print(*test, sep=";")


if __name__ == "__main__":
    main()
