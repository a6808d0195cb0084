"""`coldload stage` from outside: whatever ends it, DST is absent, or complete and right."""

import contextlib
import fcntl
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from daemons import wait_until
from harness import (
    FAKE_SERVER,
    ScratchTest,
    has_command,
    has_fake_server,
    has_fuse,
    is_root,
    kept,
    needs,
    passes_mostly,
    read_notes,
    read_records,
    read_rows,
    resident_pages,
    run,
    start,
    stop,
    write_checkpoint,
)


def same_trees(a, b):
    names = sorted(p.relative_to(a) for p in a.rglob("*") if p.is_file())
    others = sorted(p.relative_to(b) for p in b.rglob("*") if p.is_file())
    return names == others and all(filecmp.cmp(a / n, b / n, shallow=False) for n in names)


class StageTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.source = self.scratch / "source"
        self.destination = self.scratch / "fast" / "model"
        self.destination.parent.mkdir()
        self.part = self.destination.parent / ".model.coldload-part"
        # Several chunks of 16 MiB, and a file that is none.
        write_checkpoint(self.source, shards=2, shard_bytes=40 << 20)
        (self.source / "adapters").mkdir()
        (self.source / "adapters" / "note.txt").write_text("x" * 1000)

    def stage(self, *flags, expect=0):
        result = run(["stage", self.source, self.destination, *flags])
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result

    def begin(self, *flags):
        """Stages slowly enough to be met on the way; returns when it has a whole chunk."""
        shutil.rmtree(self.part, ignore_errors=True)
        process = start(["stage", self.source, self.destination, "--limit", "12MB/s", "--jobs", "2",
                         *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        # The two small files come first by name, then a shard.
        while process.poll() is None and len(self.journal()) < 3:
            time.sleep(0.01)
        return process

    def journal(self):
        """What the copy under way says to have."""
        path = self.part / "journal"
        if not path.exists():
            return []
        return [line for line in path.read_text().splitlines() if len(line.split()) == 3]

    def assert_staged(self):
        self.assertTrue(same_trees(self.source, self.destination))
        self.assertEqual(sorted(p.name for p in self.destination.parent.iterdir()),
                         ["model", "model.coldload.json"])
        self.assertEqual(run(["stage", "--verify", self.destination]).returncode, 0)


class Copies(StageTest):
    threads = ("test_a_copy_is_the_source_and_is_recognised", "test_a_flipped_bit_is_found")

    def test_a_copy_is_the_source_and_is_recognised(self):
        answer = json.loads(self.stage("--json").stdout)
        self.assert_staged()
        size = sum(p.stat().st_size for p in self.source.rglob("*") if p.is_file())
        self.assertEqual((answer["bytes"], answer["copied_bytes"]), (size, size))
        self.assertGreater(answer["copy_s"], 0)
        again = json.loads(self.stage("--json").stdout)
        self.assertTrue(again["up_to_date"])
        self.assertIsNone(again["copy_s"])

    def test_evicted_afterwards_no_page_is_in_memory(self):
        self.stage("--evict-after")
        for path in self.destination.rglob("*"):
            if path.is_file():
                self.assertEqual(resident_pages(path)[0], 0, path)

    def test_a_flipped_bit_is_found(self):
        self.stage()
        shard = max(self.destination.iterdir(), key=lambda p: p.stat().st_size)
        times = shard.stat()
        with open(shard, "r+b") as file:
            file.seek(17 << 20)
            byte = file.read(1)[0]
            file.seek(17 << 20)
            file.write(bytes([byte ^ 4]))
        os.utime(shard, ns=(times.st_atime_ns, times.st_mtime_ns))
        result = run(["stage", "--verify", self.destination])
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"{shard} has other bytes than were staged, between offset 16777216 and "
                      "33554432", result.stderr)
        self.assertEqual(run(["stage", "--verify-source", self.destination]).returncode, 0)

    def test_wrong_use_is_told_from_failure(self):
        for words in ([], ["a"], ["a", "b", "c"], ["a", "b", "--limit", "fast"],
                      ["a", "b", "--jobs", "0"], ["--verify", "a", "b"]):
            self.assertEqual(run(["stage", *words]).returncode, 2, words)
        missing = run(["stage", self.scratch / "missing", self.destination])
        self.assertEqual(missing.returncode, 1)
        self.assertIn("missing", missing.stderr)


class Ends(StageTest):
    """What may end a copy before its time."""

    threads = ("test_a_signal_ends_it_and_says_how_to_go_on",)
    address = (
        "test_a_killed_copy_goes_on_where_it_was",
        "test_a_source_that_shrinks_is_not_published",
    )

    def test_killed_at_any_instant_nothing_wrong_is_there(self):
        chance = random.Random(6)
        for _ in range(8):
            process = start(["stage", self.source, self.destination, "--limit", "200MB/s"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
            process.wait()
            if self.destination.exists():
                self.assertTrue(same_trees(self.source, self.destination))
        self.stage()
        self.assert_staged()

    def test_killed_while_it_replaces_the_old_or_the_new_one_is_there(self):
        self.stage()
        old = self.scratch / "old"
        shutil.copytree(self.destination, old)
        (self.source / "adapters" / "note.txt").write_text("y" * 1001)
        chance = random.Random(7)
        for _ in range(8):
            process = start(["stage", self.source, self.destination, "--replace"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.4))
            process.kill()
            process.wait()
            self.assertTrue(same_trees(old, self.destination)
                            or same_trees(self.source, self.destination))
        self.stage("--replace")
        self.assert_staged()

    def test_a_killed_copy_goes_on_where_it_was(self):
        process = self.begin()
        process.kill()
        process.wait()
        self.assertFalse(self.destination.exists())
        answer = json.loads(self.stage("--json").stdout)
        self.assertGreaterEqual(answer["resumed_bytes"], 16 << 20)
        self.assertEqual(answer["resumed_bytes"] + answer["copied_bytes"], answer["bytes"])
        self.assert_staged()

    def test_a_signal_ends_it_and_says_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.begin()
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, err)
            self.assertRegex(err, r"interrupted: .* is as it was; \d\S* MB of the copy are kept beside "
                                  "it, and the same command goes on there")
            self.assertFalse(self.destination.exists())
        self.stage()
        self.assert_staged()

    def test_a_source_that_changes_is_not_published(self):
        process = self.begin()
        shard = max(self.source.iterdir(), key=lambda p: p.stat().st_size)
        with open(shard, "r+b") as file:
            file.write(b"changed")
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("was changed while it was copied", err)
        self.assertEqual(list(self.destination.parent.iterdir()), [])

    def test_a_source_that_shrinks_is_not_published(self):
        process = self.begin()
        for path in self.source.iterdir():
            if path.is_file() and path.stat().st_size > 1 << 20:
                os.truncate(path, 4096)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("was changed meanwhile", err)
        self.assertEqual(list(self.destination.parent.iterdir()), [])

    def test_a_directory_in_the_manifests_place_is_told_before_the_copy(self):
        manifest = self.destination.with_name(self.destination.name + ".coldload.json")
        (manifest / "somebody's").mkdir(parents=True)
        err = self.stage(expect=1).stderr
        self.assertIn(f"{manifest}, where its manifest goes, is a directory", err)
        self.assertEqual(list(self.destination.parent.iterdir()), [manifest])

    @needs(is_root(), has_command("mount"))
    def test_a_disk_that_is_unmounted_meanwhile_is_no_success(self):
        disk = self.destination.parent
        if subprocess.run(["mount", "-t", "tmpfs", "none", disk], capture_output=True).returncode != 0:
            self.skipTest("tmpfs cannot be mounted here")
        unmount = ["umount", "-l", str(disk)]
        self.addCleanup(subprocess.run, unmount, capture_output=True)
        process = self.begin()
        subprocess.run(unmount, check=True)
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(f"{disk} is no longer the directory that was written to: its file system was "
                      "unmounted", err)
        self.assertEqual(list(disk.iterdir()), [])

    @needs(is_root(), has_command("mount"))
    def test_a_disk_that_fills_up_is_left_as_it_was(self):
        disk = self.destination.parent
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", disk],
                          capture_output=True).returncode != 0:
            self.skipTest("tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", str(disk)])

        def fill():
            with open(disk / "others", "ab", buffering=0) as file:
                try:
                    while file.write(b"x" * (1 << 20)):
                        pass
                except OSError:
                    pass

        process = self.begin()
        fill()
        _, err = process.communicate(timeout=120)
        fill()  # what the copy had reserved, too
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("No space left on device", err)
        self.assertEqual([p.name for p in disk.iterdir()], ["others"])
        self.assertIn("no room in", self.stage(expect=1).stderr)
        self.assertEqual([p.name for p in disk.iterdir()], ["others"])


