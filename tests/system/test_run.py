"""`coldload run`: the server as if it had been started without coldload, and its weights in memory
before it asks for them."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness import (
    COLDLOAD,
    FAKE_SERVER,
    Probe,
    ScratchTest,
    can_evict,
    check_sanitizers,
    environment,
    evict,
    files_of,
    free_port,
    has_command,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    processes_with,
    random_bytes,
    read_records,
    resident_pages,
    run,
    start,
    sync,
    write_checkpoint,
)

FORGETFUL_FS = os.environ.get("FORGETFUL_FS", "")
LIMIT_S = 60

# Says when it is up, which signal came, and ends with that signal's number.
LISTENER = """
import signal, sys, time
def end(number, frame):
    print(f"got {number}", flush=True)
    sys.exit(number)
for number in {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
               signal.SIGQUIT, signal.SIGWINCH, signal.SIGALRM}:
    signal.signal(number, end)
print("up", flush=True)
for _ in range(6000):  # a signal just before a long sleep would be heard after it
    time.sleep(0.05)
"""


def has_forgetful_fs():
    return Probe(bool(FORGETFUL_FS), "the forgetful file system was not built")


def has_shm():
    return Probe(os.access("/dev/shm", os.W_OK), "needs /dev/shm")


def wait_until(condition, what, limit_s=LIMIT_S):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {limit_s} s")
        time.sleep(0.02)


class RunTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model", shards=2, shard_bytes=6 << 20)
        self.shards = sorted(self.model.glob("*.safetensors"))
        self.mark = f"coldload-test-run-{os.getpid()}-{time.monotonic_ns()}"
        self.said = self.scratch / "said"

    def evict_all(self):
        for path in files_of(self.model):
            evict(path)

    def start(self, *args, **kw):
        """`coldload run` in the background; what it says goes to self.said."""
        with open(self.said, "wb") as err:
            process = start(["run", *args], stderr=err, stdout=kw.pop("stdout", subprocess.PIPE),
                            env={"TEST_MARK": self.mark}, **kw)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        """Nothing of a failed test stays."""
        for pid, _ in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait(timeout=LIMIT_S)
        if process.stdout:
            process.stdout.close()
        if self.said.exists():
            check_sanitizers(process.returncode, self.said.read_text())

    def processes(self, word=""):
        return [(pid, line) for pid, line in processes_with(self.mark) if word in line]

    def wait_said(self, text):
        return self.wait_said_one_of(text)

    def wait_said_one_of(self, *texts):
        def are_said():
            said = self.said.read_text()
            return any(text in said for text in texts)
        try:
            wait_until(are_said, f"none of {texts} is said")
        except AssertionError as error:
            raise AssertionError(f"{error}; but this is: {self.said.read_text()}") from None
        return self.said.read_text()

    def wait_started(self, words):
        """The pid of the server whose command line begins so."""
        def found():
            return [pid for pid, line in self.processes() if line.startswith(words)]
        wait_until(found, f"{words} does not start")
        return found()[0]

    def mount(self, *flags):
        point = self.scratch / "mount"
        point.mkdir()
        process = self.file_system = subprocess.Popen([FORGETFUL_FS, self.model, point, *flags])
        self.addCleanup(self.unmount, point)
        wait_until(lambda: os.path.ismount(point), "the mount does not come up")
        return point

    def unmount(self, point):
        """What hangs in it is let go."""
        self.file_system.kill()
        self.file_system.wait()
        subprocess.run(["umount", "-l", point], check=False, stderr=subprocess.DEVNULL)


class TheServer(RunTest):
    threads = (
        "test_every_signal_is_passed_on",
        "test_a_command_that_cannot_be_started_is_told_as_a_shell_does",
    )
    address = ("test_wrong_use_starts_nothing",)

    def test_its_exit_code_is_ours(self):
        for script, code in (("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137),
                             ("kill -TERM $$", 143)):
            self.assertEqual(run(["run", self.model, "--", "sh", "-c", script]).returncode, code)

    def test_a_command_that_cannot_be_started_is_told_as_a_shell_does(self):
        for command, code in (("no-such-command", 127), ("/etc/passwd", 126)):
            result = run(["run", self.model, "--", command])
            self.assertEqual(result.returncode, code)
            self.assertIn(f"cannot start {command}", result.stderr)

    def test_if_strict_nothing_is_started_where_the_path_is_no_checkpoint(self):
        trace = self.scratch / "trace"
        result = run(["run", "--strict", "--port", 1, self.scratch / "typo", "--", "touch", trace])
        self.assertEqual(result.returncode, 1)
        self.assertIn("typo: No such file", result.stderr)
        self.assertFalse(trace.exists())

    def test_weights_that_are_not_there_are_said_and_the_server_starts(self):
        command = ["--port", 1, "--weights", "typo*", self.model, "--", "true"]
        result = run(["run", *command])
        self.assertEqual(result.returncode, 0)
        self.assertIn("no file of the checkpoint matches --weights typo*", result.stderr)
        self.assertEqual(run(["run", "--strict", *command]).returncode, 1)

    def test_wrong_use_starts_nothing(self):
        trace = self.scratch / "trace"
        for args in ([self.model], [self.model, "--"], ["--", "touch", trace],
                     [self.model, "--ready-url", "ftp://x", "--", "touch", trace],
                     [self.model, "--ready-url", "http://example.com/", "--", "touch", trace],
                     [self.model, "--", "touch", trace, "{max_model_len}"],
                     [self.model, "--port", "1", "--", "touch", trace, "--port", "2"]):
            self.assertEqual(run(["run", *args]).returncode, 2, args)
        self.assertFalse(trace.exists())

    def test_its_words_and_streams_are_the_callers(self):
        script = 'cat; printf "%s|" "$@"; echo problem >&2'
        result = run(["run", "--quiet", self.model, "--", "sh", "-c", script, "sh", "{model}",
                      "a b", "{port}", '{"x":1}'], input="typed\n")
        typed, words = result.stdout.split("\n")
        self.assertEqual(typed, "typed")
        model, blank, port, braces, rest = words.split("|")
        self.assertEqual((model, blank, braces, rest), (str(self.model), "a b", '{"x":1}', ""))
        self.assertGreater(int(port), 0)
        self.assertEqual(result.stderr, "problem\n")

    def test_a_stderr_that_takes_nothing_does_not_harm_it(self):
        reading, writing = os.pipe()
        os.close(reading)
        self.addCleanup(os.close, writing)
        with open("/dev/full", "wb") as full:
            for err in (full, writing):
                self.evict_all()
                process = start(["run", self.model, "--", "sh", "-c", "sleep 1; exit 5"],
                                stderr=err)
                self.assertEqual(process.wait(timeout=LIMIT_S), 5)
        result = subprocess.run(["sh", "-c", '"$0" run "$1" -- no-such-command 2>&-', COLDLOAD,
                                 self.model], env=environment(), check=False)
        self.assertEqual(result.returncode, 127)

    def test_every_signal_is_passed_on(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
                       signal.SIGQUIT, signal.SIGWINCH, signal.SIGALRM):
            process = self.start(self.model, "--", sys.executable, "-c", LISTENER)
            self.assertEqual(process.stdout.readline(), "up\n")
            process.send_signal(number)
            out, _ = process.communicate(timeout=LIMIT_S)
            self.assertEqual(out, f"got {int(number)}\n")
            self.assertEqual(process.returncode, number)

    def test_what_its_caller_ignores_it_ignores(self):
        def ignore():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        result = subprocess.run(
            [COLDLOAD, "run", self.model, "--", "sh", "-c", "kill -HUP $$; exit 3"],
            preexec_fn=ignore, env=environment(), capture_output=True, check=False)
        self.assertEqual(result.returncode, 3)


# The leader of a terminal's session, as a shell with job control: starts its arguments in the
# foreground, says when they have stopped, and lets them go on.
LEADER = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
def foreground():
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
job = subprocess.Popen(sys.argv[1:], preexec_fn=foreground)
while True:
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, os.getpgrp())
    print("stopped", flush=True)
    os.tcsetpgrp(0, job.pid)
    os.killpg(job.pid, signal.SIGCONT)
print("code", os.waitstatus_to_exitcode(status), flush=True)
"""

