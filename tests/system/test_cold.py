"""Cold is proven or not claimed: the honest control is verified, and no sabotage is.

Every test drives a whole `coldload measure` against a real server process (the fake server, which
really reads the checkpoint) on a real file system.
"""

import contextlib
import json
import mmap
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

from harness import (
    FAKE_SERVER,
    PAGE_BYTES,
    PageView,
    ScratchTest,
    can_evict,
    files_of,
    has_fake_server,
    has_fuse,
    is_root,
    kept,
    needs,
    read_notes,
    read_records,
    read_rows,
    resident_pages,
    run,
    start,
    warm,
    write_checkpoint,
)

FORGETFUL_FS = os.environ.get("FORGETFUL_FS", "")
SHARD_BYTES = 24 << 20


def server(*flags):
    return ["--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", *flags]


# A process that does something to the weights, says "ready", and goes on until it is killed.
LOCKER = """
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
fd = os.open(sys.argv[1], os.O_RDONLY)
size = 1 << 20
address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
ctypes.string_at(address, size)
if libc.mlock(address, size) != 0:
    sys.exit("mlock: " + os.strerror(ctypes.get_errno()))
print("ready", flush=True)
sys.stdin.read()
"""

REREADER = """
import os, sys
files = [os.open(path, os.O_RDONLY) for path in sys.argv[1:]]
print("ready", flush=True)
while True:
    for fd in files:
        offset = 0
        while chunk := os.pread(fd, 1 << 20, offset):
            offset += len(chunk)
"""


class ColdTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=SHARD_BYTES)
        self.shards = [path for path in files_of(self.model) if path.suffix == ".safetensors"]
        self.out = self.scratch / "out"

    def saboteur(self, code, *args):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline().strip(), "ready")
        return process

    def measure(self, *args, model=None, runs=1, expect):
        """Runs `measure` without warm runs and warm-ups, checks its exit code; the last record."""
        flags = ["--runs", runs, "--warm-runs", 0, "-w", 0, "--timeout", "60s", "--out", self.out]
        result = run(["measure", model or self.model, *flags, *args])
        self.assertEqual(result.returncode, expect, result.stderr)
        return read_records(self.out)[-1]

    def assert_verified(self, record):
        self.assertEqual((record["cold"], record["status"]), ("verified", "ok"), record["reason"])
        self.assertEqual(record["resident_bytes_before"], 0)
        self.assertGreaterEqual(record["storage_bytes_read"], 0.95 * record["checkpoint_bytes"])


@needs(can_evict(), has_fake_server())
class HonestTargets(ColdTest):
    address = (
        "test_a_server_that_reads_everything_is_verified",
        "test_reads_of_an_orphan_that_has_exited_count",
        "test_the_native_loader_is_verified",
    )

    def test_a_server_that_reads_everything_is_verified(self):
        record = self.measure(*server("--read", "full"), expect=0)
        self.assert_verified(record)
        self.assertEqual(read_rows(self.out)[-1]["load_s"], f"{record['load_s']:.3f}")

    def test_a_server_that_maps_the_weights_is_verified(self):
        self.assert_verified(self.measure(*server("--read", "mmap"), expect=0))

    def test_a_server_that_reads_around_the_page_cache_is_verified(self):
        self.assert_verified(self.measure(*server("--read", "direct"), expect=0))

    def test_reads_of_a_worker_that_has_exited_count(self):
        self.assert_verified(self.measure(*server("--read=full", "--read-by=child"), expect=0))

    def test_reads_of_an_orphan_that_has_exited_count(self):
        self.assert_verified(self.measure(*server("--read=full", "--read-by=orphan"), expect=0))

    def test_the_native_loader_is_verified(self):
        self.assert_verified(self.measure(expect=0))

    def test_a_prepare_hook_that_reads_everything_is_evicted_afterwards(self):
        hook = 'cat "$COLDLOAD_PATH"/* > /dev/null'
        self.assert_verified(
            self.measure("--prepare", hook, *server("--read", "full"), expect=0))

    def test_an_already_warm_checkpoint_is_evicted_first(self):
        for path in files_of(self.model):
            warm(path)
        self.assert_verified(self.measure(*server("--read", "full"), expect=0))


