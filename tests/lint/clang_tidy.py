#!/usr/bin/env python3
"""clang-tidy over src/, with the allow-list of .clang-tidy; its warnings are errors.

Nearly all of its time goes to the libraries' headers, so the files are checked together, as one
translation unit for each processor that includes them: the whole house takes little longer than
three files alone. Where that finds anything, the files that it names are checked alone, and only
what is found then counts: a unit can also fail because two of its files use a name twice.

A file is checked again only when it, a project header that it sees, its flags or the allow-list
changed: a first run takes a minute, the next one less than a second."""

import concurrent.futures
import os
import re
import subprocess
import tempfile

from sources import (NOISE, Memory, arguments, compile_flags, finish, llvm_14, project_files,
                     seen_by)

# What a file defines at its outermost level, which two files of a folder may both define where the
# compiler reads them apart: functions (not members), types and constants.
DEFINED = re.compile(r"^(?!namespace)[A-Za-z][^(=]*?(?<!:)\b(\w+)(?:\(| \{$|\{| =)", re.MULTILINE)


def units(paths, count):
    """`paths` in `count` lists of like length, or more: no two of a list define the same name."""
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    most = sum(map(len, texts.values())) / count
    found = []  # [characters, (folder, name) pairs, paths]
    for path, text in texts.items():
        names = {(path.parent, name) for name in DEFINED.findall(text)}
        possible = [unit for unit in found[:count] if not unit[1] & names]
        if len(found) < count:
            possible = [unit for unit in possible if unit[0] + len(text) / 2 < most]
        else:
            possible.sort(key=lambda unit: unit[0])
            possible += [unit for unit in found[count:] if not unit[1] & names]
        if not possible:
            possible = [[0, set(), []]]
            found += possible
        unit = possible[0]
        unit[0] += len(text)
        unit[1].update(names)
        unit[2].append(path)
    return [unit[2] for unit in found]


def all_flags(unit, flags):
    """What the compiler is given for any of the files: a folder may need more than another."""
    words = list(flags[unit[0]][1:])
    for path in unit[1:]:
        more = flags[path][1:]
        for i, word in enumerate(more):
            if word == "-isystem" and more[i + 1] not in words:
                words += more[i:i + 2]
            elif word.startswith(("-D", "-I")) and word not in words:
                words.append(word)
    return words


class Tidy:
    def __init__(self, options):
        self.root = options.root
        self.flags, _ = compile_flags(options.build, options.root)
        self.tool = llvm_14("clang-tidy")
        version = subprocess.run([self.tool, "--version"], capture_output=True, text=True).stdout
        config = (self.root / ".clang-tidy").read_text(encoding="utf-8")
        self.memory = Memory(self.root, "clang-tidy", version, config)
        self.folder = self.root / ".cache" / "clang-tidy-units"
        self.folder.mkdir(parents=True, exist_ok=True)

    def passed(self, path):
        return self.memory.has(path, *self.flags[path])

    def output_for(self, unit):
        """What clang-tidy says of the files as one unit, "" if nothing."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".cc") as file:
            for path in unit:
                file.write(f'#include "{path.relative_to(self.root / "src")}"  // NOLINT\n')
            file.flush()
            # A local name may be another file's constant; of their own the compiler tells.
            result = subprocess.run(
                [self.tool, "--quiet", f"--config-file={self.root / '.clang-tidy'}",
                 f"--header-filter=^{self.root}/src/",
                 file.name if len(unit) > 1 else str(unit[0]), "--", *all_flags(unit, self.flags),
                 "-Wno-unknown-warning-option", "-Wno-shadow"],
                capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode == 0:
            return ""
        output = NOISE.sub("", result.stdout + result.stderr).replace(f"{self.root}/", "").strip()
        return output or f"{unit[0].relative_to(self.root)}:1: clang-tidy failed"

    def problems_of(self, unit):
        """What is wrong with files of `unit`; those that nothing is wrong with are remembered."""
        output = self.output_for(unit)
        if not output:
            for path in unit:
                self.memory.add(path, *self.flags[path])
            return []
        if len(unit) == 1:
            return [output]
        named = [path for path in unit if f"{path.relative_to(self.root)}:" in output]
        if named:
            problems = [problem for path in named for problem in self.problems_of([path])]
            rest = [path for path in unit if path not in named]
            return problems + (self.problems_of(rest) if rest else [])
        for path in unit:
            if any(f"{header.relative_to(self.root)}:" in output for header in seen_by(self.root, path)):
                problems = self.problems_of([path])
                if problems:  # a header's: whoever else sees it would say the same
                    return problems
        half = len(unit) // 2
        return self.problems_of(unit[:half]) + self.problems_of(unit[half:])


def main():
    options = arguments(__doc__, build="a configured build directory")
    tidy = Tidy(options)
    paths, problems = [], []
    for path in project_files(options.root, "src/*.cc"):
        if path not in tidy.flags:
            problems.append(f"{path.relative_to(options.root)}:1: no target compiles it")
        elif not tidy.passed(path):
            paths.append(path)
    processors = len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(processors) as pool:
        for found in pool.map(tidy.problems_of, units(paths, processors)):
            problems += found
    tidy.memory.forget_the_oldest()
    finish(problems, "clang-tidy")


if __name__ == "__main__":
    main()
