"""The harness's own eyes: were they wrong, the other system tests would prove nothing."""

import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

from far_machine import can_mount
from harness import (PAGE_BYTES, SOURCE_DIR, ScratchTest, can_evict, evict, files_of, free_port,
                     is_root, needs, passes_mostly, resident_pages, run, warm,
                     write_checkpoint, write_safetensors)


class PageCache(ScratchTest):
    @needs(can_evict())
    def test_residency_follows_reads_and_eviction(self):
        path = self.scratch / "data.safetensors"
        write_safetensors(path, {"w": ("U8", (64 * PAGE_BYTES,))})
        self.assertEqual(evict(path), 0)
        warm(path)
        resident, pages = resident_pages(path)
        self.assertEqual(resident, pages)
        self.assertEqual(pages, 65)  # 64 of weights and the header
        self.assertEqual(evict(path), 0)

    def test_looking_brings_nothing_in(self):
        path = self.scratch / "data"
        path.write_bytes(b"x" * (64 * PAGE_BYTES))
        before = evict(path)
        self.assertEqual(resident_pages(path)[0], before)


class Checkpoints(ScratchTest):
    def test_shards_have_an_index_and_whole_files(self):
        directory = write_checkpoint(self.scratch / "m", shards=3, shard_bytes=4096)
        names = [path.name for path in files_of(directory)]
        self.assertEqual(len([n for n in names if n.endswith(".safetensors")]), 3)
        self.assertIn("model.safetensors.index.json", names)


