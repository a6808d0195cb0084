#!/usr/bin/env python3
"""clang-tidy over src/, with the allow-list of .clang-tidy; its warnings are errors.

A file is checked again only when it, a project header that it sees, its flags or the allow-list
changed: a first run takes some seconds a file, the next one less than a second in all."""

import subprocess

from sources import arguments, check_all, compile_flags, finish, llvm_14, project_files


def main():
    options = arguments(__doc__, build="a configured build directory")
    tidy = llvm_14("clang-tidy")
    version = subprocess.run([tidy, "--version"], capture_output=True, text=True).stdout
    config = (options.root / ".clang-tidy").read_text(encoding="utf-8")
    flags = compile_flags(options.build, options.root)
    jobs, problems = [], []
    for path in project_files(options.root, "src/*.cc"):
        if path not in flags:
            problems.append(f"{path.relative_to(options.root)}:1: no target compiles it")
            continue
        # fmt is read by its interface: parsing its insides for each file takes an eighth of the time.
        command = [tidy, "--quiet", f"--config-file={options.root / '.clang-tidy'}",
                   f"--header-filter=^{options.root}/src/", str(path), "--", *flags[path][1:],
                   "-UFMT_HEADER_ONLY", "-Wno-unknown-warning-option"]
        jobs.append((path, command, (version, config)))
    problems += check_all(options.root, "clang-tidy", jobs)
    finish(problems, "clang-tidy")


if __name__ == "__main__":
    main()
