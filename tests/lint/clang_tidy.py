#!/usr/bin/env python3
"""clang-tidy over src/, with the allow-list of .clang-tidy; its warnings are errors.

Most of its time goes to the libraries' headers, so files of a folder are checked several together,
as one translation unit that includes them. Where that finds anything they are checked alone, and
only what is found then counts: a unit can also fail because two of its files use a name twice.

Files are checked again only when they, a project header that they see, their flags or the
allow-list changed: a first run takes minutes, the next one less than a second."""

import re
import subprocess

from sources import arguments, check_all, compile_flags, finish, llvm_14, project_files

MOST_TOGETHER = 12
# What a file defines at its outermost level, which two files of one unit cannot both define:
# functions (not members), types and constants.
DEFINED = re.compile(r"^(?!namespace)[A-Za-z][^(=]*?(?<!:)\b(\w+)(?:\(| \{$|\{| =)", re.MULTILINE)


def units(paths):
    """`paths` in lists of a few of the same folder and flags that define nothing in common."""
    found = []  # (folder, names, paths)
    for path in paths:
        names = set(DEFINED.findall(path.read_text(encoding="utf-8")))
        for folder, known, together in found:
            if folder == path.parent and len(together) < MOST_TOGETHER and not known & names:
                known |= names
                together.append(path)
                break
        else:
            found.append((path.parent, names, [path]))
    return [together for _, _, together in found]


def main():
    options = arguments(__doc__, build="a configured build directory")
    tidy = llvm_14("clang-tidy")
    version = subprocess.run([tidy, "--version"], capture_output=True, text=True).stdout
    config = (options.root / ".clang-tidy").read_text(encoding="utf-8")
    flags, _ = compile_flags(options.build, options.root)

    def job(path, words):
        # A local name may be another file's constant; of their own the compiler tells.
        command = [tidy, "--quiet", f"--config-file={options.root / '.clang-tidy'}",
                   f"--header-filter=^{options.root}/src/", str(path), "--", *words,
                   "-Wno-unknown-warning-option", "-Wno-shadow"]
        return path, command, (version, config)

    paths, problems = [], []
    for path in project_files(options.root, "src/*.cc"):
        if path in flags:
            paths.append(path)
        else:
            problems.append(f"{path.relative_to(options.root)}:1: no target compiles it")
    folder = options.root / ".cache" / "clang-tidy-units"
    folder.mkdir(parents=True, exist_ok=True)
    together = {}  # a file that includes others -> these
    for unit in units(paths):
        name = folder / f"{unit[0].parent.name}_{unit[0].stem}.cc"
        name.write_text("".join(
            f'#include "{path.relative_to(options.root / "src")}"  // NOLINT\n' for path in unit),
            encoding="utf-8")
        together[name] = unit
    doubtful = check_all(options.root, "clang-tidy",
                         [job(name, flags[unit[0]][1:]) for name, unit in together.items()])
    alone = [job(path, flags[path][1:]) for name in doubtful for path in together[name]]
    problems += check_all(options.root, "clang-tidy", alone).values()
    finish(problems, "clang-tidy")


if __name__ == "__main__":
    main()
