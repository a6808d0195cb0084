#!/usr/bin/env python3
"""unit/run_group.py says of each test of a program how it went, whatever that test does to the
process that it shares, and the tally counts each."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

# Speaks as GoogleTest does. Each test's body is Python; `out` prints at once.
PROGRAM = '''#!{python} -B
import os, signal, subprocess, sys, time
def out(text, end="\\n"): print(text, end=end, flush=True)
def fail(): raise AssertionError
def skip(): raise LookupError
TESTS = {tests!r}
AT_EXIT = {at_exit!r}
if sys.argv[1] == "--gtest_list_tests":
    suite = None
    for name in TESTS:
        if name.split(".")[0] != suite:
            suite = name.split(".")[0]
            out(suite + ".")
        out("  " + name.split(".")[1] + ("  # GetParam() = 3" if "/" in name else ""))
    sys.exit()
chosen = sys.argv[1].split("=", 1)[1].split(":")
failed = False
for name, body in TESTS.items():
    if name not in chosen: continue
    out("[ RUN      ] " + name)
    word = "[       OK ] " + name
    try:
        exec(body)
    except AssertionError:
        failed, word = True, "[  FAILED  ] " + name + ", where GetParam() = 3"
    except LookupError:
        out("x_test.cc:7: Skipped\\nneeds root\\n")
        word = "[  SKIPPED ] " + name
    out(word + " (0 ms)")
exec(AT_EXIT)
sys.exit(1 if failed else 0)
'''


class Group(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="coldload-group-")
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name)

    def run_group(self, tests, *flags, at_exit="", results="results.json"):
        """(exit code, stdout, {name: outcome}, {name: output})"""
        program = self.root / "program"
        program.write_text(PROGRAM.format(python=sys.executable, tests=tests, at_exit=at_exit),
                           encoding="utf-8")
        program.chmod(0o755)
        file = self.root / results
        done = subprocess.run(
            [sys.executable, "-B", TESTS / "unit" / "run_group.py", program, "--results", file,
             "--prefix", "u.", *flags], capture_output=True, text=True, timeout=100)
        said = json.loads(file.read_text(encoding="utf-8"))["results"]
        self.assertEqual(len(said), len({result["name"] for result in said}))
        self.stdout = done.stdout
        return (done.returncode, {result["name"]: result["outcome"] for result in said},
                {result["name"]: result["output"] for result in said})

    def tally(self, status="run"):
        """The tally's lines of a ctest run that had one passed test and this group."""
        xml = self.root / "tests.xml"
        xml.write_text("<testsuite><testcase name='single' status='run'/>"
                       f"<testcase name='group' status='{status}'>"
                       f"<system-out>{self.stdout.splitlines()[0]}\n</system-out></testcase></testsuite>",
                       encoding="utf-8")
        done = subprocess.run([sys.executable, "-B", TESTS / "tally.py", f"asan={xml}"],
                              capture_output=True, text=True)
        return done.returncode, done.stdout

    def test_each_test_has_its_outcome_and_what_it_printed(self):
        code, outcomes, outputs = self.run_group({
            "A.Passes": "pass", "A.Fails": "out('x is 3'); fail()", "B.Skips": "skip()",
            "All/B.Fails/0": "fail()", "B.PrintsNoNewline": "out('half', end='')",
            "B.DISABLED_Later": "fail()"})
        self.assertEqual(code, 1)
        self.assertEqual(outcomes, {
            "u.A.Passes": "passed", "u.A.Fails": "failed", "u.B.Skips": "skipped",
            "u.All/B.Fails/0": "failed", "u.B.PrintsNoNewline": "passed",
            "u.B.DISABLED_Later": "skipped"})
        self.assertIn("x is 3", outputs["u.A.Fails"])
        self.assertNotIn("x is 3", outputs["u.All/B.Fails/0"])
        code, lines = self.tally("fail")
        self.assertEqual(code, 1)
        self.assertEqual(lines.splitlines()[-1], "3 passed, 2 failed, 2 skipped")
        self.assertIn("asan: u.B.Skips: needs root", lines)
        self.assertIn("FAILED   asan: u.A.Fails\n    [ RUN      ] A.Fails\n    x is 3\n", lines)

    def test_a_test_that_ends_the_process_has_failed_and_those_behind_it_run(self):
        for body, why in (("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
                          ("os._exit(0)", "in the middle"), ("os._exit(5)", "exit code 5")):
            code, outcomes, outputs = self.run_group(
                {"A.First": "pass", "A.Ends": "out('so far'); " + body, "A.Last": "pass"})
            self.assertEqual(code, 1)
            self.assertEqual(outcomes,
                             {"u.A.First": "passed", "u.A.Ends": "failed", "u.A.Last": "passed"})
            self.assertIn("so far", outputs["u.A.Ends"])
            self.assertIn(why, outputs["u.A.Ends"])
            self.assertEqual(self.tally("fail")[1].splitlines()[-1], "3 passed, 1 failed, 0 skipped")

    def test_a_test_that_hangs_has_failed_with_what_it_started_and_those_behind_it_run(self):
        code, outcomes, outputs = self.run_group(
            {"A.Hangs": "subprocess.Popen(['sleep', '1000']); time.sleep(1000)", "A.Last": "pass"},
            "--timeout-s", "3")
        self.assertEqual(code, 1)
        self.assertEqual(outcomes, {"u.A.Hangs": "failed", "u.A.Last": "passed"})
        self.assertIn("Timeout: nothing new for 3 s", outputs["u.A.Hangs"])

    def test_what_a_test_leaves_running_is_not_waited_for(self):
        code, outcomes, _ = self.run_group({"A.Leaves": "subprocess.Popen(['sleep', '1000'])"})
        self.assertEqual((code, outcomes), (0, {"u.A.Leaves": "passed"}))

    def test_an_error_at_exit_is_a_failure_of_its_own(self):
        code, outcomes, outputs = self.run_group(
            {"A.First": "pass", "A.Last": "pass"},
            at_exit="out('ERROR: LeakSanitizer: detected memory leaks'); os._exit(23)")
        self.assertEqual(code, 1)
        left = "u.A.First to A.Last, at the end of their process"
        self.assertEqual(outcomes, {"u.A.First": "passed", "u.A.Last": "passed", left: "failed"})
        self.assertIn("LeakSanitizer", outputs[left])
        self.assertIn("exit code 23", outputs[left])

    def test_a_sanitizers_report_is_the_failure_of_the_test_that_was_under_way(self):
        code, outcomes, _ = self.run_group(
            {"A.First": "pass", "A.Races": "out('WARNING: ThreadSanitizer: data race (pid=1)')"},
            at_exit="os._exit(66)")
        self.assertEqual((code, outcomes), (1, {"u.A.First": "passed", "u.A.Races": "failed"}))

    def test_what_is_to_be_alone_has_a_process_of_its_own(self):
        first = "out(os.getpid()); sys.modules.get('mark') and fail(); sys.modules['mark'] = sys"
        again = "sys.modules.get('mark') or fail()"
        code, _, _ = self.run_group({"A.First": first, "Gpu.One": first, "A.Again": again,
                                     "All/Gpu.Two/0": first}, "--alone=Gpu*", "--alone=*/Gpu*")
        self.assertEqual(code, 0, self.stdout)

    def test_the_parts_together_are_all_tests_once(self):
        tests = {f"S{number // 4}.T{number}": "pass" for number in range(11)}
        seen = []
        for part in (1, 2, 3):
            seen += self.run_group(tests, "--part", f"{part}/3", "--leave-out=S1.T5")[1]
        self.assertEqual(seen, [f"u.{name}" for name in tests if name != "S1.T5"])

    def test_a_group_that_said_nothing_is_a_failure(self):
        self.run_group({"A.Passes": "pass"})
        self.assertEqual(self.tally()[1].splitlines()[-1], "2 passed, 0 failed, 0 skipped")
        code, lines = self.tally("fail")
        self.assertEqual((code, lines.splitlines()[-1]), (1, "2 passed, 1 failed, 0 skipped"))
        (self.root / "results.json").unlink()
        code, lines = self.tally()
        self.assertEqual((code, lines.splitlines()[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_no_test_at_all_is_no_success(self):
        self.assertEqual(self.run_group({"A.Passes": "pass"}, "--leave-out=*")[0], 1)


if __name__ == "__main__":
    unittest.main()