# Counts Ctrl-C; the first one starts a second in which others could come.
COUNTER = """
import signal, time
count = 0
def note(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, note)
signal.signal(signal.SIGCONT, lambda *_: print("goes on", flush=True))
print("up", flush=True)
while count == 0:
    time.sleep(0.05)
time.sleep(1)
print("interrupts:", count, flush=True)
"""


class ATerminal(RunTest):
    threads = ("test_ctrl_z_suspends_the_job_and_it_goes_on",)

    def setUp(self):
        super().setUp()
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable,
                      [sys.executable, "-c", LEADER, COLDLOAD, "run", "--quiet", str(self.model),
                       "--", sys.executable, "-c", COUNTER],
                      environment({"TEST_MARK": self.mark}))
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(lambda: [os.kill(one, signal.SIGKILL) for one, _ in self.processes()])
        self.shown = ""

    def read_until(self, text):
        while text not in self.shown:
            try:
                self.shown += os.read(self.terminal, 4096).decode()
            except OSError:
                self.fail(f"the terminal closed before {text!r}: {self.shown!r}")

    def test_ctrl_c_reaches_the_server_once(self):
        self.read_until("up\r\n")
        os.write(self.terminal, b"\x03")
        self.read_until("interrupts: 1\r\n")
        self.read_until("code 0\r\n")

    def test_ctrl_z_suspends_the_job_and_it_goes_on(self):
        self.read_until("up\r\n")
        os.write(self.terminal, b"\x1a")
        self.read_until("stopped\r\n")
        self.read_until("goes on\r\n")
        os.write(self.terminal, b"\x03")
        self.read_until("interrupts: 1\r\n")
        self.read_until("code 0\r\n")


