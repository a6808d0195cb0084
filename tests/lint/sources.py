"""What the lints share: which files there are, which project headers a file sees, and what their
slow tools need not look at again."""

import argparse
import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = 77
# What clang-tidy says of system headers that nobody asked about.
NOISE = re.compile(r"^\d+ warnings?( and \d+ errors?)? generated\.\n", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def arguments(description, **flags):
    """Parses --root (the tree to check; fixtures pass theirs) and `flags` (name=help)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=Path, default=ROOT)
    for name, text in flags.items():
        parser.add_argument("--" + name, type=Path, required=True, help=text)
    options = parser.parse_args()
    options.root = options.root.resolve()
    return options


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIPPED)


def finish(problems, what):
    """Prints `file:line: why` for each problem, and ends the program with the verdict."""
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)" if problems else f"{what}: clean")
    sys.exit(1 if problems else 0)


def project_files(root, *patterns):
    """Files that git tracks or would track, sorted; everything where `root` is not a checkout.
    `patterns` are globs for the whole relative path, such as src/*.h (where * crosses folders)."""
    try:
        listing = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard",
             *patterns], check=True, capture_output=True, text=True).stdout
        paths = [root / name for name in listing.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(root) for path in root.rglob("*")]
        paths = [root / name for name in names
                 if not name.parts[0].startswith(("build", ".cache", ".git"))
                 and (not patterns or any(fnmatch(str(name), pattern) for pattern in patterns))]
    return sorted({path for path in paths if path.is_file() and not path.is_symlink()})


@functools.lru_cache(maxsize=None)
def _includes(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        matches = [(number, INCLUDE.match(line)) for number, line in enumerate(file, 1)]
    return [(number, match.group(1), match.group(2)) for number, match in matches if match]


def includes(path):
    """(line number, opening delimiter, name) of every #include in a file."""
    return iter(_includes(path))


def seen_by(root, path):
    """`path` and every project header that it includes, directly or not."""
    seen, todo = set(), [path]
    while todo:
        file = todo.pop()
        if file in seen:
            continue
        seen.add(file)
        for _, _, name in includes(file):
            if (root / "src" / name).is_file():
                todo.append(root / "src" / name)
    return seen


def fingerprint(root, path, *context):
    """Changes with the content of `path`, of every project header it sees, or of `context`."""
    digest = hashlib.sha256("\0".join(map(str, context)).encode())
    for file in sorted(seen_by(root, path)):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def compiled_together(path):
    """The files that CMake has written into one translation unit at `path`; none if it is not one."""
    if path.parent.name != "Unity":
        return []
    return [Path(name) for name in re.findall(r'^#include "(.+)"$', path.read_text(encoding="utf-8"),
                                              re.MULTILINE)]


def compile_flags(build, root):
    """Path -> [compiler, flags...] from compile_commands.json, without the input and the output; and
    the paths that the compiler reads before any other of ours: alone, or as the first of a unit."""
    database = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    flags, first = {}, set()
    for entry in database:
        words = shlex.split(entry["command"])
        for i, word in enumerate(words[:3]):
            if word.endswith("ccache"):
                words = words[i + 1:]
                break
        kept, skip_next = [], False
        for word in words:
            if skip_next or word in ("-c", "-MD", entry["file"]):
                skip_next = False
            elif word in ("-o", "-MT", "-MF"):
                skip_next = True
            else:
                kept.append(word)
        path = Path(entry["file"]).resolve()
        together = compiled_together(path) or [path]
        first.add(together[0])
        for each in together:
            if each.is_relative_to(root):
                flags[each] = kept
    return flags, first


class Memory:
    """What passed, below .cache/`name`, so that it is not checked again until something that it
    depends on changes: the file, a project header that it sees, or a word of the context."""

    def __init__(self, root, name, *context):
        self._root, self._context = root, context
        self._folder = root / ".cache" / name
        self._folder.mkdir(parents=True, exist_ok=True)

    def _entry(self, path, *words):
        return self._folder / fingerprint(self._root, path, *words, *self._context)

    def has(self, path, *words):
        entry = self._entry(path, *words)
        if not entry.exists():
            return False
        os.utime(entry)
        return True

    def add(self, path, *words):
        self._entry(path, *words).touch()

    def forget_the_oldest(self, kept=2000):
        by_age = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in by_age[kept:]:
            path.unlink(missing_ok=True)


def llvm_14(tool):
    """The tool's path in version 14; skips the lint where there is none, as others judge by other
    rules."""
    for name in (f"{tool}-14", tool):
        path = shutil.which(name)
        if path:
            version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return path
    skip(f"{tool} 14 is not installed; script/bootstrap installs it")
