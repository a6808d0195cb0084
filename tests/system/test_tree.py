"""What is left of a server's processes, whatever happens to coldload: nothing."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import unittest
import uuid
from pathlib import Path

from harness import (
    FAKE_SERVER,
    ScratchTest,
    can_evict,
    files_of,
    free_port,
    has_fake_server,
    is_root,
    needs,
    processes_with,
    read_notes,
    read_records,
    read_rows,
    run,
    start,
    write_checkpoint,
)

# The guard's grace is 3 s; the rest is for a busy machine.
SECONDS_TO_CLEAN_UP = 15
NOBODY = 65534


def is_alive(pid):
    """Whether the process runs: a zombie of another's does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def started_at(pid):
    """For an order by age, which that of pids is not where these wrap around."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return (0, pid)
    return (int(stat.rpartition(")")[2].split()[19]), pid)


def groups_of(pids):
    """The cgroups `coldload-PID-N` of the coldloads that these were."""
    roots = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()
             if line.split()[2] == "cgroup2"]
    # A walk passes over what others remove meanwhile.
    return [os.path.join(folder, name) for root in roots for folder, names, _ in os.walk(root)
            for name in names if name.startswith("coldload-") and name.count("-") == 2
            and name.split("-")[1] in map(str, pids)]


class TreeTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shard_bytes=1 << 20)
        self.out = self.scratch / "out"
        self.port = free_port()
        self.mark = f"mark-{uuid.uuid4()}"
        self.coldloads = []  # the pids of those that a test starts
        self.addCleanup(self.kill_all)

    def kill_all(self):
        for pid, _ in processes_with(self.mark):
            os.kill(pid, signal.SIGKILL)

    def measure_args(self, *flags):
        return ["measure", self.model, "--runs", 1, "--warm-runs", 0, "-w", 0, "--out", self.out,
                *flags]

    def server(self, *flags):
        return ["--", FAKE_SERVER, "--model", "{model}", "--port", str(self.port), *flags]

    def own_by_nobody(self):
        self.scratch.chmod(0o755)
        self.out.mkdir()
        for path in [self.model, self.out, *files_of(self.model)]:
            os.chown(path, NOBODY, NOBODY)

    def start_loading(self, *flags, processes, path=os.environ["PATH"], **kw):
        """A coldload whose server is in its load, and the pids of coldload's descendants, once
        there are that many."""
        process = start(self.measure_args(*flags), env={"TEST_MARK": self.mark, "PATH": path},
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)
        self.coldloads.append(process.pid)
        deadline = time.monotonic() + 60
        while True:
            self.assertLess(time.monotonic(), deadline, "it does not get there")
            self.assertIsNone(process.poll(), "it ended by itself")
            # A chain of forks is still under way where one of them is seen for a moment.
            pids = sorted((pid for pid, _ in processes_with(self.mark) if pid != process.pid),
                          key=started_at)
            time.sleep(0.2)
            if len(pids) == processes and all(map(is_alive, pids)):
                return process, pids

    def assert_ended_before_coldload(self, pids):
        """Of those of a coldload that ended of itself, only the guard, the oldest, may be there yet."""
        self.assertEqual([pid for pid in pids[1:] if is_alive(pid)], [])
        self.assert_gone(pids)

    def assert_gone(self, pids):
        deadline = time.monotonic() + SECONDS_TO_CLEAN_UP
        while [pid for pid in pids if is_alive(pid)] or processes_with(self.mark):
            self.assertLess(time.monotonic(), deadline,
                            f"left: {[pid for pid in pids if is_alive(pid)]}, "
                            f"{processes_with(self.mark)}")
            time.sleep(0.05)
        self.assertEqual(groups_of(self.coldloads), [])

    def assert_next_start_works(self):
        result = run(self.measure_args(*self.server("--read=full")))
        self.assertEqual(result.returncode, 0, result.stderr)


@needs(can_evict(), has_fake_server())
class Killed(TreeTest):
    """SIGKILL to coldload itself. The processes: the guard, the server, and what is hidden."""

    address = (
        "test_hidden_workers_that_ignore_sigterm_are_ended",
        "test_the_native_loader_ends_too",
    )

    def killed(self, *flags, processes, next_start=True, **kw):
        process, pids = self.start_loading(*self.server("--never-ready", *flags),
                                           processes=processes, **kw)
        process.kill()
        process.wait()
        self.assert_gone(pids)
        if next_start:
            self.assert_next_start_works()

    def test_a_server_is_ended(self):
        self.killed(processes=2)

    def test_hidden_workers_that_ignore_sigterm_are_ended(self):
        self.killed("--ignore-sigterm", "--spawn-workers=3", processes=5)

    def test_a_daemon_whose_root_is_long_gone_is_ended(self):
        self.killed("--daemonize", "--ignore-sigterm", "--spawn-workers=1", processes=3)

    @needs(is_root())
    def test_without_a_cgroup_it_is_the_same(self):
        self.own_by_nobody()
        self.killed("--ignore-sigterm", "--spawn-workers=3", processes=5, next_start=False,
                    user=NOBODY, group=NOBODY, extra_groups=[])

    def test_a_guard_without_a_server_yet_ends_too(self):
        # Killed at instants from the start on, wherever that is in the launch.
        for pause_ms in range(0, 400, 40):
            process = start(self.measure_args(*self.server("--never-ready")),
                            env={"TEST_MARK": self.mark}, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
            self.coldloads.append(process.pid)
            time.sleep(pause_ms / 1000)
            process.kill()
            process.wait()
        self.assert_gone([])

    @needs(is_root())
    def test_the_native_loader_ends_too(self):
        # As a user who cannot mount, so that the loader itself is slow: 80 s.
        write_checkpoint(self.model, shard_bytes=8 << 20)
        self.own_by_nobody()
        process, pids = self.start_loading("--stand-in", "path=100KB/s,10s", processes=1,
                                           path="/nowhere", user=NOBODY, group=NOBODY,
                                           extra_groups=[])
        process.kill()
        process.wait()
        self.assert_gone(pids)


@needs(can_evict(), has_fake_server())
class Stopped(TreeTest):
    """The ends that coldload brings about itself."""

    address = (
        "test_ctrl_c_to_the_guard_and_the_server_alike_is_coldloads_to_handle",
        "test_a_server_ends_its_workers_in_its_own_order",
    )

    def test_ctrl_c_in_the_load_leaves_nothing(self):
        process, pids = self.start_loading(
            *self.server("--never-ready", "--ignore-sigterm", "--spawn-workers=2"), processes=4)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assert_ended_before_coldload(pids)
        self.assert_next_start_works()

    def test_ctrl_c_to_the_guard_and_the_server_alike_is_coldloads_to_handle(self):
        process, pids = self.start_loading(*self.server("--never-ready"), processes=2)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            os.kill(pids[0], number)  # the guard: the older one
        time.sleep(0.3)
        self.assertTrue(is_alive(pids[0]) and is_alive(pids[1]))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assert_ended_before_coldload(pids)

    def test_a_killed_guard_fails_the_trial_and_leaves_nothing(self):
        process, pids = self.start_loading(*self.server("--never-ready", "--spawn-workers=1"),
                                           processes=3)
        os.kill(pids[0], signal.SIGKILL)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("guard", read_records(self.out)[-1]["reason"])
        self.assert_ended_before_coldload(pids)

    def test_a_root_that_exits_and_leaves_a_worker_on_the_port(self):
        script = f'{FAKE_SERVER} --port {self.port} --ignore-sigterm --never-ready & exit 7'
        result = run(self.measure_args("--", "sh", "-c", script, "{model}", "--port",
                                       str(self.port)), env={"TEST_MARK": self.mark})
        self.assertEqual(result.returncode, 1)
        self.assertEqual(read_notes(read_rows(self.out)[-1])["status"], "failed")
        self.assertIn("exit code 7", read_records(self.out)[-1]["reason"])
        self.assertEqual(processes_with(self.mark), [])
        self.assert_next_start_works()

    def test_a_server_ends_its_workers_in_its_own_order(self):
        # The root notes whether its worker still ran when it was told to end.
        trace = self.scratch / "trace"
        script = (f"sleep 300 & worker=$!; trap 'sleep 0.5; kill -0 $worker && echo in order > "
                  f"{trace}; kill $worker; kill $server; exit 0' TERM; "
                  f"{FAKE_SERVER} --port {self.port} & server=$!; while :; do sleep 0.05; done")
        result = run(self.measure_args("--", "sh", "-c", script, "{model}", "--port",
                                       str(self.port)), env={"TEST_MARK": self.mark})
        self.assertEqual(result.returncode, 3, result.stderr)  # it reads nothing: not cold
        self.assertEqual(trace.read_text(), "in order\n")
        self.assertEqual(processes_with(self.mark), [])

    def server_has_a_socket(self):
        for pid, command in processes_with(self.mark):
            if command.startswith(FAKE_SERVER):
                for link in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(FileNotFoundError):  # just closed
                        if os.readlink(link).startswith("socket:"):
                            return True
        return False

    def test_a_port_that_another_took_stops_the_experiment(self):
        # The server fails as well, since it listens only when it is ready; that alone would not
        # stop this one.
        process = start(["measure", self.model, "--runs", 3, "--warm-runs", 0, "-w", 0,
                         "--ignore-failure", "--out", self.out,
                         *self.server("--read=full", "--ready-after=3000")],
                        env={"TEST_MARK": self.mark}, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not self.server_has_a_socket():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        time.sleep(0.3)  # it binds it next
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", self.port))
            taker.listen()
            _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(f"port {self.port} is still held by pid {os.getpid()}", err)
        self.assertEqual(len(read_rows(self.out)), 1)


if __name__ == "__main__":
    unittest.main()
