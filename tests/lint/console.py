#!/usr/bin/env python3
"""Nothing is written to standard output or error past cli/console.h, which cleans what is shown."""

import re

from sources import arguments, finish, project_files

WRITES = re.compile(
    r"\bfmt::(?:print|println|runtime|vprint)\b|\bstd::(?:v?f?printf|f?puts|fputc|putchar|fwrite|cout|cerr|clog"
    r"|print|println)\b|(?<![\w.:-])(?:v?f?printf|f?puts|putchar|fwrite|perror|psignal)\s*\("
    r"|(?<![\w-])(?:stdout|stderr)(?![\w-])|\bSTD(?:OUT|ERR)_FILENO\b|\bwrite_standard_\w+")
# Where each may stand, and why.
ALLOWED = {
    "src/cli/terminal.cc": "how wide they are",
    "src/os/standard_streams.h": "the raw streams",
    "src/os/standard_streams.cc": "the raw streams",
    "src/cli/console.h": "the gate",
    "src/os/file.cc": "a file that its user named is written there, where standard output is that file",
    "src/os/subprocess.cc": "a child's streams are made so; a hook of the user's writes to ours",
    "src/os/inherited_descriptors.cc": "where the numbers of the standard streams end",
    "src/process/guard.cc": "lets go of the terminal",
    "src/process/hook.cc": "a hook of the user's writes to ours",
    "src/process/log_pump.cc": "the server's own log, as --verbose asks for it",
    "src/cli/shape.cc": "lets go of the terminal",
    "src/cli/native_load.cc": "a pipe to coldload; one message that is a constant",
    "src/run/reader.cc": "a pipe to coldload",
    "src/stand_in/server.cc": "a pipe to coldload",
}
QUESTION = re.compile(r"isatty\(STDERR_FILENO\)")
COMMENT = re.compile(r"(?<!:)//.*")


def main():
    root = arguments(__doc__).root
    problems = []
    for path in project_files(root, "src/*.h", "src/*.cc"):
        name = str(path.relative_to(root))
        if name in ALLOWED:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = WRITES.search(QUESTION.sub("", COMMENT.sub("", line)))
            if found:
                problems.append(f"{name}:{number}: {found.group()}: print through cli/console.h "
                                "(print_out, print_err)")
    finish(problems, "console")


if __name__ == "__main__":
    main()
