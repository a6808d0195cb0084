"""A stand-in's faults, streams and presets; what `inspect` says of it; who may look at it; and
readers that are killed."""

import contextlib
import json
import mmap
import os
import re
import signal
import stat
import subprocess
import sys
import time
import unittest
from pathlib import Path

from harness import (
    COLDLOAD,
    PAGE_BYTES,
    evict,
    has_command,
    has_fuse,
    is_root,
    mounts_below,
    needs,
    plain_build,
    run,
    start,
    stop,
    write_checkpoint,
)
from test_shape import MIB, ShapeTest, served, wait_until

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOBODY = 65534


def direct_blocks(path, blocks):
    """Reads of one page each through O_DIRECT: the bytes, or the name of the error."""
    memory = mmap.mmap(-1, PAGE_BYTES)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    results = []
    try:
        for block in range(blocks):
            try:
                got = os.preadv(descriptor, [memory], block * PAGE_BYTES)
                results.append(memory[:got])
            except OSError as error:
                results.append(os.strerror(error.errno))
    finally:
        os.close(descriptor)
        memory.close()
    return results


def mount_source(point):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields[4].replace("\\040", " ") == str(point):
                return fields[-2].replace("\\040", " ")
    return None


def open_files(pid):
    """What a process has open; without what it only names (O_PATH): the server does so with each
    file that the kernel has looked up, until the kernel forgets that, which it may at any time."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            info = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text(encoding="utf-8")
            if not int(info.split("flags:")[1].split()[0], 8) & os.O_PATH:
                found.append(os.readlink(entry))
    return found


@needs(has_fuse())
class Faults(ShapeTest):
    threads = (
        "test_reads_fail_after_so_many_bytes_and_not_before",
        "test_reads_that_hang_let_killed_readers_go_and_end_with_the_mount",
    )

    EIO = "Input/output error"

    def right(self, results):
        """Which of the results are the bytes of their place; the rest must be EIO."""
        found = []
        for block, result in enumerate(results):
            wanted = self.content[block * PAGE_BYTES:(block + 1) * PAGE_BYTES]
            self.assertIn(result, (wanted, self.EIO), f"block {block}")
            found.append(result == wanted)
        return found

    def test_reads_fail_after_so_many_bytes_and_not_before(self):
        with self.mounted("--latency", "0", "--fail-after", "1MiB") as ready:
            self.assertEqual(ready["faults"]["fail_after_bytes"], MIB)
            blocks = MIB // PAGE_BYTES
            results = direct_blocks(self.mount / "weights.bin", blocks + 20)
            self.assertEqual(self.right(results), [True] * blocks + [False] * 20)
            self.assertEqual(served(self.mount), MIB)
            with self.assertRaisesRegex(OSError, self.EIO):
                (self.mount / "weights.bin").read_bytes()
            self.assertEqual(os.stat(self.mount / "weights.bin").st_size, len(self.content))

    def test_a_share_of_the_reads_fails_the_same_ones_for_the_same_seed(self):
        patterns = []
        for seed in (1, 1, 2):
            with self.mounted("--latency", "0", "--error-rate", 0.25, "--error-seed", seed):
                patterns.append(self.right(direct_blocks(self.mount / "weights.bin", 400)))
        self.assertEqual(patterns[0], patterns[1])
        self.assertNotEqual(patterns[0], patterns[2])
        for pattern in patterns:
            self.assertTrue(50 < pattern.count(False) < 150, pattern.count(False))

    def test_a_measured_mount_has_faults_only_afterwards(self):
        process, ready = self.start("--rate", "20MB/s", "--fail-after", "0")
        try:
            self.assertGreater(ready["delivered"]["read_bytes_per_s"], 1e6)
            with self.assertRaisesRegex(OSError, self.EIO):
                (self.mount / "weights.bin").read_bytes()
        finally:
            stop(process)
        self.assert_nothing_left()

    def hung_reader(self, way):
        code = ("import os, sys, mmap\n"
                "d = os.open(sys.argv[1], os.O_RDONLY | (os.O_DIRECT if sys.argv[2] == 'direct' else 0))\n"
                "m = mmap.mmap(-1, 1 << 20)\n"
                "print('reads', flush=True)\n"
                "os.preadv(d, [m], 2 << 20)\n")
        reader = subprocess.Popen([sys.executable, "-c", code, self.mount / "weights.bin", way],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.assertEqual(reader.stdout.readline(), "reads\n")
        reader.stdout.close()
        # Asleep in its read: it does not end by itself.
        with self.assertRaises(subprocess.TimeoutExpired):
            reader.wait(0.5)
        return reader

    def test_reads_that_hang_let_killed_readers_go_and_end_with_the_mount(self):
        with self.mounted("--latency", "0", "--hang-after", "1MiB"):
            self.assertEqual(read_direct_part(self.mount / "weights.bin"), self.content[:MIB])
            self.assertTrue(stat.S_ISREG(os.stat(self.mount / "weights.bin").st_mode))
            for way in ("direct", "cached"):
                with self.subTest(way=way):
                    reader = self.hung_reader(way)
                    reader.kill()
                    self.assertEqual(reader.wait(20), -signal.SIGKILL)
            left = [self.hung_reader("direct"), self.hung_reader("cached")]
        # mounted() has ended the mount and looked that nothing is left.
        for reader in left:
            self.assertGreater(reader.wait(20), 0)

    def test_an_unmount_by_somebody_else_ends_reads_that_hang(self):
        process, _ = self.start("--no-measure", "--hang-after", "0")
        reader = self.hung_reader("direct")
        process.kill()  # the owner: its server sees that
        process.communicate()
        self.assertGreater(reader.wait(20), 0)
        self.assert_nothing_left()


def read_direct_part(path):
    return b"".join(direct_blocks(path, MIB // PAGE_BYTES))


@needs(has_fuse())
class Streams(ShapeTest):
    alone = ("test_each_open_file_has_a_rate_of_its_own",)
    threads = ("test_a_killed_reader_leaves_nothing_and_holds_up_nobody",)

    # Far below what any machine reaches, so that only the pace tells.
    FLAGS = ("--latency", "0", "--per-stream", "1MB/s")
    CODE = ("import os, sys\n"
            "d = os.open(sys.argv[1], os.O_RDONLY)\n"
            "at = int(sys.argv[2])\n"
            "assert len(os.pread(d, 1000000, at)) == 1000000\n")

    def readers(self, count):
        readers = [subprocess.Popen([sys.executable, "-c", self.CODE, self.mount / "weights.bin",
                                     str(i * MIB)]) for i in range(count)]
        for reader in readers:
            self.assertEqual(reader.wait(), 0)

    def test_each_open_file_has_a_rate_of_its_own(self):
        with self.mounted(*self.FLAGS) as ready:
            self.assertEqual(ready["stream_bytes_per_s"], 1e6)
            before = time.monotonic()
            self.readers(1)
            self.assertGreaterEqual(time.monotonic() - before, 0.97)
            evict(self.mount / "weights.bin")
            # Readahead of one stream reaches into the next one's part, so not simply five times
            # one; five parts through one bucket would take 5 s.
            best = 5.0
            for _ in range(10):
                evict(self.mount / "weights.bin")
                before = time.monotonic()
                self.readers(5)
                best = min(best, time.monotonic() - before)
                if best < 4.5:
                    break
            self.assertLess(best, 4.5)

    def test_a_killed_reader_leaves_nothing_and_holds_up_nobody(self):
        # 4 MiB would take 40 s.
        with self.mounted("--latency", "0", "--per-stream", "100kB/s") as ready:
            server = ready["server_pid"]
            before = len(open_files(server))
            weights = str((self.source / "weights.bin").resolve())
            self.assertEqual((self.mount / "sub" / "small").read_bytes(), b"small")
            for way in ("direct", "fullblock"):
                reader = subprocess.Popen(
                    ["dd", f"if={self.mount}/weights.bin", "of=/dev/null", "bs=4M",
                     f"iflag={way}"], stderr=subprocess.DEVNULL)
                wait_until(lambda: weights in open_files(server), "the reader's file is open")
                time.sleep(0.2)
                reader.kill()
                self.assertEqual(reader.wait(20), -signal.SIGKILL)
                evict(self.mount / "sub" / "small")
                self.assertEqual((self.mount / "sub" / "small").read_bytes(), b"small")
                if way == "direct":
                    # The kernel gives files back some time after their close.
                    wait_until(lambda: weights not in open_files(server), "its file is closed")
                    wait_until(lambda: len(open_files(server)) <= before, "all is closed")


@needs(has_fuse())
class Presets(ShapeTest):
    address = ("test_are_those_of_the_documentation",)

    def test_are_those_of_the_documentation(self):
        rows = re.findall(r"^\| `([a-z0-9-]+)` \| `([^`]+)` \|",
                          (DOCS / "stand-in.md").read_text(encoding="utf-8"), re.MULTILINE)
        self.assertGreaterEqual(len(rows), 4)
        refused = run(["shape", self.source, self.mount, "--preset", "no-such"])
        self.assertEqual(refused.returncode, 2)
        self.assertEqual(refused.stderr.split("there are ")[1].splitlines()[0],
                         ", ".join(name for name, _ in rows))
        for name, spec in rows:
            with self.preset(name) as ready:
                source = mount_source(self.mount)
            self.assertEqual(ready["preset"], name)
            with self.mounted(*flags_of(spec)) as same:
                for key in ("rate_bytes_per_s", "latency_s", "requests_per_s",
                            "stream_bytes_per_s"):
                    self.assertEqual(ready[key], same[key], name)
                self.assertEqual(mount_source(self.mount), source)
        self.assert_nothing_left()

    @contextlib.contextmanager
    def preset(self, name):
        process = start(["shape", self.source, self.mount, "--json", "--no-measure", "--preset",
                         name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            yield json.loads(process.stdout.readline())
        finally:
            stop(process)

    def test_exclude_single_figures(self):
        result = run(["shape", self.source, self.mount, "--preset", "efs", "--rate", "1MB/s"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("excludes", result.stderr)


def flags_of(spec):
    """The flags that give the same pace as a spec."""
    rate, latency, *limits = spec.split(",")
    flags = ["--rate", rate, "--latency", latency]
    for limit in limits:
        if limit.endswith("/stream"):
            flags += ["--per-stream", limit.removesuffix("/stream")]
        else:
            flags += ["--iops", limit.removesuffix("iops")]
    return flags


@needs(has_fuse())
class Inspect(ShapeTest):
    address = True

    def test_says_that_it_is_a_stand_in_and_of_what(self):
        model = self.scratch / "a model"
        write_checkpoint(model)
        with self.mounted("--per-stream", "60MB/s", "--fail-after", "1GB", source=model) as ready:
            shown = run(["inspect", self.mount])
            self.assertEqual(shown.returncode, 0, shown.stderr)
            self.assertIn(f"stand-in     of {model} at 500 MB/s, 1 ms latency, 60.0 MB/s per "
                          f"stream (pid {ready['server_pid']})\n", shown.stdout)
            self.assertIn("faults       reads fail after 1.00 GB\n", shown.stdout)
            facts = json.loads(run(["inspect", self.mount, "--json"]).stdout)["storage"]
            self.assertEqual(facts["stand_in"]["source"], str(model))
            self.assertEqual(facts["stand_in"]["rate_bytes_per_s"], 500e6)
            self.assertEqual(mount_source(self.mount), f"500MB/s,1ms,60MB/s/stream:{model}")
        self.assertIsNone(
            json.loads(run(["inspect", model, "--json"]).stdout)["storage"]["stand_in"])
        self.assertNotIn("stand-in", run(["inspect", model]).stdout)


class OtherUserTest(ShapeTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.scratch, 0o755)
        parents = [self.scratch, *self.scratch.parents]
        if not all(os.stat(parent).st_mode & 0o001 for parent in parents):
            self.skipTest("another user cannot reach the scratch directory")


@needs(has_fuse(), is_root())
class Access(OtherUserTest):
    threads = ("test_is_the_owners_alone_unless_asked",)

    def as_nobody(self, *argv):
        return subprocess.run(argv, user=NOBODY, group=NOBODY, extra_groups=[], text=True,
                              capture_output=True, check=False)

    def test_is_the_owners_alone_unless_asked(self):
        with self.mounted() as ready:
            self.assertIs(ready["allow_other"], False)
            result = self.as_nobody("ls", self.mount)
            self.assertIn("Permission denied", result.stderr)
        with self.mounted("--allow-other") as ready:
            self.assertIs(ready["allow_other"], True)
            self.assertEqual(self.as_nobody("cat", self.mount / "sub" / "small").stdout, "small")

    @needs(has_command("fusermount3"))
    def test_another_user_than_root_can_mount_one(self):
        if not os.stat("/dev/fuse").st_mode & 0o002:
            self.skipTest("only root may open /dev/fuse here")
        os.chown(self.scratch, NOBODY, NOBODY)
        process = subprocess.Popen(
            [COLDLOAD, "shape", self.source, self.mount, "--rate", "100MB/s",
             "--no-measure", "--json"], user=NOBODY, group=NOBODY, extra_groups=[],
            env={**os.environ, "COLDLOAD_TEST_MARK": self.mark}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        self.assertTrue(line, "" if line else process.communicate()[1])
        self.assertEqual(self.as_nobody("cat", self.mount / "sub" / "small").stdout, "small")
        self.assertEqual(len(mounts_below(self.scratch)), 1)
        stop(process)
        self.assertEqual(process.returncode, 0)
        self.assert_nothing_left()
        settings = Path("/etc/fuse.conf")
        if settings.exists() and "user_allow_other" in settings.read_text("utf-8").split():
            return
        refused = self.as_nobody(COLDLOAD, "shape", self.source, self.mount, "--rate", "100MB/s",
                                 "--no-measure", "--allow-other")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("user_allow_other", refused.stderr)
        self.assert_nothing_left()


@needs(has_fuse(), is_root(), plain_build(),
       *map(has_command, ("fusermount3", "unshare", "setpriv", "prlimit")))
class Limits(OtherUserTest):
    threads = False

    def test_a_limit_on_processes_is_an_error_and_leaves_nothing(self):
        # Not of root, whom no limit holds: of another user, with a /dev/fuse of his own.
        os.chown(self.scratch, NOBODY, NOBODY)
        prepared = ('mknod "$0" c 10 229 && chmod 666 "$0" && mount --bind "$0" /dev/fuse && '
                    'exec setpriv --reuid "$1" --regid "$1" --clear-groups prlimit "$2" "${@:3}"')
        causes = ""
        for limit in range(2, 14):
            process = subprocess.Popen(
                ["unshare", "-m", "bash", "-c", prepared, self.scratch / f"fuse{limit}", str(NOBODY),
                 f"--nproc={limit}", COLDLOAD, "shape", self.source, self.mount, "--rate",
                 "100MB/s", "--no-measure", "--json"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
                env={**os.environ, "COLDLOAD_TEST_MARK": self.mark})
            is_mounted = process.stdout.readline() != ""
            _, err = stop(process)
            if "mknod:" in err or "mount:" in err or "unshare:" in err:
                self.skipTest("a /dev/fuse for another user cannot be made here")
            self.assertEqual(process.returncode, 0 if is_mounted else 1, f"{limit}: {err}")
            self.assertNotIn("terminate called", err)
            causes += err
            self.assert_nothing_left()
        self.assertRegex(causes, "coldload: cannot start [0-9]+ threads?: Resource temporarily")


if __name__ == "__main__":
    unittest.main()