class TwoAtOnce(StageTest):
    def test_the_second_says_so(self):
        first = self.begin()
        second = self.stage(expect=1)
        self.assertIn("another coldload is staging", second.stderr)
        self.assertEqual(first.wait(timeout=120), 0)
        self.assert_staged()

    def test_the_second_waits_if_asked(self):
        first = self.begin()
        answer = json.loads(self.stage("--wait", "--json").stdout)
        self.assertEqual(first.wait(timeout=120), 0)
        self.assertTrue(answer["up_to_date"])
        self.assert_staged()


@needs(has_fuse(), is_root())
class FromMemory(StageTest):
    threads = True

    def test_what_is_in_memory_is_not_fetched_again(self):
        mount = self.scratch / "mount"
        result = run(["shape", self.source, mount, "--rate", "500MB/s", "--no-measure", "--daemon"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", mount], check=False))

        def served():
            return int(os.getxattr(mount, "user.coldload.bytes_served"))

        def warm():
            warmed = run(["cache", "warm", mount])
            return "" if warmed.returncode == 0 else warmed.stderr

        passes_mostly(warm)
        with contextlib.ExitStack() as stack:
            for shard in mount.glob("*.safetensors"):
                stack.enter_context(kept(shard))
            before = served()
            result = run(["stage", mount, self.destination, "--json"])
            self.assertEqual(result.returncode, 0, result.stderr)
            # The small files are not kept, and may be fetched.
            self.assertLess(served() - before, 1 << 20)
        self.assert_staged()


@needs(has_fuse(), is_root())
class FromASlowMount(StageTest):
    """What a mount makes last, a signal ends."""

    threads = True

    def mounted(self, source, *flags):
        mount = self.scratch / "mount"
        shape = start(["shape", source, mount, "--no-measure", "--json", *flags],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, shape)
        line = shape.stdout.readline()
        self.assertTrue(line, "" if line else shape.communicate()[1])
        return mount, json.loads(line)["server_pid"]

    def is_asking(self, pid):
        """Whether a thread of it waits for an answer of a FUSE mount."""
        waits = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/wchan"))
        try:
            return any("request_wait_answer" in wait for wait in waits)
        except OSError:  # a thread that has ended meanwhile
            return False

    def end_its_scan(self, mount):
        """The copy, interrupted while its threads look at the files."""
        process = start(["stage", mount, self.destination], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        give_up = time.monotonic() + 30
        while process.poll() is None and not self.is_asking(process.pid):
            if time.monotonic() > give_up:
                break  # a kernel that tells nobody what a thread waits for
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual(list(self.destination.parent.iterdir()), [])
        return err

    def test_a_signal_ends_a_scan_of_very_many_files(self):
        many = self.scratch / "many"
        many.mkdir()
        for number in range(5000):
            (many / f"{number}.json").touch()
        # Sixteen at a time: ten minutes for all.
        mount, _ = self.mounted(many, "--rate", "1GB/s", "--latency", "2s")
        self.assertIn("interrupted", self.end_its_scan(mount))

    def test_a_signal_ends_a_scan_that_hangs(self):
        mount, server = self.mounted(self.source, "--rate", "1GB/s", "--latency", "1s")
        os.kill(server, signal.SIGSTOP)
        try:
            self.assertIn("the mount hangs", self.end_its_scan(mount))
        finally:
            os.kill(server, signal.SIGCONT)

    def test_reads_that_fail_end_it_and_are_told_and_what_is_there_stays(self):
        mount, _ = self.mounted(self.source, "--rate", "1GB/s", "--fail-after", "40MB")
        failed = run(["stage", mount, self.destination, "--jobs", "3"])
        self.assertEqual(failed.returncode, 1, failed.stderr)
        self.assertRegex(failed.stderr, r"cannot read .*: Input/output error; what was copied stays")
        self.assertFalse(self.destination.exists())
        answer = json.loads(self.stage("--json").stdout)
        self.assertEqual(answer["copied_bytes"] + answer["resumed_bytes"], answer["bytes"])
        self.assert_staged()

    def test_a_signal_to_the_copy_of_run_writes_into_none_of_its_files(self):
        mount, _ = self.mounted(self.source, "--rate", "12MB/s")
        process = start(["read-ahead", "--copy", mount, self.destination], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        while process.poll() is None and len(self.journal()) < 3:
            time.sleep(0.01)
        process.terminate()
        out, err = process.communicate(timeout=120)
        self.assertIn("interrupted", out, err)
        head, *lines = (self.part / "journal").read_bytes().split(b"\n")
        self.assertTrue(head.startswith(b"coldload-journal-2 "), head)
        self.assertEqual([line for line in lines if line and len(line.split()) != 3], [])
        self.assertEqual((self.part / "lock").read_bytes(), b"")


class InCompare(StageTest):
    """`compare --stage`: the copy's price beside what it buys."""

    address = ("test_each_copy_is_timed_and_both_starts_are_told_apart",)

    def compare(self, *flags):
        return run(["compare", "--path", f"nvme={self.source}", "--path", f"net={self.source}",
                    "--stage", f"net:{self.destination}", "--runs", 2, "--no-floor",
                    "--out", self.scratch / "out", *flags])

    def test_each_copy_is_timed_and_both_starts_are_told_apart(self):
        result = self.compare()
        self.assertEqual(result.returncode, 0, result.stderr)
        records = [r for r in read_records(self.scratch / "out") if r["arm"] == "staged"]
        self.assertEqual([r["storage_mode"] for r in records],
                         ["staged_after_copy", "staged"] * 2 + ["staged_hot"])
        for first, evicted in (records[0:2], records[2:4]):
            self.assertGreater(first["copy_s"], 0)
            self.assertEqual(first["copy_s"], evicted["copy_s"])
            self.assertEqual((first["cold"], evicted["cold"]), ("off", "verified"))
        self.assertNotEqual(records[0]["copy_s"], records[2]["copy_s"])
        self.assertIsNone(records[4]["copy_s"])
        rows = [row for row in read_rows(self.scratch / "out") if row["storage_mode"] == "staged"]
        self.assertEqual([float(read_notes(row)["copy_s"]) for row in rows],
                         [round(r["copy_s"], 3) for r in (records[1], records[3])])
        report = (self.scratch / "out" / "storage_layout_bench.md").read_text(encoding="utf-8")
        self.assertIn("## Stage to local storage first?", report)
        self.assertIn("| `staged_after_copy` | 2 straight after the copy |", report)
        self.assertEqual(list(self.destination.parent.iterdir()), [])

    def test_the_last_copy_stays_if_asked(self):
        result = self.compare("--keep-staged")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_staged()

    def test_what_is_there_is_not_touched(self):
        self.destination.mkdir()
        (self.destination / "precious").write_text("x")
        result = self.compare()
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("is there already, and would be removed", result.stderr)
        self.assertEqual((self.destination / "precious").read_text(), "x")

    def test_what_stage_made_is_not_touched_either(self):
        self.stage()
        result = self.compare()
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("it was not made for an experiment", result.stderr)
        self.assert_staged()

    def test_the_manifest_of_a_copy_that_was_moved_away_is_not_touched(self):
        self.stage()
        away = self.scratch / "away"
        self.destination.rename(away)
        result = self.compare()
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("model.coldload.json is there already, and would be removed", result.stderr)
        away.rename(self.destination)
        self.assert_staged()

    def is_held(self):
        """Whether somebody measures with the copy."""
        descriptor = os.open(self.destination, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @needs(has_fake_server())
    def test_after_a_crash_the_same_command_works_again(self):
        manifest = Path(f"{self.destination}.coldload.json")
        # A copy that is cut off, then one that is there.
        self.begin().kill()
        self.assertTrue(self.part.exists())
        # The server that is given the copy is never ready: the copy is there until it is killed.
        log, met = self.scratch / "log", self.scratch / "met"
        server = f'case "$3" in "{self.destination}"*) : > "{met}"; exec sleep 600;; esac; exec "$@"'
        with open(log, "w", encoding="utf-8") as file:
            first = start(["compare", "--path", f"nvme={self.source}", "--path",
                           f"net={self.source}", "--stage", f"net:{self.destination}", "--runs", 2,
                           "--no-floor", "-w", 0, "--out", self.scratch / "killed", "--", "sh", "-c",
                           server, "sh", FAKE_SERVER, "--model", "{model}", "--port", "{port}"],
                          stdout=file, stderr=file)
        self.addCleanup(stop, first)
        wait_until(met.exists, first, log)
        busy = self.compare()
        self.assertEqual(busy.returncode, 2, busy.stderr)
        self.assertIn("another coldload measures with it", busy.stderr)
        first.kill()
        first.wait()
        self.assertTrue(manifest.exists())
        # What it had started ends with it, and a moment later.
        deadline = time.monotonic() + 60
        while self.is_held():
            self.assertLess(time.monotonic(), deadline, "the copy of a dead one is still held")
            time.sleep(0.02)
        result = self.compare("--keep-staged")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_staged()
        self.assertNotIn("temporary", manifest.read_text())

    def test_wrong_use_and_a_dry_run_copy_nothing(self):
        for flags in (["--stage", "other:/x"], ["--stage", "net"], ["--stage", "net:"]):
            self.assertEqual(self.compare(*flags).returncode, 2, flags)
        plan = self.compare("--dry-run")
        self.assertEqual(plan.returncode, 0)
        self.assertIn(f"stage    net to {self.destination}", plan.stdout)
        self.assertEqual(list(self.destination.parent.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
