#!/usr/bin/env python3
"""A file includes its own folder and folders of lower layers only: never upward, never a sibling."""

from sources import arguments, finish, includes, project_files

LAYERS = {
    "os": 0, "text": 0,
    "gpu": 1, "model": 1,
    "storage": 2,
    "load": 3, "serve": 3, "stage": 3,
    "measure": 4,
    "report": 5,
    "cli": 6,
}


def problem_with(root, folder, delimiter, name):
    """Why a file in src/`folder` ("" for main.cc) may not include `name`; None if it may."""
    target = name.split("/")[0] if "/" in name else None
    if delimiter == "<":
        if (root / "src" / name).is_file():
            return "a project header is included with quotes"
        return None
    if target is None:
        return "write the folder too, as seen from src/"
    if target not in LAYERS:
        return f"no layer is called {target}/; system and library headers take <>"
    if folder == "":
        return None if target == "cli" else "main.cc knows cli/ alone"
    if folder == target:
        return None
    if LAYERS[target] > LAYERS[folder]:
        return f"{folder}/ (layer {LAYERS[folder]}) points up to {target}/ (layer {LAYERS[target]})"
    if LAYERS[target] == LAYERS[folder]:
        return f"{folder}/ and {target}/ are siblings and do not know each other"
    return None


def main():
    root = arguments(__doc__).root
    problems = []
    for path in project_files(root, "src/*.h", "src/*.cc"):
        relative = path.relative_to(root)
        folder = relative.parts[1] if len(relative.parts) > 2 else ""
        if folder and folder not in LAYERS:
            problems.append(f"{relative}:1: src/{folder}/ is not a layer that this lint knows")
            continue
        for number, delimiter, name in includes(path):
            why = problem_with(root, folder, delimiter, name)
            if why:
                problems.append(f"{relative}:{number}: includes {name}: {why}")
    finish(problems, "include direction")


if __name__ == "__main__":
    main()
