"""Every wait has an end: whatever does not answer, one signal ends coldload, and it says what it waited for."""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

from forgetful import has_forgetful_fs, mount_forgetful
from harness import (
    COLDLOAD,
    FAKE_SERVER,
    ScratchTest,
    has_fake_server,
    has_fuse,
    needs,
    processes_with,
    start,
    stop,
    write_checkpoint,
)

LIMIT_S = 60


class WaitsTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        (self.model / "tokenizer.json").write_text("{}" * 5000, encoding="utf-8")

    def start(self, *args, env=None):
        process = start(args, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        return process

    def wait(self, condition, what):
        deadline = time.monotonic() + LIMIT_S
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def assert_one_signal_ends(self, process, number=signal.SIGINT):
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)
        self.assertEqual(process.returncode, 130, errors)
        return errors


@needs(has_fuse(), has_forgetful_fs(), has_fake_server())
class AMountThatHangs(WaitsTest):
    def hanging(self, name):
        """A mount whose daemon takes a read of that file and never answers: such a reader cannot be killed."""
        point = self.scratch / "mount"
        self.mark = self.scratch / "somebody-reads"
        self.daemon = mount_forgetful(self, self.model, point, "--keep", "--hang", name, "--mark", self.mark)
        return point

    def wait_for_a_reader(self):
        self.addCleanup(self.daemon.kill)  # before anybody waits for a coldload that cannot be ended
        self.wait(self.mark.exists, "nobody reads")

    def test_holds_no_cache_warm(self):
        process = self.start("cache", "warm", self.hanging("tokenizer.json"))
        self.wait_for_a_reader()
        self.assertIn("interrupted", self.assert_one_signal_ends(process))

    def test_holds_no_load(self):
        """The stand-in's server stops while the server loads: nobody answers, not even how much was read."""
        process = self.compare()
        self.wait(lambda: self.running(FAKE_SERVER), "no server")
        self.stop_the_stand_in()
        self.assert_one_signal_ends(process)
        self.assertEqual(processes_with(self.mark), [])

    def test_holds_no_look_before_a_launch(self):
        begun, go = self.scratch / "begun", self.scratch / "go"
        process = self.compare("--prepare", f"touch '{begun}'; while ! [ -e '{go}' ]; do sleep 0.02; done")
        self.wait(begun.exists, "no hook")
        self.stop_the_stand_in()
        go.touch()
        self.wait(lambda: len(self.running(f"{COLDLOAD} compare")) == 2, "no child asks")
        self.assert_one_signal_ends(process)

    def compare(self, *flags):
        self.mark = f"WAITS_TEST={uuid.uuid4()}"
        return self.start("compare", "--path", f"net={self.model}", "--path", f"here={self.model}", "--stand-in",
                          "net=100MB/s", "--order", "sequential", "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                          "--out", self.scratch / "out", *flags, "--", FAKE_SERVER, "--model", "{model}", "--port",
                          "{port}", "--never-ready", env=dict([self.mark.split("=")]))

    def running(self, words):
        return [pid for pid, line in processes_with(self.mark) if line.startswith(words)]

    def stop_the_stand_in(self):
        (stand_in,) = [pid for pid, line in processes_with(self.mark) if " shape --serve " in line]

        def end():  # before anybody waits for a coldload that waits for it
            with contextlib.suppress(ProcessLookupError):
                os.kill(stand_in, signal.SIGKILL)

        self.addCleanup(end)
        os.kill(stand_in, signal.SIGSTOP)

    def test_holds_no_measure(self):
        server = f'exec "{FAKE_SERVER}" --model "{self.model}" --port "$1"'
        process = self.start("measure", self.hanging("tokenizer.json"), "--no-floor",
                             "--out", self.scratch / "out", "--", "sh", "-c", server, "sh", "{port}", "{model}")
        self.wait_for_a_reader()
        self.assert_one_signal_ends(process)


@needs(has_fake_server())
class AHook(WaitsTest):
    address = ("test_ends_with_a_coldload_that_is_killed",)

    def start_with_hook(self, flag):
        """`measure` with a hook that goes on and on in a process below it, and the mark of them all."""
        mark = f"mark-{uuid.uuid4()}"
        process = self.start("measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--no-floor",
                             flag, "sh -c 'sleep 300; true'; true", "--out", self.scratch / "out", "--",
                             FAKE_SERVER, "--model", "{model}", "--port", "{port}", env={"TEST_MARK": mark})
        return process, mark

    def assert_ends_with(self, process, mark, number):
        self.wait(lambda: any(line == "sleep 300" for _, line in processes_with(mark)), "the hook does not start")
        if number == signal.SIGKILL:
            process.kill()
            process.wait()
        else:
            self.assert_one_signal_ends(process, number)
        self.wait(lambda: not processes_with(mark), "the hook outlives coldload")

    def test_ends_with_one_signal(self):
        for flag, number in (("--prepare", signal.SIGINT), ("--setup", signal.SIGTERM)):
            with self.subTest(flag):
                self.assert_ends_with(*self.start_with_hook(flag), number)

    def test_ends_with_a_coldload_that_is_killed(self):
        self.assert_ends_with(*self.start_with_hook("--prepare"), signal.SIGKILL)


@needs(has_fake_server())
class ALock(WaitsTest):
    def locked(self, path):
        """Held by a reader, as anybody may be; its pid."""
        descriptor = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        info = os.fstat(descriptor)
        place = f" {os.major(info.st_dev):02x}:{os.minor(info.st_dev):02x}:{info.st_ino} "
        if place not in Path("/proc/locks").read_text(encoding="utf-8"):
            self.skipTest("/proc/locks names no file of this file system")  # as on Btrfs and overlayfs
        name = Path("/proc/self/comm").read_text(encoding="utf-8").rstrip("\n")
        return f"process {os.getpid()} ({name}) "

    def measure(self):
        return self.start("measure", self.model, "--no-floor", "--out", self.scratch / "out", "--",
                          FAKE_SERVER, "--model", "{model}", "--port", "{port}")

    def test_of_the_checkpoint_names_who_has_it(self):
        holder = self.locked(self.model)
        process = self.measure()
        errors = process.communicate(timeout=LIMIT_S)[1]
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn(f"cannot lock {self.model}: {holder}", errors)

    def test_of_the_results_ends_with_one_signal_and_names_who_has_it(self):
        csv = self.scratch / "out" / "storage_layout_bench.csv"
        csv.parent.mkdir()
        csv.touch()
        holder = self.locked(csv)
        process = self.measure()
        fds = Path(f"/proc/{process.pid}/fd")
        self.wait(lambda: any(fd.exists() and fd.resolve() == csv for fd in fds.iterdir()), "nobody opens it")
        self.assertIn(f"cannot lock {csv}: {holder}", self.assert_one_signal_ends(process))