@needs(can_evict(), has_fake_server())
class Sabotage(ColdTest):
    address = (
        "test_weights_locked_by_another_process",
        "test_workers_whose_accounting_is_lost_are_not_claimed",
        "test_off_evicts_nothing_and_claims_nothing",
    )

    def assert_not_verified(self, record, *words):
        self.assertIn(record["cold"], ("not_cold", "unknown"), record)
        self.assertEqual(record["status"], "not_cold")
        for word in words:
            self.assertIn(word, record["reason"])
        row = read_rows(self.out)[-1]
        self.assertEqual(row["load_s"], "")
        self.assertEqual(read_notes(row)["status"], "not_cold")
        self.assertIn("measured_s", read_notes(row))

    def test_weights_locked_by_another_process(self):
        locker = self.saboteur(LOCKER, self.shards[1])
        record = self.measure(*server("--read", "full"), expect=3)
        self.assert_not_verified(record, str(self.shards[1]), f"process {locker.pid}", "pages")
        self.assertEqual(record["cold"], "not_cold")

    def test_weights_that_another_process_keeps_reading(self):
        self.saboteur(REREADER, *self.shards)
        record = self.measure(*server("--read=full", "--ready-after=300"), expect=3)
        self.assert_not_verified(record)

    def test_a_server_that_never_reads_them(self):
        record = self.measure(*server("--read", "none"), expect=3)
        self.assert_not_verified(record, "from storage")

    def test_a_server_that_reads_half_of_them(self):
        record = self.measure(*server("--read", "half"), expect=3)
        self.assert_not_verified(record)

    def test_another_process_that_reads_what_the_server_does_not(self):
        # Started by the server's own launch, but outside its tree: the device has read everything,
        # the target nothing.
        flag = self.scratch / "go"
        reader = subprocess.Popen(
            [sys.executable, "-c",
             "import os,sys,time\n"
             "while not os.path.exists(sys.argv[1]): time.sleep(0.002)\n"
             "for p in sys.argv[2:]: open(p,'rb').read()\n", flag, *self.shards])
        self.addCleanup(reader.wait)
        self.addCleanup(reader.kill)
        script = 'touch "$0"; exec "$@"'
        command = ["--", "sh", "-c", script, str(flag), *server("--read=none",
                                                                "--ready-after=600")[1:]]
        record = self.measure(*command, expect=3)
        self.assert_not_verified(record)

    def test_workers_whose_accounting_is_lost_are_not_claimed(self):
        record = self.measure(
            *server("--read=full", "--read-by=children-sigchld-ignored"), expect=3)
        self.assert_not_verified(record, "SIGCHLD")
        self.assertEqual(record["cold"], "unknown")

    def test_best_effort_keeps_the_time_and_the_word(self):
        self.saboteur(LOCKER, self.shards[0])
        record = self.measure("--cold", "best-effort", *server("--read", "full"), expect=0)
        self.assertEqual((record["cold"], record["status"]), ("not_cold", "ok"))
        self.assertNotEqual(read_rows(self.out)[-1]["load_s"], "")

    def test_off_evicts_nothing_and_claims_nothing(self):
        # Kept, as the kernel may take the pages; that would hide an eviction, which is told, too.
        with contextlib.ExitStack() as stack:
            for path in files_of(self.model):
                stack.enter_context(kept(path))
            result = run(["measure", self.model, "--cold", "off", "--runs", 1, "--warm-runs", 0, "-w",
                          0, "--verbose", "--out", self.out, *server("--read", "full")])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("cold run 1: stop", result.stderr)
        self.assertNotIn("cold run 1: evict", result.stderr)
        record = read_records(self.out)[-1]
        self.assertEqual((record["cold"], record["status"]), ("off", "ok"))
        # Not what the storage delivered: its counter is the whole device's, other readers' bytes, too.
        self.assertGreaterEqual(record["resident_bytes_before"], record["checkpoint_bytes"])


