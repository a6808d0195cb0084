"""The release binary: it can be copied to a machine that has none of the libraries, it is hardened, it
holds no trace of where it was built, and what is linked into it is written down beside it."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

from harness import COLDLOAD, SOURCE_DIR, ScratchTest, has_command, needs, plain_build

# Ubuntu 22.04's.
OLDEST_GLIBC = (2, 35)
# What glibc itself provides. libgcc_s and libstdc++ are not among them.
ALLOWED_LIBRARIES = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
BUILD_DIR = Path(COLDLOAD).resolve().parent


def tool_output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def host_glibc():
    return tuple(int(part) for part in os.confstr("CS_GNU_LIBC_VERSION").split()[1].split("."))


@needs(plain_build())
class ReleaseBinary(unittest.TestCase):
    @needs(has_command("readelf"))
    def test_links_everything_but_glibc_statically(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", tool_output("readelf", "-d", COLDLOAD))
        self.assertIn("libc.so.6", needed)
        self.assertEqual(set(needed) - ALLOWED_LIBRARIES, set())

    @needs(has_command("objdump"))
    def test_runs_on_glibc_2_35(self):
        if host_glibc() > (2, 36):
            self.skipTest(f"built on glibc {host_glibc()}: only a Debian 12 build must run on older")
        symbols = tool_output("objdump", "-T", COLDLOAD)
        newer = [
            line for line in symbols.splitlines()
            for version in re.findall(r"GLIBC_(\d+)\.(\d+)", line)
            if tuple(map(int, version)) > OLDEST_GLIBC
        ]
        self.assertEqual(newer, [])
        self.assertIn("GLIBC_2.", symbols)

    def test_names_no_library_path(self):
        """An RPATH would point into the machine that built it."""
        self.assertNotRegex(tool_output("readelf", "-d", COLDLOAD), r"\((RPATH|RUNPATH)\)")

    def test_names_no_folder_of_the_machine_that_built_it(self):
        content = Path(COLDLOAD).read_bytes()
        for folder in (SOURCE_DIR, BUILD_DIR):
            self.assertNotIn(f"{folder}/".encode(), content)

    def test_says_the_same_of_its_time_whenever_it_is_built(self):
        clocks = [f"{path.name}: {name}" for path in (SOURCE_DIR / "src").rglob("*.[ch]*")
                  for name in re.findall(r"__(?:DATE|TIME|TIMESTAMP)__", path.read_text("utf-8"))]
        self.assertEqual(clocks, [])


@needs(plain_build(), has_command("readelf"), has_command("nm"))
class Hardening(unittest.TestCase):
    def test_lies_anywhere_in_memory(self):
        self.assertRegex(tool_output("readelf", "-hW", COLDLOAD), r"Type: +DYN")
        dynamic = tool_output("readelf", "-dW", COLDLOAD)
        self.assertRegex(dynamic, r"\(FLAGS_1\).*\bPIE\b")
        self.assertNotIn("(TEXTREL)", dynamic)

    def test_nothing_is_writable_that_need_not_be(self):
        """Function pointers of libraries are found before main() and read-only from then on; no
        segment is writable and executable, the stack included."""
        flags = re.findall(r"\(FLAGS_1\).*", tool_output("readelf", "-dW", COLDLOAD))
        self.assertRegex("".join(flags), r"\bNOW\b")
        segments = {}
        for line in tool_output("readelf", "-lW", COLDLOAD).splitlines():
            match = re.match(r" +([A-Z_]+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([R ][W ][E ])", line)
            if match:
                segments.setdefault(match[1], []).append(match[2])
        self.assertIn("GNU_RELRO", segments)
        self.assertEqual(segments["GNU_STACK"], ["RW "])
        self.assertEqual([flags for flags in segments["LOAD"] if "W" in flags and "E" in flags], [])

    def test_our_own_code_is_compiled_with_what_finds_its_mistakes(self):
        """A buffer on the stack that is written past, a call of the C library that is told of more
        room than there is, an index that a container does not have, a frame that skips the guard page
        (its probes are `orq $0x0,(%rsp)`)."""
        for folder in ("os", "storage", "process"):
            with self.subTest(folder):
                archive = BUILD_DIR / "src" / f"libcoldload_{folder}.a"
                calls = set(re.findall(r"\bU (\w+)", tool_output("nm", "-u", archive)))
                self.assertTrue("__stack_chk_fail" in calls, "-fstack-protector-strong")
                self.assertTrue(calls & {"__memcpy_chk", "__vsnprintf_chk"}, "_FORTIFY_SOURCE")
                self.assertTrue(any("__glibcxx_assert_fail" in name for name in calls),
                                "_GLIBCXX_ASSERTIONS")
        if os.uname().machine == "x86_64":
            code = tool_output("objdump", "-d", "--no-show-raw-insn",
                               BUILD_DIR / "src" / "libcoldload_os.a")
            self.assertTrue(re.search(r"\bor[ql] +\$0x0,", code), "-fstack-clash-protection")


@needs(plain_build())
class Reproducible(ScratchTest):
    """The same source gives the same bytes wherever it lies. script/reproduce shows it of the whole
    binary; here it is one file, as the build compiles it, from two places."""

    def compiled_at(self, place):
        """The object of one file of ours from a copy of src/ at `place`."""
        shutil.copytree(SOURCE_DIR / "src", place / "src")
        (place / "build").mkdir()
        commands = json.loads((BUILD_DIR / "compile_commands.json").read_text(encoding="utf-8"))
        command = next(entry["command"].replace(entry["file"], str(SOURCE_DIR / "src/load/io.cc"))
                       for entry in commands if "/coldload_load.dir/" in entry["file"])
        for old, new in ((BUILD_DIR, place / "build"), (SOURCE_DIR, place)):
            command = command.replace(str(old), str(new))
        # Fast rather than optimised; with its assertions, each of which names its file.
        words = shlex.split(command.replace(" -DNDEBUG ", " ")) + ["-O0", "-U_FORTIFY_SOURCE"]
        output = place / "build" / "object.o"
        words[words.index("-o") + 1] = str(output)
        subprocess.run(words, cwd=place / "build", check=True)
        return output.read_bytes()

    def test_a_file_compiled_in_two_places_gives_the_same_bytes(self):
        here = self.compiled_at(self.scratch / "here")
        elsewhere = self.compiled_at(self.scratch / "some" / "where" / "else")
        self.assertTrue(here == elsewhere)


@needs(plain_build(), has_command("dpkg-query"))
class LinkedIn(unittest.TestCase):
    """coldload.spdx, which the build writes beside the binary."""

    @classmethod
    def setUpClass(cls):
        cls.text = (BUILD_DIR / "coldload.spdx").read_text(encoding="utf-8")
        cls.listed = set(re.findall(r"^PackageComment: package (\S+)$", cls.text, re.MULTILINE))

    def test_is_of_this_binary(self):
        digest = hashlib.sha256(Path(COLDLOAD).read_bytes()).hexdigest()
        self.assertIn(f"PackageChecksum: SHA256: {digest}\n", self.text)
        self.assertTrue(self.text.startswith("SPDXVersion: SPDX-2.3\n"))

    def test_names_each_library_with_its_version_and_licence(self):
        parts = [dict(re.findall(r"^(\w+): (?:package )?(.*)$", part, re.MULTILINE))
                 for part in self.text.split("\nPackageName: ")[2:]]
        versions = {part["PackageComment"]: part["PackageVersion"] for part in parts}
        self.assertEqual(set(versions), self.listed)
        for package, version in versions.items():
            self.assertIn(version, tool_output("dpkg-query", "-W", "-f", "${Version} ", package).split())
        self.assertEqual(self.text.count("PackageLicenseConcluded: "), len(self.listed) + 1)
        self.assertNotIn("PackageLicenseConcluded: NOASSERTION", self.text)

    def test_lacks_no_package_whose_headers_are_included(self):
        """What is linked in as an archive the linker says; a library of headers alone only our
        #include lines tell of."""
        names = {name for path in (SOURCE_DIR / "src").rglob("*.[ch]*")
                 for name in re.findall(r"^#include <(.+[./].+)>", path.read_text(encoding="utf-8"),
                                        re.MULTILINE)}
        include = Path("/usr/include")
        files = [folder / name for folder in (include, include / "fuse3", *include.glob("*-linux-gnu"))
                 for name in sorted(names) if (folder / name).is_file()]
        owners = tool_output("dpkg-query", "-S", *files).splitlines()
        packages = {line.split(":", 1)[0] for line in owners} - {"linux-libc-dev"}
        self.assertGreater(len(packages), 5)
        self.assertEqual(packages - self.listed, set())
