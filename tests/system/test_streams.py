"""Mounts whose daemon streams each file: whatever reads in parallel finds out, and lets it stream."""

import json
import time
import unittest

from forgetful import has_forgetful_fs, mount_forgetful
from harness import (ScratchTest, can_evict, has_fuse, is_root, needs, run, start, stop,
                     write_checkpoint)

MIB = 1 << 20


@needs(is_root(), can_evict(), has_fuse(), has_forgetful_fs())
class StreamsTest(ScratchTest):
    """Each opening of a stream is counted, not the time."""

    timeout_s = 300
    threads = ("test_a_server_is_read_ahead_of_in_a_stream",)

    def mount(self, shard_bytes, *flags):
        source = write_checkpoint(self.scratch / "source", shard_bytes=shard_bytes)
        self.seeks = self.scratch / "seeks"
        point = self.scratch / "mount"
        mount_forgetful(self, source, point, "--stream", self.seeks, *flags)
        return point

    def test_a_server_is_read_ahead_of_in_a_stream(self):
        said = self.scratch / "said"
        with open(said, "wb") as out:
            process = start(["run", self.mount(64 * MIB, "--keep"), "--", "sleep", "600"], stderr=out)
            self.addCleanup(stop, process)
            deadline = time.monotonic() + 200
            while "were read beside it" not in said.read_text():
                self.assertLess(time.monotonic(), deadline, said.read_text())
                time.sleep(0.05)
        self.assertIn("one stream of each file at a time", said.read_text())
        # Of 512 reads of 128 KiB; a trial of more streams costs some.
        self.assertLess(self.seeks.stat().st_size, 150)

    def test_the_floor_is_what_one_stream_brings(self):
        done = run(["floor", "--json", self.mount(192 * MIB)])
        self.assertEqual(done.returncode, 0, done.stderr)
        storage = json.loads(done.stdout)["floor"]["storage"]
        self.assertIsNotNone(storage["bytes_per_s"])
        self.assertIn(storage["best_in_flight"], (None, 1))
        self.assertIn("streams a file", storage["levels"][-1]["reason"])


if __name__ == "__main__":
    unittest.main()