@needs(is_root(), has_command("unshare"))
class AsPid1(RunTest):
    threads = ("test_orphans_are_reaped",)

    def start_as_pid_1(self, *words):
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", COLDLOAD, "run", "--quiet", self.model,
             "--", *words],
            stdout=subprocess.PIPE, text=True, env=environment({"TEST_MARK": self.mark}))
        self.addCleanup(self.end, process)
        return process

    def test_orphans_are_reaped(self):
        script = ('for i in 1 2 3; do (sh -c "exit 0" &); (sleep 0.1 &); done; n=0;'
                  ' while set -- /proc/[0-9]*/stat; [ $# != 2 ] && [ $n -lt 300 ]; do'
                  ' n=$((n+1)); sleep 0.1; done; cat /proc/[0-9]*/stat; exit 3')
        process = self.start_as_pid_1("sh", "-c", script)
        out, _ = process.communicate(timeout=LIMIT_S)
        states = [line.rsplit(")", 1)[1].split()[0] for line in out.splitlines()]
        self.assertEqual(len(states), 2, out)  # coldload and the shell
        self.assertNotIn("Z", states)
        self.assertEqual(process.returncode, 3)

    def test_signals_are_passed_on(self):
        process = self.start_as_pid_1(sys.executable, "-c", LISTENER)
        self.assertEqual(process.stdout.readline(), "up\n")
        first = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(first[0]), signal.SIGTERM)
        self.assertEqual(process.stdout.readline(), f"got {int(signal.SIGTERM)}\n")
        self.assertEqual(process.wait(timeout=LIMIT_S), signal.SIGTERM)


