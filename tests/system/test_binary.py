"""The release binary can be copied to a machine that has none of the libraries."""

import os
import re
import subprocess
import unittest

from harness import COLDLOAD, has_command, needs, plain_build

# Ubuntu 22.04's.
OLDEST_GLIBC = (2, 35)
# What glibc itself provides. libgcc_s and libstdc++ are not among them.
ALLOWED_LIBRARIES = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


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
