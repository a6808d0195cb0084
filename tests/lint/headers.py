#!/usr/bin/env python3
"""Every header compiles alone, says what it is and which layer it belongs to, and is read once.

What the .cc file beside a header shows when it is built is not tried again. Of the others, the
library headers that many of them include are compiled once for these, and one call of the compiler
reads several in turn. None could lean on what is read before it: all of that is what it includes
itself, or through a project header, before its own text; and who includes something only perhaps, or
later, is read alone. Where a call fails, each of its headers is tried alone."""

import concurrent.futures
import functools
import os
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from sources import INCLUDE, Memory, arguments, compile_flags, finish, includes, project_files, seen_by

# Tenths of a second that a header takes the compiler, beside others. A wrong one costs time only.
COSTS = {"CLI/CLI.hpp": 25, "boost/json.hpp": 20, "fmt/format.h": 8, "chrono": 4, "condition_variable": 3,
         "functional": 1, "future": 5, "map": 1, "memory": 3, "mutex": 2, "string": 5, "thread": 3}
OTHERS = 0.2
WORTH_SAVING = 4


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


def starts_with_includes(path):
    """Whether a header has nothing but comments before its last #include, so that all of it has been
    read when its own text begins."""
    lines = path.read_text(encoding="utf-8").splitlines()
    last = max((number for number, _, _ in includes(path)), default=0)
    return all(not line.strip() or line.startswith(("//", "#pragma once")) or INCLUDE.match(line)
               for line in lines[:last])


class Seen:
    """What each header sees, if the compiler is sure to have read it before the header's own text."""

    def __init__(self, root, stands_alone):
        self.root, self.stands_alone, self._plain, self._everything = root, stands_alone, {}, {}

    def plain(self, path):
        """Whether `path` and all that it includes start with their includes, in no circle, and with
        library headers none of which needs another before it."""
        if path not in self._plain:
            self._plain[path] = False  # while it is looked at: a header that sees itself is not
            self._plain[path] = starts_with_includes(path) and all(
                self.plain(self.root / "src" / name) if (self.root / "src" / name).is_file()
                else self.stands_alone(name) for _, _, name in includes(path))
        return self._plain[path]

    def everything(self, path):
        """Its project headers (paths) and library headers (names), itself among them."""
        if path not in self._everything:
            files = seen_by(self.root, path)
            self._everything[path] = frozenset(files | {
                name for file in files for _, delimiter, name in includes(file) if delimiter == "<"})
        return self._everything[path]

    def libraries(self, path):
        return {name for name in self.everything(path) if isinstance(name, str)}


def cost(names):
    return sum(COSTS.get(name, OTHERS) for name in names)


def shared(seen):
    """Splits `seen` (header -> library headers) into (library headers, headers that see them all)
    pairs, those first that save the most; the last may have nothing in common."""
    left, found = dict(seen), []
    while left:
        most, best = WORTH_SAVING, ([], list(left))
        for seed in sorted(set().union(*left.values())):
            group, name = list(left), seed
            while name is not None:
                group = [path for path in group if name in left[path]]
                common = set.intersection(*(left[path] for path in group))
                if cost(common) * (len(group) - 1) > most:
                    most, best = cost(common) * (len(group) - 1), (sorted(common), group)
                counts = Counter(more for path in group for more in left[path] - common)
                name = max(sorted(counts), default=None, key=lambda more: counts[more] * cost([more]))
        found.append(best)
        for path in best[1]:
            del left[path]
    return found


def chains(paths, seen):
    """`paths` in lists to be included one after the other: each sees all that those before it do."""
    found = []
    for path in sorted(paths, key=lambda path: (len(seen.everything(path)), path)):
        fits = [chain for chain in found if chain[-1] in seen.everything(path)] if seen.plain(path) else []
        if fits:
            max(fits, key=lambda chain: len(seen.everything(chain[-1]))).append(path)
        else:
            found.append([path])
    return found


class Compiler:
    def __init__(self, root, folder):
        self.root, self.folder = root, Path(folder)

    def precompile(self, number, words, names):
        """A file to be included first that brings `names`, compiled; no words if there are none."""
        if not names:
            return []
        header = self.folder / f"{number}.hxx"
        header.write_text("".join(f"#include <{name}>\n" for name in names))
        # Where this fails, the file itself is read.
        subprocess.run([*words, "-x", "c++-header", "-o", f"{header}.gch", str(header)],
                       capture_output=True, stdin=subprocess.DEVNULL)
        return ["-include", str(header)]

    def output_for(self, paths, words, first):
        """What the compiler says of headers that it reads in turn, and nothing else; "" if nothing."""
        all_of_them = [word for path in paths for word in ("-include", str(path))]
        result = subprocess.run([*words, "-fsyntax-only", *first, *all_of_them, "-x", "c++",
                                 "/dev/null"], capture_output=True, text=True,
                                stdin=subprocess.DEVNULL)
        if result.returncode == 0:
            return ""
        output = (result.stdout + result.stderr).replace(f"{self.root}/", "").strip()
        return output or f"{paths[-1].relative_to(self.root)}:1: {words[0]} failed"

    def problems_of(self, chain, words, first):
        """(header, what is wrong with it, "" if nothing) for each header of `chain`."""
        output = self.output_for(chain, words, first)
        if not output or len(chain) == 1:
            return [(path, output) for path in chain]
        alone = [(path, self.output_for([path], words, first)) for path in chain]
        return alone if any(found for _, found in alone) else [*alone[:-1], (chain[-1], output)]

    def stands_alone(self, name, words):
        """Whether a library header can be read before any other. C++'s can."""
        if not name.endswith(".h"):
            return True
        result = subprocess.run([*words, "-fsyntax-only", "-x", "c++", "-"], capture_output=True,
                                input=f"#include <{name}>\n", text=True)
        return result.returncode == 0


def for_the_same(words):
    """The words that decide whether what is compiled with others can be read with these."""
    return tuple(word for i, word in enumerate(words)
                 if not word.startswith("-W") and "-isystem" not in words[max(0, i - 1):i + 1])


def not_self_contained(root, jobs, memory):
    """Output of those of `jobs` (header -> words of its folder's compiler) that do not compile."""
    todo = {path: tuple(words) for path, words in jobs.items() if not memory.has(path, *words)}
    with (tempfile.TemporaryDirectory(dir=root / ".cache") as folder,
          concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool):
        compiler = Compiler(root, folder)
        widest = max(todo.values(), key=len, default=())
        seen = Seen(root, functools.lru_cache(None)(lambda name: compiler.stands_alone(name, widest)))
        groups = []
        for kind in sorted(set(map(for_the_same, todo.values()))):
            groups += shared({path: seen.libraries(path) if seen.plain(path) else set()
                              for path in todo if for_the_same(todo[path]) == kind})
        firsts = pool.map(lambda job: compiler.precompile(
            job[0], min((todo[path] for path in job[1][1]), key=len), job[1][0]), enumerate(groups))
        tries = []
        for (_, paths), first in zip(groups, firsts):
            for words in sorted({todo[path] for path in paths}):
                tries += [(chain, words, first) for chain in
                          chains([path for path in paths if todo[path] == words], seen)]
        outputs = [found for chain in pool.map(lambda job: compiler.problems_of(*job), tries)
                   for found in chain]
    for path, output in outputs:
        if not output:
            memory.add(path, *todo[path])
    return [output for _, output in outputs if output]


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
