"""The loader as a C library: what it shows, and a program that uses it."""

import re
import subprocess
import unittest

from harness import SOURCE_DIR, environment, has_command, needs
from library import BUILD_DIR, LIBRARY, LibraryTest, write_file

HEADER = SOURCE_DIR / "include" / "coldload.h"


@needs(has_command("nm"), has_command("cc"))
class CLibrary(LibraryTest):
    def test_shows_what_the_header_declares_and_nothing_else(self):
        declared = set(re.findall(r"^COLDLOAD_API .*?\b(coldload_\w+)\(", HEADER.read_text(encoding="utf-8"), re.M))
        self.assertGreater(len(declared), 10)
        listed = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True)
        shown = {line.split()[-1] for line in listed.stdout.splitlines() if line.split()[-2] != "A"}
        self.assertEqual(shown, {f"{name}@@COLDLOAD_1" for name in declared})

    def test_its_structures_are_those_that_programs_were_built_with(self):
        """A change here breaks them: raise COLDLOAD_ABI and the library's soname."""
        sizes = {"coldload_tensor": 64, "coldload_part": 24, "coldload_options": 56, "coldload_tensor_memory": 48,
                 "coldload_progress": 40}
        lines = "".join(f"_Static_assert(sizeof({name}) == {size}, \"{name}\");\n" for name, size in sizes.items())
        (self.scratch / "sizes.c").write_text(
            f"#include <coldload.h>\n{lines}_Static_assert(COLDLOAD_ABI == 1, \"ABI\");\n", encoding="utf-8")
        self.compile(self.scratch / "sizes.c", "-c")
        (self.scratch / "other.cc").write_text("#include <coldload.h>\n", encoding="utf-8")
        self.compile(self.scratch / "other.cc", "-c")

    def compile(self, source, *words):
        subprocess.run(["cc", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", HEADER.parent, source, *words, "-o",
                        self.scratch / "out"], check=True, timeout=60)

    def test_the_example_loads_each_tensor_with_its_bytes(self):
        contents = write_file(self.scratch / "model.safetensors",
                              {f"t{i}": ("BF16", (i, 997)) for i in range(60)} | {"large": ("U8", (2_000_001,))})
        self.compile(SOURCE_DIR / "examples" / "load_tensors.c", "-std=c11", "-L", BUILD_DIR, "-lcoldload")
        for window in ((), ("2",)):
            done = subprocess.run([self.scratch / "out", self.scratch / "model.safetensors", *window], text=True,
                                  capture_output=True, check=False, timeout=120,
                                  env={**environment(), "LD_LIBRARY_PATH": str(BUILD_DIR)})
            self.assertEqual(done.returncode, 0, done.stderr)
            hashes = {line.split()[0]: line.split()[3] for line in done.stdout.splitlines()}
            self.assertEqual(hashes, {name: fnv(data) for name, data in contents.items()})

    def test_the_example_says_what_fails(self):
        self.compile(SOURCE_DIR / "examples" / "load_tensors.c", "-std=c11", "-L", BUILD_DIR, "-lcoldload")
        done = subprocess.run([self.scratch / "out", self.scratch / "gone"], text=True, capture_output=True, check=False,
                              timeout=60, env={**environment(), "LD_LIBRARY_PATH": str(BUILD_DIR)})
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.scratch}/gone: No such file or directory", done.stderr)


def fnv(data):
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{value:016x}"


if __name__ == "__main__":
    unittest.main()
