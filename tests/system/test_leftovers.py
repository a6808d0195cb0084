"""What a coldload that was killed leaves behind is named and removed by the next; what somebody lives in stays."""

import fcntl
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

from forgetful import has_forgetful_fs, mount_forgetful
from harness import (
    FAKE_SERVER,
    ScratchTest,
    has_fake_server,
    has_fuse,
    mounts_below,
    needs,
    read_records,
    run,
    start,
    stop,
    write_checkpoint,
)

LIMIT_S = 60
MARK = ".coldload-made-this"


def wait(test, condition, what):
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        test.assertLess(time.monotonic(), deadline, what)
        time.sleep(0.02)


def lives(pid):
    """Or one of its threads, which have its descriptors open, too."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        return stat.rpartition(")")[2].split()[0] not in "ZX" or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


@needs(has_fuse())
class StandIns(ScratchTest):
    address = ("test_of_the_dead_are_removed_and_those_of_the_living_stay",)

    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        self.place = self.scratch / "run"
        self.place.mkdir()

    def shape(self, *args):
        process = start(["shape", self.model, *args, "--rate", "1GB/s", "--no-measure"],
                        env={"XDG_RUNTIME_DIR": self.place}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        told = process.stdout.readline()
        self.assertIn(str(self.scratch), told, told or process.stderr.read())
        return process

    def kill_with_its_server(self, process):
        """Both at once: a server that sees its coldload gone unmounts and removes what this leaves behind."""
        process.send_signal(signal.SIGSTOP)
        listed = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
        servers = [int(pid) for pid in listed.stdout.split()]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in servers:
                os.kill(pid, number)
        process.kill()
        process.wait()
        wait(self, lambda: not any(lives(pid) for pid in servers), "the server does not end")

    def private(self, name):
        """The directory of a private stand-in, as a coldload makes it for an experiment, and what holds it."""
        directory = self.place / f"coldload-stand-in-{name}"
        (directory / "model").mkdir(parents=True)
        (directory / MARK).touch()
        descriptor = os.open(directory, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return directory, descriptor

    def test_of_the_dead_are_removed_and_those_of_the_living_stay(self):
        (dead, its_lock), (living, lock) = self.private("aaaaaa"), self.private("bbbbbb")
        self.addCleanup(os.close, lock)
        self.kill_with_its_server(self.shape(dead / "model"))
        self.assertEqual(len(mounts_below(dead)), 1)
        os.close(its_lock)
        _, errors = stop(self.shape(self.scratch / "point"))
        self.assertIn(f"removed {dead}, the stand-in of a coldload that was killed", errors)
        self.assertEqual(list(self.place.iterdir()), [living])
        self.assertEqual(mounts_below(self.place), [])

    def test_a_dead_one_at_a_given_place_makes_way(self):
        point = self.scratch / "point"
        self.kill_with_its_server(self.shape(point))
        _, errors = stop(self.shape(point))
        self.assertIn(f"unmounted {point}, a stand-in whose server is dead", errors)


@needs(has_fuse(), has_forgetful_fs())
class OnAFileSystemOfOthers(ScratchTest):
    def test_whose_lock_is_free_is_named_and_stays(self):
        seen = self.scratch / "mount"
        left = self.scratch / "behind" / "coldload-stand-in-cccccc"
        (left / "model").mkdir(parents=True)
        (left / MARK).touch()
        mount_forgetful(self, left.parent, seen)
        process = start(["shape", write_checkpoint(self.scratch / "model"), self.scratch / "point", "--rate", "1GB/s",
                         "--no-measure"], env={"XDG_RUNTIME_DIR": seen}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        process.stdout.readline()
        _, errors = stop(process)
        self.assertIn(f"left {seen / left.name} alone", errors)
        self.assertTrue((left / "model").exists())


class Synths(ScratchTest):
    def test_that_were_killed_are_removed_by_the_next(self):
        process = start(["synth", self.scratch / "m", "--size", "1GB"], stdout=-1, stderr=-1)
        self.addCleanup(stop, process)
        wait(self, lambda: list(self.scratch.glob(f"*/{MARK}")), "it does not begin")
        process.kill()
        process.wait()
        (partial,) = self.scratch.iterdir()
        mine = {self.scratch / name for name in ("m.partial-notes", "m.partial-backup")}
        for directory in mine:
            directory.mkdir()
            (directory / "thoughts.txt").write_text("mine", encoding="utf-8")
        result = run(["synth", self.scratch / "m", "--size", "20MB"])
        self.assertIn(f"removed {partial}", result.stderr)
        self.assertEqual(set(self.scratch.iterdir()), {self.scratch / "m"} | mine)
        self.assertTrue(all((directory / "thoughts.txt").exists() for directory in mine))
        self.assertFalse((self.scratch / "m" / MARK).exists())


@needs(has_fake_server())
class Logs(ScratchTest):
    def measure(self, script, *args, **kw):
        model = write_checkpoint(self.scratch / "model")
        return run(["measure", model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--cold", "off", "--no-floor",
                    "--out", self.scratch / "out", *args, "--", "sh", "-c", script + '; exec "$@"', "sh",
                    FAKE_SERVER, "--model", "{model}", "--port", "{port}"], **kw)

    def test_keep_head_and_tail_within_their_limit(self):
        result = self.measure("echo begin; yes | head -c 10000000", "--log-limit", "1MB")
        self.assertEqual(result.returncode, 0, result.stderr)
        record = read_records(self.scratch / "out")[0]
        log = (self.scratch / "out" / record["log"]).read_text(encoding="utf-8")
        self.assertLess(len(log), 1_000_200)
        self.assertTrue(log.startswith("begin\ny\n"))
        self.assertIn("of the output are missing here: the log's limit]", log)
        self.assertIn("the log lacks some", " ".join(record["remarks"]))

    def test_past_a_limit_on_files_end_neither_the_trial_nor_coldload(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
        result = self.measure("yes | head -c 1000000", preexec_fn=limit)
        self.assertEqual(result.returncode, 0, result.stderr)
        (record,) = read_records(self.scratch / "out")
        self.assertIn("File too large", " ".join(record["remarks"]))