class Running(unittest.TestCase):
    def test_text_output_and_exit_code_come_back(self):
        result = run(["--version"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"^coldload \d+\.\d+\.\d+")

    @needs(is_root())
    def test_what_is_less_for_others_than_root_is_said(self):
        self.assertIn("  others' processes       available", run(["--version"]).stdout.splitlines())
        nobody = 65534
        shown = run(["--version"], user=nobody, group=nobody, extra_groups=[]).stdout
        for words in ("not available: neither root nor CAP_SYS_PTRACE", "so no --drop-caches"):
            self.assertIn(words, shown)


class Ports(unittest.TestCase):
    def test_one_that_a_test_got_is_no_other_tests(self):
        # In the other test, which here is another process, the first choice is ours.
        ours = free_port()
        code = ("import harness, random\n"
                f"random.sample = lambda ports, count: [{ours}, {ours} - 1, {ours} - 2]\n"
                "print(harness.free_port())\n")
        other = subprocess.run([sys.executable, "-c", code], cwd=SOURCE_DIR / "tests" / "system",
                               capture_output=True, text=True, check=True)
        self.assertIn(int(other.stdout), (ours - 1, ours - 2))


class Apart(unittest.TestCase):
    # Comes back alone, or while a thread of its own waits.
    CODE = """
import contextlib, sys, threading, types
import far_machine
stop = threading.Event()
try:
    with contextlib.ExitStack() as later:
        far_machine.go_apart(types.SimpleNamespace(addCleanup=later.callback))
        if "with_thread" in sys.argv:
            threading.Thread(target=stop.wait, name="a server").start()
finally:
    stop.set()
"""

    def come_back(self, *words):
        return subprocess.run([sys.executable, "-c", self.CODE, *words], capture_output=True,
                              cwd=SOURCE_DIR / "tests" / "system", text=True, timeout=60)

    @needs(is_root(), can_mount())
    def test_who_comes_back_with_a_thread_is_told_which(self):
        alone, with_thread = self.come_back(), self.come_back("with_thread")
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertEqual(with_thread.returncode, 1)
        self.assertRegex(with_thread.stderr, r"this process has 2 threads \(MainThread, a server\)")


class Tries(unittest.TestCase):
    def after(self, answers):
        """How many of `answers` were asked for until it passed; None if it did not."""
        asked = iter(answers)
        attempt = mock.Mock(side_effect=lambda: "" if next(asked) == "." else "wrong")
        try:
            passes_mostly(attempt)
        except AssertionError as error:
            self.assertIn("wrong", str(error))
            return None
        return attempt.call_count

    def test_pass_where_two_more_do_than_do_not(self):
        self.assertEqual(self.after(".."), 2)
        self.assertEqual(self.after("x..."), 4)
        self.assertEqual(self.after("xx.x....."), 8)
        for answers in ("x" * 15, "xxxxxxxxx.xxxxx", ".x" * 8, "xxx" * 2 + "." * 7 + "x" * 2):
            self.assertIsNone(self.after(answers), answers)


class RunOne(ScratchTest):
    """run_one.py's exit codes are what ctest believes."""

    def exit_code_of(self, body):
        (self.scratch / "test_x.py").write_text(
            "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        " + body
        )
        script = __file__.replace("test_harness.py", "run_one.py")
        result = subprocess.run([sys.executable, script, str(self.scratch), "test_x.T.test_it"],
                                capture_output=True, text=True, check=False)
        return result.returncode, result.stdout

    def test_pass_fail_and_skip_are_told_apart(self):
        self.assertEqual(self.exit_code_of("pass")[0], 0)
        self.assertEqual(self.exit_code_of("self.fail('no')")[0], 1)
        code, out = self.exit_code_of("self.skipTest('no GPU')")
        self.assertEqual(code, 77)
        self.assertIn("SKIP: no GPU", out)


def has_ended(pid):
    """A zombie's command line is empty."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


class LeftBehind(ScratchTest):
    """leaks.py: a test that passes and leaves something fails all the same."""

    def left_by(self, body):
        """(exit code, what run_one.py names) of a test with this body."""
        lines = ["import os, socket, subprocess, sys, tempfile, unittest", "import harness, leaks",
                 "leaks.PATIENCE_S = 0", "kept = []", "class T(harness.ScratchTest):",
                 "    def test_it(self):", *(f"        {line}" for line in body)]
        (self.scratch / "test_x.py").write_text("\n".join(lines), encoding="utf-8")
        result = subprocess.run(
            [sys.executable, str(SOURCE_DIR / "tests" / "system" / "run_one.py"), str(self.scratch),
             "test_x.T.test_it"], capture_output=True, text=True, check=False)
        named = [line.removeprefix("LEFT BEHIND: ") for line in result.stdout.splitlines()
                 if line.startswith("LEFT BEHIND: ")]
        self.assertIn("OK", result.stderr)
        return result.returncode, named

    def test_nothing_is_said_of_one_that_cleans_up(self):
        self.assertEqual(self.left_by([
            "with tempfile.NamedTemporaryFile(), socket.socket(): pass",
            "harness.free_port()",
            "subprocess.run(['true'])",
        ]), (0, []))

    def test_a_process_also_of_a_process_is_found_and_ended(self):
        code, named = self.left_by([
            "command = 'sleep 98765 >&- 2>&- & echo $!'",
            "pid = int(subprocess.run(['sh', '-c', command], stdout=subprocess.PIPE).stdout)",
            # Between fork and exec it is the shell; in exec it has no environment for a moment.
            "while b'sleep' not in open(f'/proc/{pid}/cmdline', 'rb').read(): pass",
            "while not open(f'/proc/{pid}/environ', 'rb').read(): pass",
        ])
        self.assertEqual(code, 1)
        self.assertRegex("\n".join(named), r"^process \d+: .*sleep 98765\b")
        pid, deadline = int(named[0].split()[1].rstrip(":")), time.monotonic() + 60
        while not has_ended(pid):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_a_file_and_a_socket_and_a_folder_are_found(self):
        code, named = self.left_by([
            "tempfile.mkstemp(prefix='forgotten')",
            "kept.append(socket.create_server(('127.0.0.1', 0)))",
            "(self.scratch / 'x').mkdir()",
            "harness.shutil = type('Broken', (), {'rmtree': lambda *words, **kw: None})",
        ])
        self.assertEqual(code, 1)
        self.assertRegex("\n".join(named), r"^folder .*/test-\S+\nfile /tmp/\S+/forgotten\S+\n"
                                           r"1 open: /tmp/\S+forgotten\S+\n1 open: socket$")

    @needs(is_root(), can_mount())
    def test_a_mount_is_found_before_its_folder_is_removed(self):
        code, named = self.left_by([
            "subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', str(self.scratch)], check=True)"])
        self.assertEqual(code, 1)
        self.assertRegex("\n".join(named), r"^mount .*/test-\S+$")

    @needs(is_root(), can_mount())
    def test_what_is_mounted_in_its_folders_is_not_removed(self):
        kept = self.scratch / "kept"
        (kept / "below").mkdir(parents=True)
        (kept / "file").touch()
        (kept / "below" / "file").touch()
        code, named = self.left_by([
            f"for kept in ({str(kept)!r}, {str(kept / 'below')!r}):",
            "    point = os.path.join(os.environ['XDG_RUNTIME_DIR'], 'point')",
            "    os.makedirs(point, exist_ok=True)",
            "    subprocess.run(['mount', '--bind', kept, point], check=True)",
        ])
        self.assertEqual(code, 1)
        points = [line.split()[1] for line in named if line.startswith("mount ")]
        self.assertEqual(len(points), 2, named)  # one upon the other
        self.assertTrue((kept / "file").exists() and (kept / "below" / "file").exists())
        self.assertFalse(Path(points[0]).parent.parent.exists())
