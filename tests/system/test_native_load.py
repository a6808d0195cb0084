"""The native loader as the process that a trial launches: what it reads, by which route, in how
much memory, and what it says when it cannot."""

import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import time
import unittest
from pathlib import Path

from harness import (
    ScratchTest,
    can_evict,
    evict,
    has_fuse,
    is_root,
    kept,
    needs,
    plain_build,
    random_bytes,
    resident_pages,
    run,
    start,
    stop,
    sync,
    warm,
    write_checkpoint,
    write_raw_safetensors,
)

MIB = 1 << 20


def shards_of(directory):
    return sorted(Path(directory).glob("*.safetensors"))


def weight_bytes(directory):
    return sum(path.stat().st_size for path in shards_of(directory))


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def refuse_io_uring():
    """In a child before exec: what many containers' seccomp profiles do."""
    allow, errno_eperm = 0x7FFF0000, 0x00050000 | 1
    load_syscall_number = (0x20, 0, 0, 0)
    io_uring_setup = 425
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            load_syscall_number,
            (0x15, 0, 1, io_uring_setup),
            (0x06, 0, 0, errno_eperm),
            (0x06, 0, 0, allow),
        )
    )
    code = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    set_no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    if libc.prctl(set_no_new_privileges, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if libc.prctl(set_seccomp, mode_filter, filter_program, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


class _NativeLoadTest(ScratchTest):
    def load(self, *flags, path=None, **kw):
        """Its ready event, after a check of everything that always holds."""
        path = path or self.checkpoint
        done = run(["native-load", path, *flags], **kw)
        self.assertEqual(done.returncode, 0, done.stderr)
        ready = events(done.stdout)[-1]
        self.assertEqual(ready["event"], "ready")
        self.assertEqual(ready["bytes"], weight_bytes(path))
        self.assertEqual(sum(ready["routes"].values()), ready["bytes"])
        return ready


class NativeLoad(_NativeLoadTest):
    threads = (
        "test_a_cold_load_leaves_the_weights_out_of_the_page_cache",
        "test_brings_the_same_bytes_whatever_the_route",
        "test_without_io_uring_it_reads_by_pread_and_says_so",
        "test_reports_progress_at_the_pace_that_it_keeps",
        "test_an_interrupt_ends_it_at_once",
        "test_notices_a_shard_that_is_truncated_during_the_load",
    )

    def setUp(self):
        super().setUp()
        self.checkpoint = write_checkpoint(self.scratch / "m", shards=3, shard_bytes=5 * MIB)

    def evict_all(self):
        for path in shards_of(self.checkpoint):
            self.assertEqual(evict(path), 0)

    def test_tells_its_phases_and_ends_with_ready(self):
        done = run(["native-load", self.checkpoint])
        lines = events(done.stdout)
        names = [line["name"] for line in lines if line["event"] == "phase"]
        self.assertEqual(names, ["start", "weights"])
        self.assertEqual(lines[-1]["event"], "ready")
        self.assertIsNone(lines[-1]["checksum"])
        self.assertEqual(done.stderr, "")

    @needs(can_evict())
    def test_a_cold_load_leaves_the_weights_out_of_the_page_cache(self):
        self.evict_all()
        ready = self.load()
        self.assertEqual(ready["routes"]["pread_buffered"], 0)
        for path in shards_of(self.checkpoint):
            resident, pages = resident_pages(path)
            self.assertLess(resident, pages / 4)  # the header, and what was read ahead of it

    @needs(can_evict())
    def test_a_warm_load_reads_from_the_page_cache(self):
        with contextlib.ExitStack() as stack:
            for path in shards_of(self.checkpoint):
                stack.enter_context(kept(path))
            ready = self.load()
        self.assertEqual(ready["routes"]["pread_buffered"], ready["bytes"])

    @needs(can_evict())
    def test_brings_the_same_bytes_whatever_the_route(self):
        warm_checksum = self.load("--verify")["checksum"]
        self.assertRegex(warm_checksum, "^[0-9a-f]{16}$")
        for flags in (
            (), ("--native-threads", "1"), ("--native-ring", "1MiB"), ("--pace", "1GB/s,1ms"),
            ("--native-threads", "64", "--native-ring", "128MiB"),
        ):
            self.evict_all()
            self.assertEqual(self.load("--verify", *flags)["checksum"], warm_checksum, flags)
        with open(shards_of(self.checkpoint)[1], "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        self.assertNotEqual(self.load("--verify")["checksum"], warm_checksum)

    @needs(can_evict())
    def test_without_io_uring_it_reads_by_pread_and_says_so(self):
        self.evict_all()
        expected = self.load("--verify")["checksum"]
        self.evict_all()
        ready = self.load("--verify", preexec_fn=refuse_io_uring)
        self.assertEqual(ready["routes"]["io_uring_direct"], 0)
        self.assertIn("io_uring refused by the kernel", ready["fallbacks"][0])
        self.assertEqual(ready["checksum"], expected)

    @needs(is_root(), can_evict())
    def test_says_that_residency_of_a_file_of_others_is_hidden(self):
        os.chmod(self.scratch, 0o755)
        self.evict_all()
        if run(["inspect", self.checkpoint], user=65534).returncode != 0:
            self.skipTest("another user cannot reach the scratch folder")
        ready = self.load(user=65534)
        self.assertEqual(ready["routes"]["pread_buffered"], ready["bytes"])
        self.assertIn("neither owns nor may write", " ".join(ready["fallbacks"]))

    def test_loads_from_a_tmpfs(self):
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("no /dev/shm")
        self.scratch_in_memory = Path(f"/dev/shm/coldload-test-{os.getpid()}")
        self.addCleanup(lambda: os.system(f"rm -r {self.scratch_in_memory}"))
        copy = write_checkpoint(self.scratch_in_memory, shards=3, shard_bytes=5 * MIB)
        expected = self.load("--verify")["checksum"]
        self.assertEqual(self.load("--verify", path=copy)["checksum"], expected)

    def test_writes_its_lines_where_it_is_told(self):
        reader, writer = os.pipe()
        done = run(["native-load", self.checkpoint, "--status-fd", writer], pass_fds=[writer])
        os.close(writer)
        with os.fdopen(reader) as lines:
            self.assertEqual(events(lines.read())[-1]["event"], "ready")
        self.assertEqual(done.stdout, "")

    def test_ends_with_an_error_when_nobody_listens(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = run(["native-load", self.checkpoint, "--status-fd", writer], pass_fds=[writer])
        os.close(writer)
        self.assertEqual(done.returncode, 1)
        self.assertIn("status", done.stderr)

    def test_reports_progress_at_the_pace_that_it_keeps(self):
        done = run(["native-load", self.checkpoint, "--pace", "10MB/s,1ms", "--native-ring", "8MiB"])
        progress = [line["bytes"] for line in events(done.stdout) if line["event"] == "progress"]
        self.assertGreaterEqual(len(progress), 3)
        self.assertEqual(progress, sorted(progress))
        ready = events(done.stdout)[-1]
        self.assertGreaterEqual(ready["read_s"], ready["bytes"] / 10e6)

    def test_an_interrupt_ends_it_at_once(self):
        process = start(["native-load", self.checkpoint, "--pace", "100kB/s"], stdout=-1, stderr=-1)
        while json.loads(process.stdout.readline())["event"] != "progress":
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertLess(time.monotonic() - began, 60)  # all of it would take 150 s

    @needs(has_fuse())
    def test_an_interrupt_while_reads_hang_is_told_from_a_failure(self):
        mount = self.scratch / "mount"
        shape = start(["shape", self.checkpoint, mount, "--no-measure", "--json", "--rate", "1GB/s",
                       "--hang-after", "1MiB"], stdout=-1, stderr=-1)
        self.addCleanup(stop, shape)
        self.assertTrue(shape.stdout.readline(), "not mounted")
        process = start(["native-load", mount, "--io-stall-timeout", "5s"], stdout=-1, stderr=-1)
        self.addCleanup(stop, process)
        while json.loads(process.stdout.readline())["event"] != "progress":
            pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("no answer for", err)

    def test_notices_a_shard_that_is_truncated_during_the_load(self):
        process = start(["native-load", self.checkpoint, "--pace", "5MB/s"], stdout=-1, stderr=-1)
        while json.loads(process.stdout.readline())["event"] != "progress":
            pass
        victim = shards_of(self.checkpoint)[-1]
        os.truncate(victim, 100)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(str(victim), err)
        self.assertNotIn('"ready"', out)


class NativeLoadMemory(_NativeLoadTest):
    @needs(plain_build())
    def test_a_gigabyte_takes_no_more_memory_than_the_ring(self):
        self.checkpoint = self.scratch / "m"
        self.checkpoint.mkdir()
        (self.checkpoint / "config.json").write_text("{}")
        block = random_bytes(16 * MIB)
        count = 60
        path = self.checkpoint / "model.safetensors"
        size = count * len(block)
        write_raw_safetensors(
            path, {"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}})
        with open(path, "ab") as file:
            for _ in range(count):
                file.write(block)
        sync(path)
        for prepare in (evict, warm):
            prepare(path)
            process = start(["native-load", self.checkpoint], stdout=-1)
            out = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stdout.close()
            self.assertEqual(events(out)[-1]["bytes"], path.stat().st_size)
            self.assertLess(usage.ru_maxrss * 1024, 300e6)

    def test_ten_thousand_shards_need_few_files_open_at_a_time(self):
        self.checkpoint = self.scratch / "m"
        self.checkpoint.mkdir()
        (self.checkpoint / "config.json").write_text("{}")
        count = 10_000
        for number in range(1, count + 1):
            tensor = {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}
            write_raw_safetensors(
                self.checkpoint / f"model-{number:05}-of-{count:05}.safetensors",
                {f"t{number}": tensor}, bytes(8))
        ready = self.load(
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)))
        self.assertGreater(ready["bytes"], 10_000 * 8)


class NativeLoadErrors(ScratchTest):
    address = ("test_names_the_shard_whose_header_is_wrong",)

    def assert_error(self, args, returncode, *parts):
        done = run(["native-load", *args])
        self.assertEqual(done.returncode, returncode, done.stderr)
        self.assertEqual([e for e in events(done.stdout) if e["event"] == "ready"], [])
        for part in parts:
            self.assertIn(str(part), done.stderr)

    def test_names_what_is_no_checkpoint(self):
        self.assert_error([self.scratch], 1, self.scratch)
        self.assert_error([self.scratch / "absent"], 1, self.scratch / "absent")

    def test_names_the_shard_whose_header_is_wrong(self):
        checkpoint = write_checkpoint(self.scratch / "m", shards=2, shard_bytes=MIB)
        victim = shards_of(checkpoint)[1]
        with open(victim, "r+b") as file:
            file.write(struct.pack("<Q", 1 << 63))
        self.assert_error([checkpoint], 1, victim.name)

    @needs(is_root())
    def test_names_the_limit_on_processes(self):
        # As a container's limit on pids: some threads can be had, but not all.
        checkpoint = write_checkpoint(self.scratch / "m", shard_bytes=MIB)
        self.scratch.chmod(0o755)
        for parent in self.scratch.parents:
            if not os.stat(parent).st_mode & 0o001:
                self.skipTest(f"{parent} is closed to other users")
        nobody_else = 2_000_000_000 + os.getpid()

        def few_processes():
            os.setgroups([])
            os.setgid(nobody_else)
            os.setuid(nobody_else)
            resource.setrlimit(resource.RLIMIT_NPROC, (8, 8))

        done = run(["native-load", checkpoint, "--native-threads", "64"], preexec_fn=few_processes)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot start 64 threads", done.stderr)
        self.assertIn("limit on processes", done.stderr)

    def test_refuses_wrong_flags(self):
        checkpoint = write_checkpoint(self.scratch / "m")
        self.assert_error([checkpoint, "--native-ring", "lots"], 2, "--native-ring", "lots")
        self.assert_error([checkpoint, "--pace", "fast"], 2, "--pace", "fast")
        self.assert_error([checkpoint, "--pace", "1GB/s,soon"], 2, "--pace", "soon")
        self.assert_error([checkpoint, "--native-threads", "-1"], 2, "--native-threads")
        self.assert_error([checkpoint, "--native-ring", "4096"], 1, "ring")


if __name__ == "__main__":
    unittest.main()
