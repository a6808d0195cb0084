"""Herds on one machine: several ranks of coldload-mpi, each with a checkpoint of its own, so that each
has a page cache of its own, as nodes have."""

import os
import signal
import subprocess
import time

from harness import FAKE_SERVER, ScratchTest, environment, processes_with, write_checkpoint
from mpi import COLDLOAD_MPI, MPIRUN


class HerdTest(ScratchTest):
    timeout_s = 240
    ranks = 3

    def setUp(self):
        super().setUp()
        for rank in range(self.ranks):
            write_checkpoint(self.scratch / f"model{rank}")
        self.out = self.scratch / "out"

    def start(self, *args, path="model{rank}"):
        command = [*MPIRUN, "-n", self.ranks, COLDLOAD_MPI,
                   "--path", f"net={self.scratch / path}", "--out", self.out, *args]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True, start_new_session=True,
                                env=environment({"TEST_MARK": self.mark()}))

    def tearDown(self):
        # mpirun gives each rank a process group of its own.
        for pid, _ in processes_with(self.mark()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        super().tearDown()

    def mark(self):
        return f"herd-{self.scratch.name}"

    def herd(self, *args, **kw):
        process = self.start(*args, **kw)
        try:
            out, err = process.communicate(timeout=self.timeout_s - 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            raise AssertionError(f"did not end:\n{out}\n{err}") from None
        self.assert_nothing_runs()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def assert_nothing_runs(self):
        give_up = time.monotonic() + 30
        while (left := processes_with(self.mark())) and time.monotonic() < give_up:
            time.sleep(0.1)
        self.assertEqual(left, [])

    def server(self, *flags):
        return ("--", FAKE_SERVER, "--port", "{port}", "--model", "{model}", "--read", "full", *flags)
