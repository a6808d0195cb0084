"""`coldload run --start-set FILE`: what a start read is written there, and read ahead of the next ones.
Whatever lies there, the server starts as it would without it."""

import json
import os
import signal
import subprocess
import sys
import unittest

from harness import (
    FAKE_SERVER,
    can_evict,
    evict,
    files_of,
    free_port,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    passes_mostly,
    resident_pages,
    run,
    start,
    stop,
    sync,
)
from test_run import FORGETFUL_FS, LIMIT_S, LISTENER, RunTest, has_forgetful_fs, wait_until

MODULES = 120

# What is said where the launch did not wait any longer.
TOO_BUSY = ("does not answer", "it cannot be watched in time", "was known too late")

# Imports a package of many modules, holds one of their files open, and answers when that is done.
SERVER = """
import http.server, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[2])
import heavy
held = open(heavy.__file__)
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


class StartSetTest(RunTest):
    def setUp(self):
        super().setUp()
        self.set_file = self.scratch / "start-set.json"
        self.packages = self.scratch / "site-packages"
        heavy = self.packages / "heavy"
        heavy.mkdir(parents=True)
        for number in range(MODULES):
            (heavy / f"module_{number:03}.py").write_text(f"x = {number}\n" + "# padding\n" * 2000)
        (heavy / "__init__.py").write_text(
            "".join(f"from heavy import module_{number:03}\n" for number in range(MODULES)))
        self.modules = sorted(heavy.glob("module_*.py"))
        for path in self.modules:
            sync(path)
        self.port = free_port()

    def server(self):
        return ["--", sys.executable, "-c", SERVER, self.port, self.packages]

    def start_with_set(self, *words, url_is_known=True, **kw):
        words = words or self.server()
        url = ["--ready-url", f"http://127.0.0.1:{self.port}/health"] if url_is_known else []
        return self.start("--start-set", self.set_file, *url, self.model, *words, **kw)

    def end_server(self, process):
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LIMIT_S)

    def start_that_says(self, text, *words, **kw):
        """A start that comes to say `text`; another one, where the machine was too busy to look at the
        set or to begin to watch in the time that a launch waits at most, which it says."""
        is_there = self.set_file.exists()
        for _ in range(20):
            process = self.start_with_set(*words, **kw)
            said = self.wait_said_one_of(text, *TOO_BUSY)
            if text in said:
                return process
            self.end_server(process)
            if not is_there:
                self.set_file.unlink(missing_ok=True)  # it may have been learned all the same
        raise AssertionError(f"never in time: {said}")

    def learn(self):
        self.end_server(self.start_that_says("holds what this start read"))
        return json.loads(self.set_file.read_text())

    def evict_modules(self):
        for path in self.modules:
            evict(path)

    def resident_modules(self):
        return sum(resident_pages(path)[0] > 0 for path in self.modules)

    def assert_starts_as_ever(self, process):
        """A server that says so, and ends by the signal that it is sent."""
        self.assertEqual(process.stdout.readline(), "up\n")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=LIMIT_S)
        self.assertEqual((out, process.returncode), (f"got {int(signal.SIGTERM)}\n", signal.SIGTERM))

    def start_and_end_listener(self):
        """What was said by a start whose set was looked at in time."""
        for _ in range(20):
            self.assert_starts_as_ever(self.listener())
            said = self.said.read_text()
            if not any(words in said for words in TOO_BUSY):
                return said
        raise AssertionError(f"never in time: {said}")

    def listening(self):
        return ["--", sys.executable, "-c", LISTENER]

    def listener(self):
        return self.start_with_set(*self.listening())


@needs(can_evict(), is_root())
class Learning(StartSetTest):
    threads = ("test_the_first_start_is_learned_and_the_next_one_finds_its_files_in_memory",)
    address = ("test_what_ends_before_it_is_ready_leaves_no_file",)

    def test_the_first_start_is_learned_and_the_next_one_finds_its_files_in_memory(self):
        told = self.learn()
        self.assertEqual((told["coldload_start_set"], told["source"]), (1, "fanotify"))
        self.assertEqual(self.set_file.stat().st_mode & 0o777, 0o644)
        paths = [file["path"] for file in told["files"]]
        real = [os.path.realpath(path) for path in self.modules]
        self.assertEqual([path for path in paths if path in real], real)  # in order of first touch
        passes_mostly(self.what_is_not_read_ahead)
        self.assertEqual(json.loads(self.set_file.read_text()), told)

    def what_is_not_read_ahead(self):
        """By a server that imports nothing: what comes into memory has been read ahead."""
        self.evict_modules()
        self.evict_all()
        process = self.start_that_says("were read in", "--", "sleep", "300")
        wait_until(lambda: not self.processes("read-ahead"), "the reader stays")
        modules = self.resident_modules()
        resident, pages = resident_pages(self.shards[0])
        self.end_server(process)
        if modules > MODULES * 0.8 and resident > pages // 2:
            return ""
        return f"{modules} modules and {resident} of {pages} pages of a shard are in memory"

    def test_the_weights_are_told_apart_and_their_reading_by_coldload_is_not_the_servers(self):
        self.evict_all()
        groups = {file["path"]: file["group"] for file in self.learn()["files"]}
        self.assertNotIn(os.path.realpath(self.shards[0]), groups)  # this server reads none
        self.set_file.unlink()
        (self.packages / "heavy" / "__init__.py").write_text(
            f"open({str(self.shards[0])!r}, 'rb').read()\nopen({str(self.model / 'config.json')!r}).read()\n")
        files = self.learn()["files"]
        groups = {file["path"]: file["group"] for file in files}
        self.assertEqual(groups[os.path.realpath(self.shards[0])], "weights")
        self.assertEqual(groups[os.path.realpath(self.model / "config.json")], "checkpoint")

    def test_what_ends_before_it_is_ready_leaves_no_file(self):
        process = self.start_that_says("is not written: the server ended before it was ready",
                                       "--", sys.executable, "-c", "raise SystemExit(9)")
        self.assertEqual(process.wait(timeout=LIMIT_S), 9)
        self.assertIn("is not written", self.start_and_end_listener())
        self.assertEqual([path.name for path in files_of(self.scratch)], [self.said.name])
        wait_until(lambda: not self.processes("read-ahead"), "who learns stays")

    def test_where_nobody_can_tell_when_it_is_ready_nothing_is_learned(self):
        process = self.start_that_says("is not written: nobody can tell when the start is over",
                                       "--", "sleep", "300", url_is_known=False)
        self.end_server(process)
        self.assertFalse(self.set_file.exists())

    def test_a_place_that_cannot_be_written_is_said_and_the_server_goes_on(self):
        self.set_file = self.scratch / "none" / "start-set.json"
        process = self.start_that_says("is not written: cannot")
        self.assertIsNone(process.poll())
        self.end_server(process)

    def test_a_server_that_reads_very_many_files(self):
        folder = self.scratch / "many"
        folder.mkdir()
        count = 20_000
        for number in range(count):
            (folder / str(number)).write_bytes(b"x")
        (self.packages / "heavy" / "__init__.py").write_text(
            f"for number in range({count}):\n    open(f'{folder}/{{number}}').read()\n")
        files = self.learn()["files"]
        below = os.path.realpath(folder)
        seen = sum(os.path.dirname(file["path"]) == below for file in files)
        if seen < count:
            self.assertIn("some openings were not seen", self.said.read_text())
        process = self.start_that_says("were read in", "--", "sleep", "300")
        self.assertIn(f"in {len(files)} files of", self.said.read_text())
        self.end_server(process)


@needs(can_evict(), is_root(), has_fake_server())
class WithoutPrivileges(StartSetTest):
    def test_what_is_in_memory_of_its_own_files_is_learned(self):
        nobody = 65534
        self.scratch.chmod(0o777)
        for parent in [self.scratch, *self.scratch.parents]:
            if not os.stat(parent).st_mode & 0o001:
                self.skipTest(f"{parent} is closed to other users")
        for path in files_of(self.model):
            os.chown(path, nobody, nobody)
        process = self.start_that_says("holds what this start read", "--", FAKE_SERVER, "--port", self.port,
                                       "--model", "{model}", user=nobody, group=nobody, extra_groups=[])
        self.assertIn("which files the start opens was not told", self.said.read_text())
        self.end_server(process)
        told = json.loads(self.set_file.read_text())
        self.assertEqual(told["source"], "page_cache")
        groups = {file["path"]: file["group"] for file in told["files"]}
        self.assertIn("weights", [groups.get(os.path.realpath(shard)) for shard in self.shards])


@needs(can_evict(), has_fuse(), is_root())
class BesideAMountThatHangs(StartSetTest):
    """A mount that is none of the start's."""

    def hanging(self):
        point = self.scratch / "hanging"
        shape = start(["shape", self.model, point, "--rate", "1GB/s", "--no-measure", "--json"],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(stop, shape)
        server = json.loads(shape.stdout.readline())["server_pid"]
        os.kill(server, signal.SIGSTOP)
        self.addCleanup(os.kill, server, signal.SIGCONT)
        wait_until(lambda: hangs(point), "the mount answers from the kernel's memory")
        return point

    def test_the_files_of_all_others_are_learned_and_it_is_named(self):
        point = self.hanging()
        learned = {file["path"] for file in self.learn()["files"]}
        self.assertLessEqual({os.path.realpath(path) for path in self.modules}, learned)
        self.assertRegex(self.said.read_text(),
                         f"holds what .*some openings were not seen: .*{point} .*does not answer")


def hangs(path):
    try:
        subprocess.run(["test", "-r", path], timeout=1, check=True)
    except subprocess.TimeoutExpired:
        return True
    return False


class Inspecting(StartSetTest):
    def test_a_start_set_is_listed_in_its_order_for_people_and_for_programs(self):
        self.set_file.write_text(
            set_of(entry("/b", ranges=[[0, 4], [6, 2]]), entry("/a", group="weights"))
            .replace('{"coldload_start_set": 1', '{"coldload_start_set":1'))
        shown = run(["inspect", self.set_file]).stdout.splitlines()
        self.assertEqual([line.split() for line in shown[:2]],
                         [["program", "6", "B", "/b"], ["weights", "10", "B", "/a"]])
        told = [json.loads(line) for line in run(["inspect", "--json", self.set_file]).stdout.splitlines()]
        self.assertEqual(told, [{"path": "/b", "group": "program", "size": 10, "bytes": 6},
                                {"path": "/a", "group": "weights", "size": 10, "bytes": 10}])
        self.assertEqual(run(["inspect", "--tensors", self.set_file]).returncode, 2)
        self.set_file.write_text('{"coldload_start_set":9}')
        result = run(["inspect", self.set_file])
        self.assertEqual(result.returncode, 1)
        self.assertIn("version 9", result.stderr)


def entry(path, **changes):
    file = {"path": str(path), "group": "program", "size": 10, "mtime_ns": 0, "ranges": [[0, 10]]}
    return {**file, **changes}


def set_of(*files):
    return json.dumps({"coldload_start_set": 1, "source": "fanotify", "files": files})


@needs(can_evict())
class WithoutACheckpoint(StartSetTest):
    """What `coldload run --stage` reads beside a copy that is being made: the start set alone."""

    def test_the_set_alone_is_read(self):
        module = self.modules[0]
        status = module.stat()
        self.set_file.write_text(json.dumps({
            "coldload_start_set": 1, "source": "fanotify", "files": [
                {"path": str(module), "group": "program", "size": status.st_size,
                 "mtime_ns": status.st_mtime_ns, "ranges": [[0, status.st_size]]}]}))
        result = run(["read-ahead", "--start-set", self.set_file])
        events = [json.loads(line)["event"] for line in result.stdout.splitlines()]
        self.assertEqual(events, ["set_reading", "set_done"], result.stdout + result.stderr)


class HostileFiles(StartSetTest):
    address = ("test_what_is_no_start_set_is_said_left_alone_and_holds_up_nothing",)

    def test_what_is_no_start_set_is_said_left_alone_and_holds_up_nothing(self):
        for content, said in (("", "is no start set"), ("\0" * 99, "is no start set"),
                              ("[" * 100_000, "is no start set"), ("{}", "is no start set"),
                              ('{"coldload_start_set": 2, "files": []}', "of version 2")):
            self.set_file.write_text(content)
            told = self.start_and_end_listener()
            self.assertIn(f"not reading what --start-set names: cannot use {self.set_file}", told)
            self.assertIn(said, told)
            self.assertEqual(self.set_file.read_text(), content)

    def test_what_is_no_file_is_said_and_holds_up_nothing(self):
        os.mkfifo(self.scratch / "fifo")
        (self.scratch / "huge").touch()
        os.truncate(self.scratch / "huge", 1 << 30)
        (self.scratch / "dangling").symlink_to("/dev/zero")
        for name in ("fifo", "huge", "dangling", ".", "fifo/below"):
            self.set_file = self.scratch / name
            self.assertIn("not reading what --start-set names: ", self.start_and_end_listener())

    def test_no_entry_hinders_the_start(self):
        os.mkfifo(self.scratch / "fifo")
        (self.scratch / "link").symlink_to(self.modules[0])
        info = self.modules[1].stat()
        good = entry(os.path.realpath(self.modules[1]), size=info.st_size, mtime_ns=info.st_mtime_ns,
                     ranges=[[0, info.st_size]])
        self.set_file.write_text(set_of(
            entry(self.scratch / "fifo"), entry(self.scratch / "link"), entry(self.scratch),
            entry(self.scratch / "gone"), entry("/proc/kcore"), entry("/dev/zero"), entry("relative"),
            entry("/a/../../etc/shadow"), entry(self.modules[2]), entry(self.modules[3], size=1 << 62),
            entry(self.modules[4], size=1 << 62, ranges=[[0, 1 << 62]]), 7, {}, good))
        evict(self.modules[1])
        process = self.start_that_says("were read in", "--", "sleep", "300")
        said = self.said.read_text()
        self.assertIn("6 of its entries are left out", said)
        self.assertRegex(said, r" in \d files of .* were read in .*left out: .*fifo")
        self.end_server(process)

    def test_a_set_of_another_machine_is_said_to_be_one(self):
        self.set_file.write_text(set_of(*(entry(f"/elsewhere/{number}") for number in range(100_001))))
        process = self.start_that_says("were read in", *self.listening())
        said = self.said.read_text()
        self.assertIn("the first 100000 are taken", said)
        self.assertRegex(said, r"left out: /elsewhere/\d \(No such file or directory\)")
        self.assertIn("most of it is not of this machine: remove the file", said)
        self.assert_starts_as_ever(process)


@needs(can_evict(), has_fuse(), is_root(), has_forgetful_fs())
class ABadMountBelow(StartSetTest):
    """What is named, or the file itself, lies on a mount that hangs."""

    def hanging(self):
        return self.mount("--keep", "--hang", "config.json") / "config.json"

    def test_a_named_file_that_hangs_holds_up_neither_signals_nor_the_end(self):
        hanging = self.hanging()
        info = hanging.stat()
        self.set_file.write_text(set_of(entry(hanging, size=info.st_size, mtime_ns=info.st_mtime_ns,
                                              ranges=[[0, info.st_size]])))
        process = self.listener()
        self.assert_starts_as_ever(process)

    def test_a_start_set_that_hangs_holds_up_no_start(self):
        self.set_file = self.hanging()
        process = self.listener()
        self.assert_starts_as_ever(process)


if __name__ == "__main__":
    unittest.main()