@needs(can_evict(), has_fake_server())
class TheReading(RunTest):
    threads = (
        "test_the_weights_are_in_memory_before_the_server_reads",
        "test_says_when_the_server_is_ready",
    )

    def server(self, *flags):
        return ["--", FAKE_SERVER, "--port", free_port(), *flags]

    def test_the_weights_are_in_memory_before_the_server_reads(self):
        self.evict_all()
        process = self.start(self.model, *self.server("--never-ready"))
        pages = {}

        def nearly_all():
            for shard in self.shards:  # the most that was there: the machine may take some again
                pages[shard] = max(resident_pages(shard), pages.get(shard, (0, 0)))
            return all(resident >= every * 0.8 for resident, every in pages.values())

        wait_until(nearly_all, f"the shards are not resident: {pages}")
        self.assertIn(f"of {self.model} beside the server", self.wait_said("reading "))
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=LIMIT_S), 143)
        self.assertNotIn("ready after", self.said.read_text())

    def test_the_copy_that_the_server_takes_is_read(self):
        mistrals = self.model / "consolidated.safetensors"
        mistrals.write_bytes(random_bytes(5 << 20))
        self.evict_all()
        vllm = self.scratch / "vllm"
        vllm.write_text("#!/bin/sh\nexec sleep 300\n")
        vllm.chmod(0o755)
        self.start(self.model, "--", vllm, "serve", "{model}")
        self.assertIn("reading 5.2", self.wait_said("beside the server"))
        read = {}

        def nearly_all():
            resident, every = resident_pages(mistrals)
            read["pages"] = max(resident, read.get("pages", 0))
            return read["pages"] >= every * 0.8

        wait_until(nearly_all, f"{mistrals} is not resident: {read}")
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        self.assertEqual([resident_pages(shard)[0] for shard in self.shards], [0, 0])

    def test_what_the_user_says_are_the_weights_is_read_and_nothing_else(self):
        named = self.model / "consolidated.safetensors"
        named.write_bytes(random_bytes(5 << 20))
        sync(named)
        self.evict_all()
        process = self.start("--weights", "consolidated*", self.model, *self.server("--never-ready"))
        self.assertIn("reading 5.2", self.wait_said("beside the server"))
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        self.assertEqual([resident_pages(shard)[0] for shard in self.shards], [0, 0])
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=LIMIT_S), 143)

    def test_says_when_the_server_is_ready(self):
        self.evict_all()
        self.start(self.model, *self.server("--model", "{model}", "--ready-after", "500"))
        said = self.wait_said("ready after")
        self.assertRegex(said, r"coldload: ready after \d+\.\d s; \S+ [kM]?B were read beside it in")
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")

    def test_leaves_its_figures_in_a_file_for_programs(self):
        for name in ("start.json", "coldload.prom"):
            file = self.scratch / name
            self.evict_all()
            process = self.start("--figures", file, self.model,
                                 *self.server("--model", "{model}", "--ready-after", "300"))
            self.wait_said("ready after")
            wait_until(lambda: file.exists() and re.search(r"ready_s(\":|econds\{.*) *\d", file.read_text()),
                       "no figure is written")
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=LIMIT_S)
            self.assertEqual([p.name for p in self.scratch.iterdir() if name in p.name], [name])
        told = json.loads((self.scratch / "start.json").read_text())
        self.assertEqual((told["path"], told["copy_bytes"]), (str(self.model), None))
        self.assertGreater(told["read_ahead_bytes"], 0)
        gauges = (self.scratch / "coldload.prom").read_text()
        self.assertIn("# TYPE coldload_ready_seconds gauge\ncoldload_ready_seconds{path=", gauges)
        self.assertIn("# TYPE coldload_read_ahead_bytes gauge\n", gauges)

    def test_a_figures_file_that_cannot_be_written_is_said_and_holds_up_nothing(self):
        process = self.start("--figures", self.scratch / "none" / "x.prom", self.model,
                             *self.server("--model", "{model}"))
        self.wait_said("none: No such file or directory")
        self.assertIn("ready after", self.wait_said("ready after"))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LIMIT_S)

    def test_says_so_where_all_is_in_memory(self):
        for _ in range(20):  # the machine may take pages back in between
            for path in files_of(self.model):
                path.read_bytes()
            process = self.start(self.model, "--", "sleep", "300")
            wait_until(lambda: "in memory already" in self.said.read_text()
                       or "were read beside" in self.said.read_text(), "nothing is said")
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=LIMIT_S)
            if "in memory already" in self.said.read_text():
                return
        self.fail("it always reads")

    def test_an_unknown_server_is_never_called_ready(self):
        self.evict_all()
        process = self.start(self.model, "--", "sleep", "300")
        said = self.wait_said("were read beside it")
        self.assertNotIn("ready", said)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=LIMIT_S), 143)

    @needs(has_shm())
    def test_memory_is_not_read_ahead(self):
        folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
        self.addCleanup(shutil.rmtree, folder)
        self.start(write_checkpoint(folder / "model"), "--", "sleep", "300")
        self.assertIn("only starts the server", self.wait_said("tmpfs is memory already"))


