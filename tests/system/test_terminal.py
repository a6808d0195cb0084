"""What a person sees in a terminal: before the first run, while runs go on, and in the end."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
import unittest
from pathlib import Path

from harness import (
    COLDLOAD,
    FAKE_SERVER,
    MARKDOWN_NAME,
    ScratchTest,
    can_evict,
    has_fake_server,
    has_fuse,
    is_root,
    needs,
    read_records,
    read_rows,
    run,
    start,
    write_checkpoint,
)


class TerminalTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.model = write_checkpoint(self.scratch / "model")
        self.copy = write_checkpoint(self.scratch / "copy")
        self.out = self.scratch / "out"
        self.words = ["compare", "--path", f"nvme={self.model}", "--path", f"net={self.copy}",
                      "--no-floor"]

    def compare(self, *words, expect=0, **kw):
        out = [] if "--out" in words else ["--out", self.out]
        result = run([*self.words, *out, *words], **kw)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result

    def server(self, *flags):
        return ["-w", 0, "--", FAKE_SERVER, "--model", "{model}", "--port", "{port}", "--read=full",
                *flags]


@needs(can_evict())
class TheEnd(TerminalTest):
    def places(self, text):
        return dict(re.findall(r"^(report|page|records|logs) +(\S+)$", text, re.MULTILINE))

    def test_it_says_the_verdict_and_where_everything_lies(self):
        result = self.compare("--runs", 1)
        self.assertRegex(result.stdout, r"\nCold load of model \(.*\): nvme and net .*\nreport ")
        places = self.places(result.stdout)
        self.assertEqual(list(places), ["report", "page", "records", "logs"])
        for place in places.values():
            self.assertTrue(Path(place).exists(), place)
        self.assertEqual(Path(places["report"]).name, MARKDOWN_NAME)
        self.assertTrue(list(Path(places["logs"]).glob("*-net.log")))

    def test_beside_json_the_places_are_on_standard_error(self):
        result = self.compare("--runs", 1, "--json")
        self.assertEqual(self.places(result.stdout), {})
        self.assertEqual(len(self.places(result.stderr)), 4)

    @needs(has_fake_server())
    def test_a_failed_run_names_its_log(self):
        result = self.compare("--runs", 1, *self.server("--exit-after=0", "--exit-code=3"), expect=1)
        log = re.search(r"^ +its log: (\S+)$", result.stderr, re.MULTILINE)
        self.assertIsNotNone(log, result.stderr)
        self.assertTrue(Path(log[1]).is_file())

    def test_results_that_are_there_are_told_before_the_first_run(self):
        self.assertNotIn("holds", self.compare("--runs", 1, "--warm-runs", 0).stderr)
        again = self.compare("--runs", 1, "--warm-runs", 0).stderr
        told = again.index("holds 2 records of an earlier experiment")
        self.assertLess(told, again.index("[1/2]"))
        self.assertIn("holds 4 records of 2 earlier experiments", self.compare("--dry-run").stderr)

    def test_a_limit_is_no_goal(self):
        result = self.compare("--runs", "auto", "--max-runs", 5, "--precision", "0.001%",
                              "--warm-runs", 0)
        self.assertRegex(result.stderr,
                         r"limit reached after 5 runs per path: still \S+ % wide, the goal was")
        self.assertNotIn("goal reached", result.stderr)
        self.assertIn("The widest interval spans",
                      (self.out / MARKDOWN_NAME).read_text(encoding="utf-8"))
        self.out = self.scratch / "other"
        result = self.compare("--runs", "auto", "--precision", "10000%", "--warm-runs", 0)
        self.assertIn("goal reached after 5 runs per path", result.stderr)


@needs(can_evict(), has_fake_server())
class AnInterrupt(TerminalTest):
    threads = True

    def test_is_told_in_terminal_report_and_records(self):
        process = start([*self.words, "--out", self.out, "--runs", 1000, *self.server("--ready-after=300")],
                        stdout=-1, stderr=-1)
        deadline = time.monotonic() + 60
        while not (self.out / "storage_layout_bench.csv").exists() or not read_rows(self.out):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, err)
        records = read_records(self.out)
        self.assertEqual({r["status"] for r in records[:-1]}, {"ok"})
        self.assertEqual(records[-1]["status"], "interrupted")
        self.assertIn("interrupted", records[-1]["reason"])
        self.assertEqual(read_rows(self.out)[-1]["load_s"], "")
        kept = len(records) - 1
        self.assertIn("one run is kept" if kept == 1 else f"{kept} runs are kept", err)
        self.assertIn("the same command adds to", err)
        self.assertIn("interrupted", (self.out / MARKDOWN_NAME).read_text(encoding="utf-8"))


class BeforeTheFirstRun(TerminalTest):
    def time_of(self, *words):
        return re.search(r"^time +(.*)$", self.compare("--dry-run", *words).stdout, re.MULTILINE)[1]

    def test_what_is_not_known_is_not_guessed(self):
        self.assertEqual(self.time_of(), "not known before the first runs")

    @needs(has_fuse(), is_root())
    def test_a_stand_in_takes_its_size_over_its_rate_at_least(self):
        text = self.time_of("--stand-in", "net=100kB/s,1ms", "--runs", 2)
        self.assertRegex(text, r"^at least 2\d s for 6 runs; not known before its first run: nvme,")

    @needs(can_evict())
    def test_earlier_records_of_the_same_paths_count(self):
        self.compare("--runs", 1)
        self.assertRegex(self.time_of("--runs", 2), r"^at least \d+ (s|min) for 6 runs$")
        self.words[2] = f"nvme={write_checkpoint(self.scratch / 'third')}"
        self.assertIn("not known before its first run: nvme, nvme_warm", self.time_of())


class WhatCannotSucceed(TerminalTest):
    def refusal(self, *words, **kw):
        return self.compare("--dry-run", *words, expect=2, **kw).stderr

    def test_an_out_directory_that_cannot_be_written_is_told_by_the_plan(self):
        self.out.write_text("a file")
        self.assertIn("Not a directory; choose another --out", self.refusal())
        self.assertIn(f"cannot write to {self.out}: Not a directory",
                      self.refusal("--out", self.out / "below"))

    def test_a_program_that_is_not_there_or_cannot_be_started_is_told_by_the_plan(self):
        server = self.scratch / "server"
        self.assertIn(f"{server}", self.refusal("--", server, "{model}", "--port", "{port}"))
        server.write_text("#!/bin/sh\n")
        self.assertIn("no file that may be executed", self.refusal("--", server, "{model}", "--port", "{port}"))

    @needs(is_root())
    def test_other_owners_pages_are_told_by_the_plan_and_before_the_first_run(self):
        self.scratch.chmod(0o755)
        for parent in [self.scratch, *self.scratch.parents]:
            if not os.stat(parent).st_mode & 0o001:
                self.skipTest(f"{parent} is closed to other users")
        self.out.mkdir()
        os.chown(self.out, 65534, 65534)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}
        told = "no run of net can be verified cold: "
        refusal = self.refusal(**nobody)
        self.assertIn(told, refusal)
        self.assertIn("run as root or as the files' owner, or take --cold best-effort", refusal)
        self.assertNotIn(told, self.compare("--dry-run", "--cold", "best-effort", **nobody).stderr)
        elsewhere = self.refusal("--cold", "best-effort", "--out", self.scratch / "results", **nobody)
        self.assertIn(f"cannot write to {self.scratch}: Permission denied", elsewhere)
        err = self.compare("--runs", 1, expect=3, **nobody).stderr
        self.assertLess(err.index(told), err.index("[1/2]"))


@needs(can_evict(), has_fake_server())
class TheLiveLine(TerminalTest):
    def seen_at(self, columns):
        """All that a terminal of so many columns gets."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        process = start([*self.words, "--out", self.out, "--runs", 2, "--warm-runs", 0,
                         *self.server("--ready-after=400")],
                        stdout=theirs, stderr=theirs, env={"NO_COLOR": "1"})
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        self.assertEqual(process.wait(timeout=60), 0)
        return seen.decode()

    def test_it_fits_and_is_drawn_in_place(self):
        for columns in (60, 200):
            with self.subTest(columns=columns):
                seen = self.seen_at(columns)
                drawn = [text.split("\r")[0] for text in seen.split("\r\x1b[K")[1:]]
                trials = [text for text in drawn if re.match(r"\[\d/4\] \w+, cold run \d: ", text)]
                self.assertTrue(trials)
                self.assertLess(max(map(len, drawn)), columns)
                # From the second trial of an arm on it is known what such a one takes.
                self.assertTrue(any("of about" in text for text in trials), trials)
                if columns == 200:
                    self.assertTrue(any(text.endswith("left") for text in trials), trials)
                # Of the plan, words that are wider than that stay whole.
                wide = [line for line in seen.split("warning:")[0].split("\r\n")
                        if len(line) > columns and " " in line.strip()]
                self.assertEqual(wide, [])


