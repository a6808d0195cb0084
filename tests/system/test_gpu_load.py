"""The native loader into GPU memory, through a CUDA driver that needs no GPU
(tests/fakes/fake_cuda.cc): what arrives, what is said when something is missing, what is left."""

import contextlib
import json
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

from harness import (
    ScratchTest,
    can_evict,
    evict,
    kept,
    needs,
    Probe,
    read_records,
    run,
    start,
    stop,
    write_checkpoint,
)

LIBRARIES = os.environ.get("FAKE_CUDA_LIBRARIES", "")
MIB = 1 << 20


def has_fake_cuda():
    return Probe(Path(LIBRARIES, "cuda/libcuda.so.1").exists(), "no fake CUDA driver was built")


def has_no_gpu():
    return Probe(not Path("/dev/nvidiactl").exists(), "this machine has a GPU")


def last_event(result):
    return json.loads(result.stdout.splitlines()[-1])


@needs(has_fake_cuda())
class _GpuTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=3, shard_bytes=9 * MIB + 100)

    def load(self, *args, driver="cuda", expect=0, **changes):
        env = {"LD_LIBRARY_PATH": Path(LIBRARIES, driver), "FAKE_CUDA_LEAKS": "report", **changes}
        result = run(["native-load", *args, self.model], env=env)
        self.assertEqual(result.returncode, expect, result.stderr)
        self.assertNotIn("leaked", result.stderr)
        return result


class GpuLoad(_GpuTest):
    threads = (
        "test_brings_the_bytes_of_the_files_by_every_route",
        "test_ends_when_the_gpu_is_lost",
        "test_finds_a_byte_that_arrived_wrong",
    )

    def test_is_the_default_where_there_is_a_gpu(self):
        ready = last_event(self.load())
        self.assertEqual(ready["destination"], "gpu")
        self.assertIsNone(ready["no_gpu"])
        for key in ("context_s", "pin_s", "allocate_s"):
            self.assertGreaterEqual(ready[key], 0)

    @needs(can_evict())
    def test_brings_the_bytes_of_the_files_by_every_route(self):
        expected = last_event(self.load("--into", "ring", "--verify"))["checksum"]
        for driver in ("cuda", "cuda_12"):
            for state in ("evicted", "kept"):
                with contextlib.ExitStack() as stack:
                    for path in self.model.glob("*.safetensors"):
                        if state == "kept":
                            stack.enter_context(kept(path))
                        else:
                            evict(path)
                    ready = last_event(self.load("--into", "gpu", "--verify", driver=driver))
                self.assertEqual(ready["checksum"], expected)
                routes = ready["routes"]
                if state == "kept":
                    self.assertEqual(routes["pread_buffered"], ready["bytes"])
                else:
                    direct = routes["io_uring_direct"] + routes["pread_direct"]
                    self.assertEqual(direct, ready["bytes"])

    def test_without_a_visible_gpu_goes_into_host_memory_and_says_why(self):
        ready = last_event(self.load(CUDA_VISIBLE_DEVICES=""))
        self.assertEqual(ready["destination"], "ring")
        self.assertIn("CUDA_VISIBLE_DEVICES", ready["no_gpu"])

    def test_that_must_have_a_gpu_fails_without_one(self):
        result = self.load("--into", "gpu", expect=1, CUDA_VISIBLE_DEVICES="")
        self.assertIn("CUDA_VISIBLE_DEVICES empty", result.stderr)

    @needs(has_no_gpu())
    def test_without_a_driver_names_the_library(self):
        result = run(["native-load", "--into", "gpu", self.model])
        self.assertEqual(result.returncode, 1)
        self.assertIn("libcuda.so.1", result.stderr)

    def test_with_an_old_driver_names_what_it_lacks(self):
        result = self.load("--into", "gpu", driver="cuda_old", expect=1)
        self.assertIn("cuMemHostRegister_v2", result.stderr)

    def test_with_too_little_memory_says_what_is_needed_and_free(self):
        result = self.load(expect=1, FAKE_CUDA_MEMORY_MIB="20")
        self.assertIn("needed 30 MiB, free 20 MiB", result.stderr)

    def test_ends_when_the_gpu_is_lost(self):
        result = self.load(expect=1, FAKE_CUDA="lost-after=4")
        self.assertIn("Xid", result.stderr)

    def test_ends_when_the_ring_cannot_be_pinned(self):
        result = self.load(expect=1, FAKE_CUDA="pin-fails")
        self.assertIn("ulimit -l", result.stderr)

    def test_ends_when_a_copy_does_not(self):
        result = self.load("--io-stall-timeout", "5s", expect=1,
                           FAKE_CUDA_COPY_DELAY_US="60000000", FAKE_CUDA_LEAKS="")
        self.assertIn("the GPU has not finished a copy", result.stderr)

    def test_finds_a_byte_that_arrived_wrong(self):
        result = self.load("--verify", expect=1, FAKE_CUDA="corrupt=5")
        self.assertIn("is not what was read", result.stderr)


class Hold(_GpuTest):
    threads = ("test_keeps_what_was_loaded_until_it_is_told_to_end",)

    def held(self):
        env = {"LD_LIBRARY_PATH": Path(LIBRARIES, "cuda"), "FAKE_CUDA_LEAKS": "report"}
        process = start(["native-load", "--hold", self.model], env=env, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
        self.addCleanup(stop, process)
        while json.loads(process.stdout.readline())["event"] != "ready":
            pass
        return process

    def test_keeps_what_was_loaded_until_it_is_told_to_end(self):
        process = self.held()
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        self.assertNotIn("leaked", err)
        self.assertGreaterEqual(process.returncode, 0, "it was killed by the signal")

    def test_ends_when_nobody_reads_its_lines(self):
        process = self.held()
        process.stdout.close()
        self.assertEqual(process.wait(timeout=20), 0)


class Experiment(_GpuTest):
    threads = True

    @needs(can_evict())
    def test_loads_into_the_gpu_and_holds_it_against_the_floor(self):
        out = self.scratch / "out"
        result = run(["measure", self.model, "--runs", "1", "--warm-runs", "1", "--out", out],
                     env={"LD_LIBRARY_PATH": Path(LIBRARIES, "cuda")})
        self.assertEqual(result.returncode, 0, result.stderr)
        for record in read_records(out):
            self.assertEqual(record["status"], "ok", record["reason"])
            self.assertEqual(record["reported"]["destination"], "gpu")
            self.assertIn("--hold", record["argv"])


if __name__ == "__main__":
    unittest.main()