@needs(can_evict(), has_fuse(), is_root())
class ASlowMount(RunTest):
    """Reading all of it would take minutes."""

    threads = ("test_a_server_that_ends_at_once_ends_the_reading",)

    def setUp(self):
        super().setUp()
        self.point = self.scratch / "slow"
        result = run(["shape", self.model, self.point, "--rate", "100kB/s", "--no-measure",
                      "--daemon"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.point], check=False))

    def test_a_server_that_ends_at_once_ends_the_reading(self):
        self.start(self.point, "--", "sh", "-c", "sleep 300 & wait")
        self.wait_said("reading ")
        pid = self.processes("read-ahead")[0][0]
        os.kill(self.wait_started("sh -c"), signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the reader stays")

    def test_nothing_reads_on_when_coldload_is_killed(self):
        process = self.start(self.point, "--", "sleep", "300")
        self.wait_said("reading ")
        self.assertTrue(self.processes("read-ahead"))
        self.wait_started("sleep")
        process.kill()
        process.wait()
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        self.assertTrue(self.processes("sleep"), "the server went with coldload")

    @needs(has_fake_server())
    def test_a_server_that_is_ready_before_ends_the_reading(self):
        process = self.start(self.point, "--", FAKE_SERVER, "--port", free_port())
        self.wait_said("ready after")
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        self.assertIsNone(process.poll())


@needs(can_evict(), has_fuse(), is_root(), has_forgetful_fs())
class ABadMount(RunTest):
    threads = (
        "test_an_error_of_the_mount_is_said_and_the_rest_is_read",
        "test_a_mount_that_hangs_holds_up_neither_signals_nor_the_end",
    )
    address = ("test_a_configuration_on_a_mount_that_hangs_holds_up_nothing",)

    def test_a_mount_that_forgets_is_not_read(self):
        process = self.start(self.mount(), "--", "sleep", "300")
        said = self.wait_said("only starts the server")
        self.assertIn("drops a file's pages when it is opened again", said)
        self.assertIsNone(process.poll())

    def test_an_error_of_the_mount_is_said_and_the_rest_is_read(self):
        point = self.mount("--keep", "--fail", self.shards[0].name)
        process = self.start(point, "--", "sleep", "300")
        said = self.wait_said("were read beside it")
        self.assertIn(f"cannot read {point}/{self.shards[0].name}: Input/output error", said)
        resident, pages = resident_pages(point / self.shards[1].name)
        self.assertGreater(resident, pages // 2)
        self.assertIsNone(process.poll())

    def test_a_mount_that_hangs_holds_up_neither_signals_nor_the_end(self):
        point = self.mount("--keep", "--hang", self.shards[0].name)
        process = self.start(point, "--", sys.executable, "-c", LISTENER)
        self.assertEqual(process.stdout.readline(), "up\n")
        self.wait_said("reading ")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=LIMIT_S)
        self.assertEqual((out, process.returncode), (f"got {int(signal.SIGTERM)}\n", signal.SIGTERM))

    def test_a_mount_that_hangs_from_the_start_holds_up_nothing(self):
        point = self.mount("--keep", "--hang", "config.json")
        reader = subprocess.Popen(["cat", point / "config.json"])
        self.addCleanup(reader.wait)
        self.addCleanup(self.file_system.kill)
        self.addCleanup(reader.kill)
        time.sleep(1)
        process = self.start(point, "--", sys.executable, "-c", LISTENER)
        self.assertEqual(process.stdout.readline(), "up\n")
        self.wait_said(f"{point} does not answer: starting the server")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=LIMIT_S)
        self.assertEqual((out, process.returncode), (f"got {int(signal.SIGTERM)}\n", signal.SIGTERM))

    def assert_starts_and_ends(self, process):
        self.assertEqual(process.stdout.readline(), "up\n")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=LIMIT_S)
        self.assertEqual((out, process.returncode), (f"got {int(signal.SIGTERM)}\n", signal.SIGTERM))

    def listener_called_vllm(self):
        program = self.scratch / "vllm"
        program.write_text(f"#!{sys.executable}\n{LISTENER}", encoding="utf-8")
        program.chmod(0o755)
        return program

    def test_a_configuration_on_a_mount_that_hangs_holds_up_nothing(self):
        (self.model / "serve.yaml").write_text("port: 6379\n", encoding="utf-8")
        config = self.mount("--keep", "--hang", "serve.yaml") / "serve.yaml"
        server = (self.listener_called_vllm(), "serve", "{model}", "--config", config)
        process = self.start(self.scratch / "model", "--", *server)
        self.wait_said(f"cannot read {config}: no answer within")
        self.assert_starts_and_ends(process)
        result = run(["run", "--strict", self.scratch / "model", "--", *server], timeout=LIMIT_S)
        self.assertEqual(result.returncode, 1)
        self.assertIn("the server was not started", result.stderr)

    def test_a_signal_ends_it_while_it_waits_for_a_configuration(self):
        (self.model / "serve.yaml").write_text("port: 6379\n", encoding="utf-8")
        config = self.mount("--keep", "--hang", "serve.yaml") / "serve.yaml"
        for _ in range(20):  # a busy machine: the waiting may be over before the signal
            process = self.start(self.scratch / "model", "--", self.listener_called_vllm(), "serve",
                                 "{model}", "--config", config)
            wait_until(lambda: len(self.processes("run ")) > 1 or "reading" in self.said.read_text(),
                       "nobody reads the configuration")
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=LIMIT_S)
            if "no answer" not in self.said.read_text():
                break
        self.assertEqual((out, process.returncode), ("", 128 + signal.SIGTERM))

    def test_no_file_of_the_model_holds_it_up(self):
        cache = self.scratch / "models--org--m"
        for folder in ("refs", "snapshots"):
            (cache / folder).mkdir(parents=True)
        (cache / "refs" / "main").write_text("abc", encoding="utf-8")
        shutil.copytree(self.model, cache / "snapshots" / "abc")
        names = ("config.json", "model.safetensors.index.json", self.shards[0].name)
        files = [(self.model, name) for name in names] + [(cache, "refs/main")]
        for folder, name in files:
            with self.subTest(name):
                self.assertTrue((folder / name).exists())
                self.model = folder
                point = self.mount("--keep", "--hang", name)
                self.assert_starts_and_ends(
                    self.start(point, "--", sys.executable, "-c", LISTENER))
                self.unmount(point)
                point.rmdir()


