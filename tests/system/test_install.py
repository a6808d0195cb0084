"""What users install: the files of `cmake --install`, and the wheel, the .deb and the tarball of
script/package, each installed somewhere and run from there."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from harness import (COLDLOAD, SOURCE_DIR, Probe, ScratchTest, environment, has_command, is_root, needs,
                     plain_build, write_checkpoint)
from test_manual import commands_in, help_of

BUILD_DIR = Path(COLDLOAD).resolve().parent
PYTHON = SOURCE_DIR / ".cache" / "package" / "bin" / "python"


@functools.lru_cache(maxsize=None)
def installed():
    """What lies below the prefix."""
    return in_every_package() | {"include/coldload.h", "lib/libcoldload.so", "lib/libcoldload.so.1"}


@functools.lru_cache(maxsize=None)
def in_every_package():
    """The same but for the C library, which the wheel has inside its Python package, and the .deb not at all."""
    return {
        "bin/coldload",
        "share/bash-completion/completions/coldload",
        "share/zsh/site-functions/_coldload",
        "share/fish/vendor_completions.d/coldload.fish",
        "share/man/man1/coldload.1",
        *(f"share/man/man1/coldload-{command}.1" for command in commands_in(help_of())),
        *(f"share/doc/coldload/{name}" for name in ("LICENSE", "README.md", "CHANGELOG.md", "coldload.spdx",
                                                    "coldload.notices")),
        *(f"share/doc/coldload/{path.relative_to(SOURCE_DIR)}"
          for path in (SOURCE_DIR / "examples").rglob("*.*")
          if path.name != "CMakeLists.txt" and path.suffix not in (".cc", ".pyc")),
    }


def in_debian(name):
    """Where Debian's policy has that file."""
    moved = {"share/zsh/site-functions/_coldload": "share/zsh/vendor-completions/_coldload",
             "share/doc/coldload/LICENSE": "share/doc/coldload/copyright"}
    return name + ".gz" if name.startswith("share/man/") else moved.get(name, name)


def has_package_tools():
    return Probe(PYTHON.exists(), "no scikit-build-core in .cache/package: script/bootstrap brings it")


def files_below(directory):
    return {str(path.relative_to(directory)) for path in Path(directory).rglob("*")
            if not path.is_dir()}