class ANameOnAHub(ScratchTest):
    def inspect(self, name, expect=0, **env):
        variables = {name: None for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME")}
        result = run(["inspect", name], env=variables | {"HOME": self.scratch / "none"} | env)
        self.assertEqual(result.returncode, expect, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def test_is_found_where_the_hubs_own_library_looks(self):
        folder = Path("models--org--M-1.5")
        for cache, env in (("a", {"HF_HUB_CACHE": self.scratch / "a"}),
                           ("b/hub", {"HF_HOME": self.scratch / "b"}),
                           ("c/huggingface/hub", {"XDG_CACHE_HOME": self.scratch / "c"}),
                           ("d/.cache/huggingface/hub", {"HOME": self.scratch / "d"})):
            snapshot = self.scratch / cache / folder / "snapshots" / "f00d"
            write_checkpoint(snapshot)
            (snapshot.parent.parent / "refs").mkdir()
            (snapshot.parent.parent / "refs" / "main").write_text("f00d")
            with self.subTest(cache=cache):
                self.assertIn(f"checkpoint   {snapshot}", self.inspect("org/M-1.5", **env))

    def test_that_is_in_no_cache_says_where_it_was_looked_for_and_what_to_pass(self):
        told = self.inspect("org/other", expect=1, HF_HOME=self.scratch)
        self.assertIn(f"no models--org--other in the hub cache {self.scratch}/hub; pass the", told)


@needs(can_evict(), has_fake_server(), has_fuse(), is_root())
class InPs(TerminalTest):
    def names_below(self, pid):
        """(comm, title) of a process and all that descend from it, but for the server's own."""
        names = set()
        children = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit():
                    status = (entry / "stat").read_text().rpartition(")")[2].split()
                    children.setdefault(int(status[1]), []).append(int(entry.name))
            except OSError:
                continue
        waiting = [pid]
        while waiting:
            one = waiting.pop()
            waiting += children.get(one, [])
            try:
                title = Path(f"/proc/{one}/cmdline").read_bytes().decode().split("\0")
                comm = Path(f"/proc/{one}/comm").read_text().strip()
            except OSError:
                continue
            if title[0] and FAKE_SERVER not in title[0]:
                names.add((comm, Path(title[0]).name, title[1]))
        return names

    def watch(self, *words):
        process = start(words, stdout=-3, stderr=-3, env={"XDG_RUNTIME_DIR": self.scratch})
        names = set()
        while process.poll() is None:
            names |= self.names_below(process.pid)
            time.sleep(0.01)
        self.assertEqual(process.returncode, 0)
        return names

    def test_every_process_of_coldload_is_called_so(self):
        server = self.server("--ready-after=2000")
        seen = self.watch(*[word for word in self.words if word != "--no-floor"], "--out", self.out,
                          "--stand-in", "net=20MB/s", "--prefetch", "net", "--runs", 1,
                          "--warm-runs", 0, *server)
        seen |= self.watch(*self.words, "--out", self.out, "--runs", 1, "--warm-runs", 0)
        for _, title, part in seen:
            self.assertTrue(title == "coldload" or COLDLOAD.endswith(title), (title, part))
        # For an instant after exec one is called as the file that was started.
        called = {part for comm, _, part in seen if comm.startswith("coldload")}
        self.assertLessEqual({"compare", "guard", "floor", "shape", "run"}, called)


if __name__ == "__main__":
    unittest.main()
