#!/usr/bin/env python3
"""Runs many tests of one GoogleTest program in as few processes as it can, and says of each single
one how it went: run_group.py PROGRAM --results FILE [--part I/N] [--prefix P] [--timeout-s S]
[--alone PATTERN]... [--leave-out PATTERN]...

A process of a sanitizer build takes up to half a second of a processor to start and to end, which
is more than most tests take. So those builds run the tests of a folder one after the other in one
process; `--alone` names those that share it with no other, each of which gets one of its own here.

A test that ends the process, or takes longer than `--timeout-s`, has failed, and a new process runs
those behind it. A process that ends with an error though its tests all passed (a leak is found at
exit) is a failure of its own, and so is a test of which nothing was heard.

FILE becomes JSON for tests/tally.py, which counts single tests by it:
{"results": [{"name": ..., "outcome": "passed" | "failed" | "skipped", "output": ...}]}
The first line of stdout is `GROUP FILE`, so that it finds that. Exits with 1 if anything failed.
"""

import argparse
import fnmatch
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

BEGIN = re.compile(r"\[ RUN      \] (\S+)$")
END = re.compile(r"\[(       OK |  FAILED  |  SKIPPED )\] (\S+?)(?:, where .*)? \(\d+ ms\)$")
# The thread sanitizer lets a program go on, and only its exit code says so at the end.
REPORT = re.compile(r"^(?:=*\d*=*)?(?:WARNING|ERROR): \w+Sanitizer: ", re.MULTILINE)
OUTCOMES = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
KEPT = 131072  # characters of what one test prints


def tests_in(listing):
    """`Suite.Name` of all that --gtest_list_tests printed, in its order."""
    names, suite = [], ""
    for line in listing.splitlines():
        word = line.split("#", 1)[0].rstrip()
        if word.startswith("  "):
            names.append(suite + word.strip())
        elif word.endswith("."):
            suite = word
    return names


def part_of(names, number, parts):
    """The tests of part `number` of 1 to `parts`: neighbours, so that most suites stay whole."""
    return names[len(names) * (number - 1) // parts:len(names) * number // parts]


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


class Run:
    """One process: what it has said of its tests so far."""

    def __init__(self, program, names, timeout_s):
        self.names, self.timeout_s = names, timeout_s
        self.results = {}
        self.under_way = None
        self.lines, self.unread = [], b""
        self.timed_out = False
        self.heard = time.monotonic()  # when a test began or ended
        # A session of its own, so that what a test has started ends with it.
        self.child = subprocess.Popen(
            [program, "--gtest_filter=" + ":".join(names), "--gtest_color=no"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def line(self, text):
        begin, end = BEGIN.search(text), END.search(text)
        if begin and begin.group(1) in self.names and begin.group(1) not in self.results:
            self.under_way, self.lines, self.heard = begin.group(1), [], time.monotonic()
        self.lines.append(text)
        if end and end.group(2) == self.under_way:
            self.finish(OUTCOMES[end.group(1).strip()])

    def finish(self, outcome):
        said = "\n".join(self.lines)
        if REPORT.search(said):
            outcome = "failed"
        self.results[self.under_way] = outcome, said[-KEPT:]
        print(f"{outcome:8} {self.under_way}", flush=True)
        self.under_way, self.lines, self.heard = None, [], time.monotonic()

    def take(self, wait_s):
        """Reads what is there; False at the end of it."""
        if not select.select([self.child.stdout], [], [], wait_s)[0]:
            return True
        got = os.read(self.child.stdout.fileno(), 65536)
        *whole, self.unread = (self.unread + got).split(b"\n")
        for raw in whole:
            self.line(raw.decode(errors="replace"))
        return bool(got)

    def has_ended(self):
        """Without reaping it: its number, which is that of its group, stays its own until then."""
        return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def follow(self):
        """Until the process has ended. What it started may still hold the pipe: that is not awaited."""
        try:
            reading = True
            while not self.has_ended():
                if time.monotonic() - self.heard > self.timeout_s:
                    self.timed_out = True
                    break
                if reading:
                    reading = self.take(0.1)
                else:
                    time.sleep(0.02)
            while reading and select.select([self.child.stdout], [], [], 0)[0]:
                reading = self.take(0)
        finally:
            self.kill()
            self.child.wait()
            self.child.stdout.close()
        if self.unread:
            self.line(self.unread.decode(errors="replace"))

    def end(self):
        """How the process ended, where that was not as it should, or None."""
        code = self.child.returncode
        if self.timed_out:
            return f"Timeout: nothing new for {self.timeout_s:g} s"
        if code < 0:
            return f"the process was ended by {signal.Signals(-code).name}"
        failed = any(outcome == "failed" for outcome, _ in self.results.values())
        if code != 0 and not (failed and code in (1, 66)):  # GoogleTest's, the thread sanitizer's
            return f"the process ended with exit code {code}"
        return None


def run_together(program, names, timeout_s):
    """[(name, outcome, output)] of tests that share a process as long as it lives."""
    results, left = [], list(names)
    while left:
        run = Run(program, left, timeout_s)
        run.follow()
        results += [(name, *result) for name, result in run.results.items()]
        waiting = [name for name in left if name not in run.results]
        end, said = run.end(), "\n".join(run.lines)[-KEPT:]
        if waiting:
            # Nothing was under way: it ended before the next began, which is to blame for that.
            culprit = run.under_way or waiting[0]
            results.append((culprit, "failed", f"{said}\n{end or 'the process ended in the middle'}"))
            print(f"failed   {culprit}", flush=True)
            waiting.remove(culprit)
        elif end:
            results.append((f"{names[0]} to {names[-1]}, at the end of their process", "failed",
                            f"{said}\n{end}"))
        left = waiting
    return results


def run_tests(program, names, alone, timeout_s):
    enabled = [name for name in names if "DISABLED_" not in name]
    results = [(name, "skipped", "SKIP: disabled") for name in names if name not in enabled]
    results += run_together(program, [name for name in enabled if not matches(name, alone)], timeout_s)
    for name in enabled:
        if matches(name, alone):
            results += run_together(program, [name], timeout_s)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--part", default="1/1")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--timeout-s", type=float, default=120)
    parser.add_argument("--alone", action="append", default=[])
    parser.add_argument("--leave-out", action="append", default=[])
    options = parser.parse_args()
    options.results.unlink(missing_ok=True)
    print(f"GROUP {options.results}", flush=True)
    listing = subprocess.run([options.program, "--gtest_list_tests"], check=True, text=True,
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60).stdout
    names = [name for name in tests_in(listing) if not matches(name, options.leave_out)]
    names = part_of(names, *map(int, options.part.split("/")))
    results = run_tests(options.program, names, options.alone, options.timeout_s)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps({"results": [
        {"name": options.prefix + name, "outcome": outcome, "output": output}
        for name, outcome, output in results]}), encoding="utf-8")
    failures = [(name, output) for name, outcome, output in results if outcome == "failed"]
    for name, output in failures:
        print(f"\nFAILED   {options.prefix}{name}\n{output}")
    print(f"{len(results)} results, {len(failures)} of them failures")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main())