@needs(can_evict(), has_fake_server())
class Standstill(ColdTest):
    def test_a_coldload_that_was_stopped_claims_no_time(self):
        pid = self.scratch / "pid"
        stopper = f"until [ -s {pid} ]; do sleep 0.02; done; read -r pid <{pid}; " \
            'kill -STOP "$pid"; sleep 1; kill -CONT "$pid"; exec "$@"'
        command = ["--", "sh", "-c", stopper, "sh", *server("--read", "full")[1:]]
        flags = ["--runs", 1, "--warm-runs", 0, "-w", 0, "--timeout", "60s", "--out", self.out]
        process = start(["measure", self.model, *flags, *command], stderr=subprocess.PIPE)
        pid.write_text(f"{process.pid}\n", encoding="utf-8")
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 3, errors)
        record = read_records(self.out)[-1]
        self.assertEqual((record["cold"], record["status"]), ("unknown", "not_cold"))
        self.assertIn("coldload itself stood still for ", record["reason"])
        self.assertEqual(read_rows(self.out)[-1]["load_s"], "")


@needs(has_fake_server())
class Memory(ColdTest):
    def setUp(self):
        super().setUp()
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm is not writable")
        self.path = Path(f"/dev/shm/coldload-test-{os.getpid()}")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.path], check=False))
        write_checkpoint(self.path, shards=2)

    def test_tmpfs_is_said_to_be_never_cold(self):
        record = self.measure(*server("--read", "full"), model=self.path, expect=0)
        self.assertEqual((record["cold"], record["status"]), ("not_applicable", "ok"))
        self.assertIn("tmpfs", record["reason"])
        self.assertNotEqual(read_rows(self.out)[-1]["load_s"], "")

    def test_tmpfs_is_not_evicted_in_vain(self):
        result = run(["measure", self.path, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                      "--verbose", "--out", self.out, *server("--read", "full")])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("cold run 1: stop", result.stderr)
        self.assertNotIn("cold run 1: evict", result.stderr)

    def test_a_launch_that_fails_is_never_cold_either(self):
        record = self.measure("--", "no-such-server", "{model}", "--port", "{port}",
                              model=self.path, expect=1)
        self.assertEqual((record["cold"], record["status"]), ("not_applicable", "failed"))


@needs(can_evict(), is_root(), has_fake_server())
class Permissions(ColdTest):
    address = True

    def test_files_of_others_give_unknown_with_the_reason(self):
        # mincore answers "all resident" to whoever may only read the file.
        nobody = 65534
        self.scratch.chmod(0o755)
        self.out.mkdir()
        os.chown(self.out, nobody, nobody)
        for parent in [self.scratch, *self.scratch.parents]:
            if not os.stat(parent).st_mode & 0o001:
                self.skipTest(f"{parent} is closed to other users")
        result = run(
            ["measure", self.model, "--runs", 1, "--out", self.out],
            user=nobody, group=nobody, extra_groups=[],
        )
        self.assertEqual(result.returncode, 3, result.stderr)
        record = read_records(self.out)[-1]
        self.assertEqual(record["cold"], "unknown")
        self.assertIsNone(record["resident_bytes_before"])
        self.assertIn("residency", record["reason"])
        self.assertIn("no warm runs: residency cannot be seen", result.stderr)


