"""Every wait has an end: whatever does not answer, one signal ends coldload, and it says what it waited for."""

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

    def start(self, *args):
        process = start(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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
        self.daemon = mount_forgetful(self, self.model, point, "--keep", "--hang", name)
        return point

    def wait_for_a_reader(self):
        self.addCleanup(self.daemon.kill)  # before anybody waits for a coldload that cannot be ended
        wchan = Path(f"/proc/{self.daemon.pid}/wchan")
        self.wait(lambda: "pause" in wchan.read_text(encoding="utf-8"), "nobody reads")

    def test_holds_no_cache_warm(self):
        process = self.start("cache", "warm", self.hanging("tokenizer.json"))
        self.wait_for_a_reader()
        self.assertIn("interrupted", self.assert_one_signal_ends(process))

    def test_holds_no_measure(self):
        server = f'exec "{FAKE_SERVER}" --model "{self.model}" --port "$1"'
        process = self.start("measure", self.hanging("tokenizer.json"), "--no-floor",
                             "--out", self.scratch / "out", "--", "sh", "-c", server, "sh", "{port}", "{model}")
        self.wait_for_a_reader()
        self.assert_one_signal_ends(process)
