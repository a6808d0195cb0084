"""What coldload may be started with: signals that are ignored, streams that are closed, a program
file that is replaced, a server's program that does not come."""

import os
import shutil
import signal
import subprocess
import time
import unittest
import uuid
from pathlib import Path

from harness import (
    COLDLOAD,
    CSV_NAME,
    FAKE_SERVER,
    Probe,
    ScratchTest,
    can_evict,
    environment,
    free_port,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    processes_with,
    read_records,
    read_notes,
    read_rows,
    write_checkpoint,
)

FORGETFUL_FS = os.environ.get("FORGETFUL_FS", "")
LIMIT_S = 120


def has_forgetful_fs():
    return Probe(bool(FORGETFUL_FS), "the forgetful file system was not built")


def ignoring(*numbers):
    def ignore():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
    return ignore


def closing(*descriptors):
    def close():
        for descriptor in descriptors:
            os.close(descriptor)
    return close


class StartTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shard_bytes=1 << 20)
        self.out = self.scratch / "out"
        self.mark = f"mark-{uuid.uuid4()}"
        self.addCleanup(self.kill_all)

    def kill_all(self):
        for pid, _ in processes_with(self.mark):
            os.kill(pid, signal.SIGKILL)

    def start(self, *args, program=COLDLOAD, **kw):
        return subprocess.Popen(
            [program, *map(str, args)], stdin=subprocess.DEVNULL, text=True,
            env=environment({"TEST_MARK": self.mark}), start_new_session=True, **kw)

    def run_to_end(self, *args, **kw):
        process = self.start(*args, stderr=kw.pop("stderr", subprocess.PIPE), **kw)
        out, err = process.communicate(timeout=LIMIT_S)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def measure_args(self, *flags):
        return ["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor", "--out",
                self.out, *flags]

    def server(self, *flags, program=FAKE_SERVER):
        return ["--", program, "--model", "{model}", "--port", free_port(), "--read=full", *flags]

    def wait_until(self, condition, what):
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def wait_for_server(self, process):
        """Until the server's own program runs."""
        def is_there():
            self.assertIsNone(process.poll(), "it ended by itself")
            return any(line.startswith(FAKE_SERVER) for _, line in processes_with(self.mark))
        self.wait_until(is_there, "the server does not start")


@needs(can_evict(), has_fake_server())
class IgnoredSignals(StartTest):
    """As below nohup(1), or with & in a script."""

    def test_stay_ignored_in_the_middle_of_a_trial(self):
        process = self.start(
            *self.measure_args(*self.server("--ready-after=3000")), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, preexec_fn=ignoring(signal.SIGHUP, signal.SIGINT))
        self.wait_for_server(process)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 0, err)
        self.assertEqual([record["status"] for record in read_records(self.out)], ["ok"])

    def test_leave_sigterm_to_end_it(self):
        process = self.start(
            *self.measure_args(*self.server("--never-ready")), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=ignoring(signal.SIGHUP, signal.SIGINT))
        self.wait_for_server(process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=LIMIT_S), 130)

    def test_are_ignored_by_a_hook_too(self):
        # It shares our terminal and process group.
        result = self.run_to_end(
            *self.measure_args("--prepare", "kill -HUP $$", *self.server()),
            stdout=subprocess.DEVNULL, preexec_fn=ignoring(signal.SIGHUP))
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_ends_of_children_are_known_all_the_same(self):
        # With SIGCHLD ignored the kernel reaps them, and nobody knows how they ended.
        def measure(hook):
            return self.run_to_end(*self.measure_args("--prepare", hook, *self.server()),
                                   stdout=subprocess.DEVNULL, preexec_fn=ignoring(signal.SIGCHLD))

        result = measure("true")
        self.assertEqual(result.returncode, 0, result.stderr)
        result = measure("exit 7")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("exit code 7", result.stderr)


@needs(can_evict(), has_fake_server())
class LittleStack(StartTest):
    """A thread of 64 KiB ends the process in the middle of a trial, without a word."""

    def test_is_told_before_anything_is_done(self):
        words = ("this process may have 64 KiB of stack (RLIMIT_STACK, ulimit -s); coldload takes up "
                 "to 512 KiB: raise it (ulimit -s 8192)")
        for command in (["measure", self.model, "--out", self.out], ["stage", self.model, self.out],
                        ["report", self.out]):
            done = subprocess.run(["sh", "-c", 'ulimit -s 64; exec "$@"', "sh", COLDLOAD, *command],
                                  capture_output=True, text=True, timeout=LIMIT_S)
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (2, "", f"coldload: {words}\n"))
            self.assertFalse(self.out.exists())

    def test_what_it_takes_is_enough(self):
        done = subprocess.run(["sh", "-c", 'ulimit -s 512; exec "$@"', "sh", COLDLOAD, "measure",
                               self.model, "--runs", "1", "--out", self.out, "--cold", "off"],
                              capture_output=True, text=True, timeout=LIMIT_S)
        self.assertIn(done.returncode, (0, 3), done.stderr)
        self.assertEqual(len(read_records(self.out)), 2)