@needs(can_evict(), is_root(), has_fake_server())
class Overlay(ColdTest):
    address = ("test_a_locked_lower_file_is_not_cold_and_its_locker_is_named",)

    def setUp(self):
        super().setUp()
        upper, work, self.merged = (self.scratch / name for name in ("upper", "work", "merged"))
        for path in (upper, work, self.merged):
            path.mkdir()
        options = f"lowerdir={self.model},upperdir={upper},workdir={work}"
        mounted = subprocess.run(
            ["mount", "-t", "overlay", "overlay", "-o", options, self.merged],
            capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"overlayfs cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.merged], check=True)

    def test_residency_is_seen_through_overlayfs(self):
        # cachestat answers 0 here while everything is resident.
        with contextlib.ExitStack() as stack:
            for path in files_of(self.merged):
                stack.enter_context(kept(path))
            shown = run(["cache", "show", self.merged, "--json"])
        answer = json.loads(shown.stdout)
        self.assertEqual(answer["resident_bytes"], answer["bytes"])

    def test_a_locked_lower_file_is_not_cold_and_its_locker_is_named(self):
        locker = self.saboteur(LOCKER, self.shards[0])
        record = self.measure(*server("--read", "full"), model=self.merged, expect=3)
        self.assertEqual(record["cold"], "not_cold")
        self.assertIn(str(locker.pid), record["reason"])

    def test_an_honest_server_is_verified(self):
        self.assert_verified(
            self.measure(*server("--read", "full"), model=self.merged, expect=0))


@needs(has_fuse(), is_root(), has_fake_server())
@unittest.skipUnless(FORGETFUL_FS, "the forgetful file system was not built")
class ForgetfulFuse(ColdTest):
    """A FUSE mount without keep_cache: opening a file again drops its pages. Of a type that is known
    to keep no cache of its own."""

    address = ("test_a_server_that_reads_everything_is_verified_by_what_is_resident_afterwards",)

    def setUp(self):
        super().setUp()
        self.mount = self.scratch / "mount"
        self.mount.mkdir()
        process = subprocess.Popen([FORGETFUL_FS, self.model, self.mount, "--as", "sshfs"])
        self.addCleanup(process.wait)
        self.addCleanup(lambda: subprocess.run(["umount", self.mount], check=False))
        deadline = time.monotonic() + 10
        while not os.path.ismount(self.mount):
            self.assertLess(time.monotonic(), deadline, "the mount does not come up")
            time.sleep(0.01)

    def test_the_mount_really_forgets(self):
        shard = self.mount / self.shards[0].name
        holder = os.open(shard, os.O_RDONLY)
        self.addCleanup(os.close, holder)
        while os.read(holder, 1 << 20):
            pass
        self.assertEqual(resident_pages(shard)[0], 0)

    def test_a_server_that_reads_everything_is_verified_by_what_is_resident_afterwards(self):
        record = self.measure(*server("--read", "full"), model=self.mount, expect=0)
        self.assertEqual(record["cold"], "verified", record["reason"])
        self.assertEqual(record["storage_bytes_source"], "residency")
        self.assertIsNone(record["storage_bytes_read"])

    def test_a_server_that_reads_half_is_not(self):
        record = self.measure(*server("--read", "half"), model=self.mount, expect=3)
        self.assertEqual(record["cold"], "unknown")

    def test_the_native_loader_is_verified_by_its_direct_reads(self):
        record = self.measure(model=self.mount, expect=0)
        self.assertEqual(record["cold"], "verified", record["reason"])

    def test_warm_runs_are_left_out_and_it_is_said(self):
        result = run(["measure", self.mount, "--runs", 1, "--warm-runs", 1, "--out", self.out])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([row["storage_mode"] for row in read_rows(self.out)], ["path"])
        self.assertIn("no warm runs: this FUSE mount drops", result.stderr)

    def test_cache_show_does_not_destroy_what_it_looks_at(self):
        shard = self.mount / self.shards[0].name
        view = PageView(shard)
        self.addCleanup(view.close)
        # The kernel may take clean pages at any time, but hardly those that are mapped: through the
        # same open, as another would be the one that this test looks for.
        part = mmap.mmap(view.descriptor, 1 << 20, access=mmap.ACCESS_READ)
        self.addCleanup(part.close)
        touched = range(0, len(part), PAGE_BYTES)
        sum(part[at] for at in touched)
        self.assertGreaterEqual(view.resident_pages(), len(touched))
        shown = run(["cache", "show", self.mount])
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("unknown", shown.stdout)
        self.assertIn("looking means opening", shown.stderr)
        # An open drops every page, mapped or not. More may come: readahead is still under way.
        self.assertGreaterEqual(view.resident_pages(), len(touched))

    def test_cache_warm_says_that_it_cannot(self):
        warmed = run(["cache", "warm", self.mount])
        self.assertEqual(warmed.returncode, 1)
        self.assertIn("cannot be warmed", warmed.stderr)


if __name__ == "__main__":
    unittest.main()
