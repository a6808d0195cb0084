#!/usr/bin/env python3
"""A file includes its own folder and those that src/CMakeLists.txt says its folder knows, which stand
above it there: never upward, never a folder beside it. And a folder says of none that it knows it
without including it: the link graph is the include graph."""

import re

from sources import arguments, finish, includes, project_files

# What a program's main() knows: one folder.
TOPS = {"main.cc": "cli", "main_mpi.cc": "herd"}


def read_house(text):
    """{folder: [folders that it knows]} of the coldload_library() calls, in their order."""
    house = {}
    for name, words in re.findall(r"^ *coldload_library\((\w+)([^)]*)\)", text, re.MULTILINE):
        knows = re.search(r"\bKNOWS((?:\s+[a-z_]+)*)", words)
        house[name] = knows.group(1).split() if knows else []
    return house


def problems_of(house):
    """What is wrong with the list itself: a folder must be declared below what knows it."""
    problems = []
    declared = set()
    for folder, knows in house.items():
        for other in knows:
            if other not in declared:
                problems.append(f"src/CMakeLists.txt:1: {folder}/ knows {other}/, which is not declared before it")
        declared.add(folder)
    return problems


def problem_with(root, house, folder, delimiter, name):
    """Why a file in src/`folder` (of a main(): its name) may not include `name`; None if it may."""
    target = name.split("/")[0] if "/" in name else None
    if delimiter == "<":
        if (root / "src" / name).is_file():
            return "a project header is included with quotes"
        return None
    if target is None:
        return "write the folder too, as seen from src/"
    if target not in house:
        return f"src/CMakeLists.txt declares no {target}/; system and library headers take <>"
    if folder not in house:
        return None if target == TOPS.get(folder) else f"{folder} knows {TOPS.get(folder)}/ alone"
    if target == folder or target in house[folder]:
        return None
    order = list(house)
    if order.index(target) > order.index(folder):
        return f"{folder}/ points up to {target}/"
    return f"{folder}/ does not know {target}/ (src/CMakeLists.txt)"


def main():
    root = arguments(__doc__).root
    house = read_house((root / "src/CMakeLists.txt").read_text(encoding="utf-8"))
    problems = problems_of(house)
    used = {folder: set() for folder in house}
    for path in project_files(root, "src/*.h", "src/*.cc"):
        relative = path.relative_to(root)
        folder = relative.parts[1]
        if len(relative.parts) > 2 and folder not in house:
            problems.append(f"{relative}:1: src/CMakeLists.txt declares no {folder}/")
            continue
        for number, delimiter, name in includes(path):
            if folder in house:
                used[folder].add(name.split("/")[0])
            why = problem_with(root, house, folder, delimiter, name)
            if why:
                problems.append(f"{relative}:{number}: includes {name}: {why}")
    for folder, knows in house.items():
        for other in knows:
            if other not in used[folder]:
                problems.append(f"src/CMakeLists.txt:1: {folder}/ knows {other}/ and includes nothing of it")
    finish(problems, "include direction")


if __name__ == "__main__":
    main()
