#!/usr/bin/env python3
"""Every header compiles alone, says what it is and which layer it belongs to, and is read once.

What the .cc file beside a header shows when it is built is not tried again. Of the others, the
library headers that many of them include are compiled once for these (never for one that does not
include them all, by itself or through a project header, which could then lean on them)."""

import concurrent.futures
import os
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from sources import Memory, arguments, compile_flags, finish, includes, project_files, seen_by

WORTH_COMPILING_FOR = 4  # headers


def missing_parts(relative, text):
    folder = relative.parts[1]
    if not text.startswith("// "):
        yield f"{relative}:1: starts with a comment that says what the header is"
    if f"\n// Layer: {folder}." not in text:
        yield f"{relative}:1: the opening comment has a line `// Layer: {folder}. ...`"
    if "\n#pragma once\n" not in text:
        yield f"{relative}:1: has no #pragma once"


def shown_by_the_build(path, read_first):
    """Whether the .cc file beside a header is what the compiler reads first, and sees that header
    before all else."""
    source = path.with_suffix(".cc")
    if source not in read_first:
        return False
    first = next(includes(source), None)
    return first is not None and first[2] == f"{path.parent.name}/{path.name}"


def library_headers(root, path):
    return {name for file in seen_by(root, path) for _, delimiter, name in includes(file)
            if delimiter == "<"}


def shared(seen):
    """Splits `seen` (header -> library headers) into (library headers, headers that see them all)
    pairs, each with as much in common as many have; the last may have nothing in common."""
    left, found = dict(seen), []
    while left:
        common, group, best = [], list(left), ([], [])
        while len(group) >= WORTH_COMPILING_FOR:
            counts = Counter(name for path in group for name in left[path] if name not in common)
            if len(common) * len(group) > len(best[0]) * len(best[1]):
                best = (list(common), group)
            if not counts:
                break
            name = max(sorted(counts), key=counts.get)
            common.append(name)
            group = [path for path in group if name in left[path]]
        common, group = best if best[0] else ([], list(left))
        found.append((common, group))
        for path in group:
            del left[path]
    return found


class Compiler:
    def __init__(self, root, folder):
        self.root, self.folder = root, Path(folder)

    def precompile(self, number, words, names):
        """A file to be included first that brings `names`, compiled; no words if there are none."""
        if not names:
            return []
        header = self.folder / f"{number}.hxx"
        header.write_text("".join(f"#include <{name}>\n" for name in sorted(names)))
        # Where this fails, the file itself is read.
        subprocess.run([*words, "-x", "c++-header", "-o", f"{header}.gch", str(header)],
                       capture_output=True, stdin=subprocess.DEVNULL)
        return ["-include", str(header)]

    def problem_with(self, path, words, first):
        """What the compiler says of a header alone; "" if nothing."""
        result = subprocess.run([*words, "-fsyntax-only", *first, "-include", str(path), "-x", "c++",
                                 "/dev/null"], capture_output=True, text=True,
                                stdin=subprocess.DEVNULL)
        if result.returncode == 0:
            return ""
        output = (result.stdout + result.stderr).replace(f"{self.root}/", "").strip()
        return output or f"{path.relative_to(self.root)}:1: {words[0]} failed"


def not_self_contained(root, jobs, memory):
    """Output of those of `jobs` (header -> words of its folder's compiler) that do not compile."""
    todo = {path: words for path, words in jobs.items() if not memory.has(path, *words)}
    with (tempfile.TemporaryDirectory(dir=root / ".cache") as folder,
          concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool):
        compiler, groups = Compiler(root, folder), []
        for words in sorted(set(map(tuple, todo.values()))):
            seen = {path: library_headers(root, path) for path in todo if tuple(todo[path]) == words}
            groups += [(words, names, paths) for names, paths in shared(seen)]
        firsts = pool.map(lambda job: compiler.precompile(job[0], *job[1][:2]), enumerate(groups))
        tries = [(path, words, first) for (words, _, paths), first in zip(groups, firsts)
                 for path in paths]
        outputs = list(pool.map(lambda job: compiler.problem_with(*job), tries))
    for (path, words, _), output in zip(tries, outputs):
        if not output:
            memory.add(path, *words)
    return [output for output in outputs if output]


def main():
    options = arguments(__doc__, build="a configured build directory")
    flags, read_first = compile_flags(options.build, options.root)
    folder_flags = {path.parent: words for path, words in flags.items()}
    problems, jobs = [], {}
    for path in project_files(options.root, "src/*.h"):
        relative = path.relative_to(options.root)
        problems += missing_parts(relative, path.read_text(encoding="utf-8"))
        if shown_by_the_build(path, read_first):
            continue
        words = folder_flags.get(path.parent)
        if words is None:
            problems.append(f"{relative}:1: nothing in its folder is compiled")
            continue
        jobs[path] = words
    memory = Memory(options.root, "headers")
    for output in not_self_contained(options.root, jobs, memory):
        problems.append(f"not self-contained:\n{output}")
    memory.forget_the_oldest()
    finish(problems, "self-contained headers")


if __name__ == "__main__":
    main()