def call(*command, **env):
    """The standard output of a command that must not fail."""
    result = subprocess.run([str(word) for word in command], env={**environment(), **env}, text=True,
                            capture_output=True, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


@needs(plain_build())
class _Installing(ScratchTest):
    def assert_works(self, program):
        """It is the built program, where it lies now."""
        self.assertEqual(call(program, "--version"), call(COLDLOAD, "--version"))
        model = write_checkpoint(self.scratch / "model")
        self.assertIn("safetensors", call(program, "inspect", model))
        self.assertTrue(os.access(program, os.X_OK))


@needs(has_command("cmake"))
class Install(_Installing):
    def test_puts_each_file_where_it_is_looked_for(self):
        call("cmake", "--install", BUILD_DIR, "--prefix", self.scratch / "prefix")
        self.assertEqual(files_below(self.scratch / "prefix"), installed())
        self.assert_works(self.scratch / "prefix" / "bin" / "coldload")

    def test_has_the_notices_of_all_that_is_linked_in(self):
        """Their licences ask for it of every copy."""
        notices = (BUILD_DIR / "coldload.notices").read_text(encoding="utf-8")
        self.assertNotIn("MISSING", notices)
        for words in ("Boost Software License", "fuse", "OpenSSL", "RE2", "cmark", "CLI11", "Zverovich",
                      "GCC Runtime Library Exception", "xxhash", "yaml-cpp", "liburing"):
            self.assertIn(words.lower(), notices.lower())

    def test_what_names_a_version_names_this_one(self):
        version = call(COLDLOAD, "--version").split()[1]
        for name in ("docs/install.md", *(f"examples/kubernetes/{path.name}" for path in
                                          (SOURCE_DIR / "examples" / "kubernetes").iterdir())):
            text = (SOURCE_DIR / name).read_text(encoding="utf-8")
            named = re.findall(r"coldload[a-z-]*[-_:](\d+\.\d+\.\d+)", text)
            self.assertEqual(set(named), {version}, name)
        self.assertIn(f"\n## [{version}] - ", (SOURCE_DIR / "CHANGELOG.md").read_text(encoding="utf-8"))

    def test_nothing_is_compiled_to_install_from_a_build(self):
        """As the wheel does it: with COLDLOAD_PREBUILT."""
        call("cmake", "-S", SOURCE_DIR, "-B", self.scratch / "b", "-G", "Ninja",
             f"-DCOLDLOAD_PREBUILT={BUILD_DIR}")
        call("cmake", "--build", self.scratch / "b", "--target", "coldload")
        call("cmake", "--install", self.scratch / "b", "--prefix", self.scratch / "prefix")
        self.assertEqual(files_below(self.scratch / "prefix"), installed())


class PackageScript(ScratchTest):
    def test_ends_where_what_it_needs_cannot_be_had(self):
        scripts = self.scratch / "script"
        scripts.mkdir()
        shutil.copy(SOURCE_DIR / "script" / "package", scripts)
        for name, line in (("bootstrap", "exit 7"), ("build", "touch built")):
            (scripts / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
            (scripts / name).chmod(0o755)
        done = subprocess.run([scripts / "package"], env=environment(), capture_output=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertFalse((self.scratch / "built").exists())


@needs(has_package_tools(), has_command("cpack"), has_command("dpkg-shlibdeps"), has_command("file"))
class Packages(_Installing):
    timeout_s = 300

    def pack(self, name):
        out = self.scratch / name
        call(SOURCE_DIR / "script" / "package", "--from", BUILD_DIR, out, TMPDIR=str(self.scratch),
             SOURCE_DATE_EPOCH="1700000000")
        return {path.suffix: path for path in out.iterdir()}

    def test_each_installs_and_runs_and_is_the_same_when_packed_again(self):
        packed = self.pack("dist")
        self.assertEqual(set(packed), {".whl", ".deb", ".gz"})
        with self.subTest("wheel"):
            self.check_wheel(packed[".whl"])
        with self.subTest("deb"):
            self.check_deb(packed[".deb"])
        with self.subTest("tarball"):
            call("tar", "-C", self.scratch, "-xf", packed[".gz"])
            top = self.scratch / packed[".gz"].name.removesuffix(".tar.gz")
            self.assertEqual(files_below(top), installed())
            self.assert_works(top / "bin" / "coldload")
        again = self.pack("elsewhere")
        for suffix, path in packed.items():
            self.assertEqual(path.name, again[suffix].name)
            self.assertTrue(path.read_bytes() == again[suffix].read_bytes(), path.name)

    def check_wheel(self, wheel):
        venv = self.scratch / "venv"
        call(sys.executable, "-m", "venv", "--without-pip", venv)
        call(PYTHON, "-m", "pip", "--disable-pip-version-check", "--python", venv / "bin" / "python",
             "install", "--no-index", "--no-deps", wheel)
        ours = {name for name in files_below(venv) if "coldload" in name
                and "/site-packages/" not in name and "/__pycache__/" not in name}  # pip compiles examples
        self.assertEqual(ours, in_every_package())
        self.assert_works(venv / "bin" / "coldload")
        self.assert_imports(venv / "bin" / "python")
        # The tag is what the symbols allow, and auditwheel finds nothing that another machine may lack.
        self.assertRegex(wheel.name, r"-py3-none-manylinux_2_\d+_\w+\.whl$")
        said = call(PYTHON.with_name("auditwheel"), "show", wheel)
        self.assertIn(wheel.name.split("-none-")[1].split(".whl")[0], said)
        packages = call(PYTHON, "-m", "pip", "--python", venv / "bin" / "python", "list")
        version = call(COLDLOAD, "--version").split()[1]
        self.assertRegex(packages, rf"coldload +{version.replace('.', '[.]')}\n")

    def assert_imports(self, python):
        """The package loads a model, and vLLM would find its plugin."""
        said = call(python, "-c", """if True:
            import importlib.metadata, json, sys, coldload
            tensors = coldload.open(sys.argv[1]).load()
            entries = importlib.metadata.distribution("coldload").entry_points
            print(json.dumps([coldload.__version__, sum(tensor.nbytes for tensor in tensors.values()),
                              [(entry.group, entry.name, entry.value) for entry in entries]]))
            """, write_checkpoint(self.scratch / "model"))
        version, loaded, entries = json.loads(said)
        self.assertEqual(version, call(COLDLOAD, "--version").split()[1])
        self.assertGreater(loaded, 0)
        self.assertEqual(entries, [["vllm.general_plugins", "coldload", "coldload.vllm:register"]])

    def check_deb(self, deb):
        fields = call("dpkg-deb", "--field", deb)
        self.assertRegex(fields, r"(?m)^Depends: libc6 \(>= 2\.\d+\)$")
        self.assertRegex(fields, r"(?m)^Recommends: fuse3$")
        self.assertRegex(fields, rf"(?m)^Version: {call(COLDLOAD, '--version').split()[1]}$")
        root = self.scratch / "root"
        call("dpkg-deb", "-x", deb, root)
        wanted = {in_debian(name) for name in in_every_package()} | {"share/doc/coldload/changelog.gz"}
        self.assertEqual(files_below(root / "usr"), wanted)
        self.assert_works(root / "usr" / "bin" / "coldload")
        if not is_root():
            print(f"not tried: dpkg --install, which {is_root().reason}")
            return
        # This machine's packages satisfy what it depends on; it goes as it came.
        root = self.scratch / "installed"
        database = root / "var" / "lib" / "dpkg"
        for name in ("info", "updates", "triggers"):
            (database / name).mkdir(parents=True)
        shutil.copy("/var/lib/dpkg/status", database / "status")
        dpkg = ("dpkg", f"--root={root}", f"--log={root}/log")
        call(*dpkg, "--install", deb)
        self.assert_works(root / "usr" / "bin" / "coldload")
        call(*dpkg, "--purge", "coldload")
        self.assertFalse((root / "usr").exists())


if __name__ == "__main__":
    unittest.main()