class ACopy(RunTest):
    """`--stage DST`: the copy is served where it is there, and made where it is not."""

    threads = (
        "test_is_made_when_the_server_is_ready_and_served_from_then_on",
        "test_that_was_cut_off_is_gone_on_with",
    )

    def setUp(self):
        super().setUp()
        self.copy = self.scratch / "fast" / "model"
        self.copy.parent.mkdir()

    def staged_server(self, source, *words):
        return self.start("--stage", self.copy, source, "--", "sh", "-c",
                          'echo "$0"; exec "$@"', "{model}", *(words or ("sleep", "300")))

    def start_that_serves(self, served, source, *words):
        """Another one, where the machine was too busy to look at the model in the time that a launch
        waits at most, which it says."""
        was_there = self.copy.exists()
        for _ in range(20):
            process = self.staged_server(source, *words)
            line = process.stdout.readline()
            if "does not answer" not in self.said.read_text():
                self.assertEqual(line, f"{served}\n")
                return process
            self.stop(process)
            process.stdout.close()
            wait_until(lambda: not self.processes("read-ahead"), "the copying goes on")
            if not was_there:
                shutil.rmtree(self.copy, ignore_errors=True)
        raise AssertionError("never in time")

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LIMIT_S)

    def assert_is_a_copy(self):
        result = run(["stage", "--verify", self.copy])
        self.assertEqual(result.returncode, 0, result.stderr)

    @needs(has_fake_server())
    def test_is_made_when_the_server_is_ready_and_served_from_then_on(self):
        for served, said in ((self.model, "is a copy of"), (self.copy, f"serving {self.copy}")):
            process = self.start_that_serves(served, self.model, FAKE_SERVER, "--port", free_port())
            self.wait_said(said)
            words = self.wait_said("ready after")
            if served == self.model:
                self.assertLess(words.index("ready after"), words.index("is a copy of"))
            self.stop(process)
            process.stdout.close()
        self.assert_is_a_copy()

    @needs(has_fuse(), is_root(), has_forgetful_fs())
    def test_is_made_first_where_reading_ahead_cannot_help(self):
        process = self.start_that_serves(self.copy, self.mount())
        said = self.wait_said("is a copy of")
        self.assertIn("before the server starts: fuse.forgetful_fs drops a file's pages", said)
        self.stop(process)
        self.assert_is_a_copy()

    def test_of_an_older_model_is_not_served(self):
        self.assertEqual(run(["stage", self.model, self.copy]).returncode, 0)
        os.utime(self.shards[0], ns=(1, 1))
        process = self.staged_server(self.model)
        self.assertEqual(process.stdout.readline(), f"{self.model}\n")
        self.assertIn("it is outdated", self.wait_said(f"not copied to {self.copy}"))
        self.stop(process)
        self.assert_is_a_copy()

    def test_what_is_there_and_no_copy_is_left_alone(self):
        self.copy.mkdir()
        (self.copy / "precious").write_text("x")
        process = self.staged_server(self.model)
        self.assertEqual(process.stdout.readline(), f"{self.model}\n")
        self.wait_said(f"not copied to {self.copy}")
        self.stop(process)
        self.assertEqual((self.copy / "precious").read_text(), "x")

    @needs(has_fuse(), is_root())
    def test_that_was_cut_off_is_gone_on_with(self):
        # Not of the checkpoint, so not read beside the server: the copy takes 6 s at that rate,
        # and can be cut off.
        (self.model / "extra.bin").write_bytes(random_bytes(24 << 20))
        point = self.scratch / "slow"
        result = run(["shape", self.model, point, "--rate", "4MB/s", "--no-measure", "--daemon"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", point], check=False))
        process = self.staged_server(point)
        self.wait_said("were read beside it")
        wait_until(lambda: list(self.copy.parent.iterdir()), "nothing is copied")
        self.stop(process)
        wait_until(lambda: not self.processes("read-ahead"), "the copying goes on")
        self.assertFalse(self.copy.exists())
        result = run(["stage", "--wait", point, self.copy])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assert_is_a_copy()

    def test_needs_a_server_that_can_be_given_either(self):
        result = run(["run", "--stage", self.copy, self.model, "--", "sleep", "1"])
        self.assertEqual(result.returncode, 2)
        self.assertIn("{model}", result.stderr)


def first_byte_before_ready_s(record):
    """How long before ready something was first seen to have come from storage."""
    first = min(sample["t_s"] for sample in record["timeline"]
                if sample["storage_bytes"] or sample["page_cache_bytes"])
    return record["load_s"] - first


@needs(has_fuse(), is_root(), has_fake_server(), can_evict())
class InCompare(ScratchTest):
    """`compare --prefetch`: what reading beside the start saves is measured."""

    def compare(self, *flags, server=True):
        model = write_checkpoint(self.scratch / "M", shards=2, shard_bytes=8 << 20)
        command = ["--", FAKE_SERVER, "--port", "{port}", "--model", "{model}", "--read", "full",
                   "--read-after", 3000]
        return run(["compare", "--path", f"nvme={model}", "--path", f"net={model}", "--stand-in",
                    "net=64MB/s,1ms", "--runs", 1, "--warm-runs", 1, "--warmup", 0, "--no-floor",
                    "--out", self.scratch / "out", *flags, *(command if server else [])],
                   timeout=120)

    def test_hides_storage_and_is_cold_all_the_same(self):
        result = self.compare("--prefetch", "net", "--weights", "model-*")
        self.assertEqual(result.returncode, 0, result.stderr)
        records = read_records(self.scratch / "out")
        prefetched = [r for r in records if r["storage_mode"] == "net_prefetch"]
        self.assertEqual(len(prefetched), 1)
        for record in prefetched:
            self.assertEqual(record["cold"], "verified", record["reason"])
            self.assertEqual(record["arm"], "net_prefetch")
            self.assertIn("run", record["argv"])
            self.assertIn("model-*", record["argv"])
            self.assertGreaterEqual(record["storage_bytes_read"], 16 << 20)
            log = (self.scratch / "out" / record["log"]).read_text(encoding="utf-8")
            self.assertIn("coldload: reading 16.8 MB", log)
            # What a server that imports for 3 s and then reads for a quarter of one cannot have
            # read, somebody else has.
            self.assertGreater(first_byte_before_ready_s(record), 1)
        self.assertEqual([r["argv"][0] for r in records if r["arm"] == "net"], [FAKE_SERVER] * 2)
        self.assertNotIn("net_prefetch_warm", [r["storage_mode"] for r in records])
        report = (self.scratch / "out" / "storage_layout_bench.md").read_text(encoding="utf-8")
        self.assertIn("## Read the weights while the server starts?", report)
        self.assertEqual(processes_with(str(self.scratch)), [])

    def test_wrong_use_is_refused(self):
        for flags, server, words in ((["--prefetch", "other"], True, "no path has that label"),
                                     (["--prefetch", "net"], False, "needs a server")):
            result = self.compare(*flags, server=server)
            self.assertEqual(result.returncode, 2, flags)
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    unittest.main()
