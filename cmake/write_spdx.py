#!/usr/bin/env python3
"""Writes what is linked into a program as an SPDX 2.3 document: write_spdx.py PROGRAM LINKED OUTPUT
VERSION SOURCE_DIR

LINKED is what the linker says it read (--dependency-file). Which package each file is of, and in
which version, is the package manager's word; under which licence its code is, the table's below. A
file of no package, or of one that the table lacks, is an error where there is such a manager: a new
library gets a line here. The same commit, linked with the same packages, gives the same document.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

# A pattern of packages' names: (name for people, licence of what is linked in, home).
# Of headers alone, as nothing of them is a file that the linker reads: HEADERS.
LIBRARIES = {
    r"libboost-json[\d.]+-dev": ("Boost.JSON", "BSL-1.0", "https://www.boost.org"),
    r"libboost-container[\d.]+-dev": ("Boost.Container", "BSL-1.0", "https://www.boost.org"),
    r"libboost[\d.]+-dev": ("Boost headers", "BSL-1.0", "https://www.boost.org"),
    r"libcli11-dev": ("CLI11", "BSD-3-Clause", "https://github.com/CLIUtils/CLI11"),
    r"libcmark-gfm-dev": ("cmark-gfm", "BSD-2-Clause AND MIT", "https://github.com/github/cmark-gfm"),
    r"libcmark-gfm-extensions-dev": ("cmark-gfm extensions", "BSD-2-Clause AND MIT",
                                     "https://github.com/github/cmark-gfm"),
    r"libfmt-dev": ("fmt", "MIT", "https://fmt.dev"),
    r"libfuse3-dev": ("libfuse", "LGPL-2.1-only", "https://github.com/libfuse/libfuse"),
    r"libre2-dev": ("RE2", "BSD-3-Clause", "https://github.com/google/re2"),
    r"libssl-dev": ("OpenSSL", "Apache-2.0", "https://www.openssl.org"),
    r"liburing-dev": ("liburing", "MIT", "https://github.com/axboe/liburing"),
    r"libxxhash-dev": ("xxHash", "BSD-2-Clause", "https://xxhash.com"),
    r"libyaml-cpp-dev": ("yaml-cpp", "MIT", "https://github.com/jbeder/yaml-cpp"),
    r"libgcc-\d+-dev": ("libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    r"libstdc\+\+-\d+-dev": ("libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1",
                             "https://gcc.gnu.org"),
    # libc_nonshared.a and the start-up objects; the library itself is the machine's.
    r"libc6-dev": ("glibc start-up code", "LGPL-2.1-or-later", "https://www.gnu.org/software/libc"),
    r"libc6": ("glibc", "LGPL-2.1-or-later", "https://www.gnu.org/software/libc"),
}
HEADERS = ("boost/version.hpp", "CLI/CLI.hpp", "fmt/format.h", "xxhash.h")
INCLUDE = Path("/usr/include")
NOTICES = "/usr/share/doc/{}/copyright"


def linked_files(path):
    """The files that the linker read, resolved: the first rule's prerequisites."""
    rule = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8")).split("\n", 1)[0]
    words = rule.split(":", 1)[1].split()
    return sorted({Path(word).resolve() for word in words})


def packages_of(files):
    """{package: version} of the packages that own `files`; None where no manager knows any."""
    if shutil.which("dpkg-query") is None:
        return None
    # A merged /usr: the package may have it by the other name.
    names = {name: file for file in files for name in (str(file), str(file).removeprefix("/usr"))}
    lines = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True).stdout
    owners = {}
    for line in lines.splitlines():
        package, _, name = line.partition(": ")
        if name in names:
            owners[names[name]] = package.split(",", 1)[0].split(":", 1)[0]
    for file in files:
        if file not in owners:
            sys.exit(f"{file}: linked into the program, and no package has it")
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\n", *sorted(set(owners.values()))],
                           check=True, capture_output=True, text=True).stdout
    return dict(line.split("\t") for line in shown.splitlines())


def described(package):
    for pattern, description in LIBRARIES.items():
        if re.fullmatch(pattern, package):
            return description
    sys.exit(f"{package} is linked into the program: name it and its licence in {__file__}")


def git(source, *words):
    result = subprocess.run(["git", "-C", str(source), *words], capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else ""


def package_text(identifier, name, version, licence, home):
    return f"""
PackageName: {name}
SPDXID: SPDXRef-{identifier}
PackageVersion: {version}
PackageDownloadLocation: {home}
FilesAnalyzed: false
PackageLicenseConcluded: {licence}
PackageLicenseDeclared: {licence}
PackageCopyrightText: NOASSERTION
"""


def document(program, packages, version, source):
    commit = git(source, "describe", "--always", "--dirty", "--abbrev=12") or "unknown"
    stamp = int(git(source, "log", "-1", "--format=%ct") or 0)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp))
    text = f"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: coldload-{version}
DocumentNamespace: https://spdx.org/spdxdocs/coldload-{version}-{commit}-{digest[:16]}
Creator: Tool: coldload's build
Created: {created}
"""
    text += package_text("coldload", "coldload", f"{version} ({commit})", "Apache-2.0", "NOASSERTION")
    text += f"PackageChecksum: SHA256: {digest}\n"
    relations = ["SPDXRef-DOCUMENT DESCRIBES SPDXRef-coldload"]
    for package, package_version in sorted(packages.items()):
        identifier = re.sub(r"[^A-Za-z0-9.-]", "-", package)
        name, licence, home = described(package)
        text += package_text(identifier, name, package_version, licence, home)
        text += f"PackageComment: package {package}\n"
        how = "DYNAMIC_LINK" if package == "libc6" else "STATIC_LINK"
        relations.append(f"SPDXRef-coldload {how} SPDXRef-{identifier}")
    return text + "\n" + "".join(f"Relationship: {relation}\n" for relation in relations)


def notices(packages):
    """The text of each package's notices, once where several have the same."""
    owners = {}
    for package in sorted(set(packages) - {"libc6"}):  # libc6 is the machine's, not in the program
        path = Path(NOTICES.format(package))
        notice = (path.read_text(encoding="utf-8", errors="replace") if path.is_file()
                  else "MISSING: this machine keeps no notices of packages\n")
        owners.setdefault(notice, []).append(package)
    text = "What is linked into coldload, beside its own code, and under which terms.\n"
    for notice, names in owners.items():
        text += f"\n{'=' * 80}\n{', '.join(names)}\n{'=' * 80}\n\n{notice}"
    return text


def main():
    program, linked, output, version, source = sys.argv[1:]
    build = Path(program).resolve().parent
    files = [file for file in linked_files(Path(linked)) if build not in file.parents]
    files += [path for path in (INCLUDE / name for name in HEADERS) if path.is_file()]
    packages = packages_of(files)
    if packages is None:  # no such manager: what was linked is not known by name and version
        packages = {}
    text = document(Path(program), packages, version, Path(source))
    Path(output).write_text(text, encoding="utf-8")
    Path(output).with_suffix(".notices").write_text(notices(packages), encoding="utf-8")


if __name__ == "__main__":
    main()
