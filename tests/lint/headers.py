#!/usr/bin/env python3
"""Every header compiles alone, says what it is and which layer it belongs to, and is read once."""

from sources import arguments, check_all, compile_flags, finish, includes, project_files


def missing_parts(relative, text):
    folder = relative.parts[1]
    if not text.startswith("// "):
        yield f"{relative}:1: starts with a comment that says what the header is"
    if f"\n// Layer: {folder}." not in text:
        yield f"{relative}:1: the opening comment has a line `// Layer: {folder}. ...`"
    if "\n#pragma once\n" not in text:
        yield f"{relative}:1: has no #pragma once"


def shown_by_the_build(path, alone):
    """Whether the .cc file beside a header is compiled alone and sees that header before all else."""
    source = path.with_suffix(".cc")
    if source not in alone:
        return False
    first = next(includes(source), None)
    return first is not None and first[2] == f"{path.parent.name}/{path.name}"


def main():
    options = arguments(__doc__, build="a configured build directory")
    flags, alone = compile_flags(options.build, options.root)
    folder_flags = {path.parent: words for path, words in flags.items()}
    problems, jobs = [], []
    for path in project_files(options.root, "src/*.h"):
        relative = path.relative_to(options.root)
        problems += missing_parts(relative, path.read_text(encoding="utf-8"))
        if shown_by_the_build(path, alone):
            continue
        words = folder_flags.get(path.parent)
        if words is None:
            problems.append(f"{relative}:1: nothing in its folder is compiled")
            continue
        jobs.append((path, [*words, "-fsyntax-only", "-include", str(path), "-x", "c++", "/dev/null"],
                     ()))
    for output in check_all(options.root, "headers", jobs).values():
        problems.append(f"not self-contained:\n{output}")
    finish(problems, "self-contained headers")


if __name__ == "__main__":
    main()