class ClosedStreams(StartTest):
    def measure(self, *descriptors):
        return self.run_to_end(*self.measure_args(*self.server()),
                               preexec_fn=closing(*descriptors))

    def assert_measured(self):
        """The files hold what they should, and nothing that was meant for a stream."""
        self.assertEqual(len(read_rows(self.out)), 1)
        self.assertEqual([record["status"] for record in read_records(self.out)], ["ok"])
        self.assertEqual(len((self.out / CSV_NAME).read_text().splitlines()), 2)

    def test_nothing_is_written_into_a_file_instead(self):
        for descriptors in ((0,), (2,), (0, 2)):
            with self.subTest(descriptors=descriptors):
                shutil.rmtree(self.out, ignore_errors=True)
                self.assertEqual(self.measure(*descriptors).returncode, 0)
                self.assert_measured()

    def test_a_report_that_cannot_be_printed_is_an_error(self):
        for descriptors in ((1,), (0, 1)):
            with self.subTest(descriptors=descriptors):
                result = self.run_to_end("inspect", "--json", self.model,
                                         preexec_fn=closing(*descriptors))
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("standard output", result.stderr)
        self.assertEqual(self.run_to_end("--version", preexec_fn=closing(0, 1, 2)).returncode, 1)

    def test_a_full_disk_behind_stdout_is_an_error_too(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = self.run_to_end("inspect", "--json", self.model, stdout=full)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("No space left on device", result.stderr)

    def test_an_experiment_goes_to_its_end_first(self):
        result = self.measure(1)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("standard output", result.stderr)
        self.assert_measured()


@needs(can_evict(), has_fake_server())
class AReplacedProgram(StartTest):
    """coldload is updated while it measures: its children are what it is itself."""

    def setUp(self):
        super().setUp()
        self.program = self.scratch / "coldload"
        shutil.copy(COLDLOAD, self.program)

    def replace(self):
        other = self.scratch / "other"
        other.write_text("#!/bin/sh\necho replaced >&2\nexit 1\n", encoding="utf-8")
        other.chmod(0o755)
        os.replace(other, self.program)

    def replaced_before_the_first_launch(self, *args):
        """Runs it; a hook before the trial waits until the program has been replaced."""
        begun, replaced = self.scratch / "begun", self.scratch / "replaced"
        hook = f"touch {begun}; while ! test -e {replaced}; do sleep 0.05; done"
        process = self.start(args[0], "--prepare", hook, *args[1:], program=self.program,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.wait_until(lambda: begun.exists() or process.poll() is not None, "it does not begin")
        self.replace()
        replaced.touch()
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertIn(process.returncode, (0, 3), err)  # 3: not cold
        return read_records(self.out)

    def test_a_server_is_launched_through_the_old_guard(self):
        records = self.replaced_before_the_first_launch(*self.measure_args(*self.server()))
        self.assertEqual([record["status"] for record in records], ["ok"])

    def test_the_native_loader_is_the_old_one(self):
        records = self.replaced_before_the_first_launch(*self.measure_args())
        self.assertEqual([record["status"] for record in records], ["ok"])

    def test_a_server_behind_run_is_launched_by_the_old_one(self):
        records = self.replaced_before_the_first_launch(
            "compare", "--path", f"net={self.model}", "--path", f"nvme={self.model}", "--prefetch",
            "net", "--runs", 1, "--warm-runs", 0, "--warmup", 0, "--no-floor", "--out", self.out,
            *self.server("--read-after=500"))
        prefetched = [record for record in records if record["storage_mode"] == "net_prefetch"]
        self.assertEqual([record["status"] for record in prefetched], ["ok"], records)
        self.assertEqual(prefetched[0]["argv"][0], str(self.program))

    def test_the_copier_is_the_old_one(self):
        # It starts when the server is ready.
        said, replaced = self.scratch / "said", self.scratch / "replaced"
        script = f"while ! test -e {replaced}; do sleep 0.05; done; exec {FAKE_SERVER} --port $1"
        with open(said, "wb") as err:
            process = self.start("run", "--stage", self.scratch / "copy", self.model, "--", "sh",
                                 "-c", script, "{model}", "{port}", program=self.program, stderr=err)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.wait_until(lambda: any(line.startswith("sh -c") for _, line
                                    in processes_with(self.mark)), "the server does not start")
        self.replace()
        replaced.touch()
        self.wait_until(lambda: "is a copy of" in said.read_text(), "no copy is made")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LIMIT_S)


@needs(can_evict(), has_fake_server(), has_fuse(), is_root(), has_forgetful_fs())
class AProgramThatDoesNotCome(StartTest):
    def setUp(self):
        super().setUp()
        programs = self.scratch / "programs"
        programs.mkdir()
        shutil.copy(FAKE_SERVER, programs / "server")
        self.point = self.scratch / "mount"
        self.point.mkdir()
        self.file_system = subprocess.Popen(
            [FORGETFUL_FS, programs, self.point, "--hang", "server"])
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.point], check=False))
        self.addCleanup(self.file_system.wait)
        self.addCleanup(self.file_system.kill)
        self.wait_until(lambda: os.path.ismount(self.point), "it is not mounted")

    def test_ctrl_c_while_it_is_being_started_leaves_a_row_that_says_so(self):
        process = self.start(
            *self.measure_args(*self.server(program=self.point / "server")),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def is_being_started():
            # The guard, and its child that waits within execve(2).
            self.assertIsNone(process.poll(), "it ended by itself")
            return sum(" guard " in f"{line} " for _, line in processes_with(self.mark)) == 2

        self.wait_until(is_being_started, "the server is not being started")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130, err)
        self.assertEqual([read_notes(row)["status"] for row in read_rows(self.out)], ["interrupted"])


if __name__ == "__main__":
    unittest.main()
