#!/usr/bin/env python3
"""Counts the results of several ctest runs: tally.py NAME=JUNIT_FILE...

A ctest test whose output begins with `GROUP FILE` ran many tests in one process (unit/run_group.py);
each of those that FILE names counts, and not the group.

Prints what was skipped and why, what failed with the end of what it printed, and as its last line
`N passed, N failed, N skipped`.
Exits 1 if anything failed, if a run left no results (its build failed), or if nothing passed.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def skip_reason(output):
    """What the test printed: `SKIP: ...` (run_one.py, lints), or the lines after GoogleTest's
    `file:line: Skipped`."""
    match = re.search(r"^SKIP: (.*)$", output, re.MULTILINE)
    if match:
        return match.group(1).strip()
    match = re.search(r": Skipped\n(.+?)\n(?:\n|\[)", output, re.DOTALL)
    return " ".join(match.group(1).split()) if match else "no reason was printed"


def last_words(output, lines=20):
    """The end of what a failed test printed, which is where it says why; indented."""
    return "".join(f"    {line}\n" for line in output.strip().splitlines()[-lines:])


def read_group(name, case, status, output):
    """What read_results gives, of the tests of a group; None where `case` is a single test."""
    match = re.match(r"GROUP (.*)$", output, re.MULTILINE)
    if not match:
        return None
    label = f"{name}: {case.get('name')}"
    try:
        results = json.loads(Path(match.group(1)).read_text(encoding="utf-8"))["results"]
    except (OSError, ValueError, KeyError):
        return 0, [(f"{label}: ended before it could say what its tests gave", output)], []
    of = {outcome: [(f"{name}: {result['name']}", result["output"]) for result in results
                    if result["outcome"] == outcome] for outcome in ("passed", "failed", "skipped")}
    failures = of["failed"]
    if not results or (status != "run" or case.find("failure") is not None) and not failures:
        failures = [(label, output)]
    return len(of["passed"]), failures, [(test, skip_reason(said)) for test, said in of["skipped"]]


def read_results(name, path):
    """(passed, failures, skips): a count, (name, output) pairs, and (name, reason) pairs."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return 0, [(f"{name}: no test results: the build or ctest failed", "")], []
    passed, failures, skips = 0, [], []
    for case in root.iter("testcase"):
        label = f"{name}: {case.get('name')}"
        status = case.get("status")
        output = case.findtext("system-out") or ""
        skipped = case.find("skipped")
        group = read_group(name, case, status, output)
        if group is not None:
            passed += group[0]
            failures += group[1]
            skips += group[2]
        elif status == "run" and case.find("failure") is None:
            passed += 1
        elif status == "disabled":
            skips.append((label, "disabled"))
        elif skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            skips.append((label, skip_reason(output)))
        else:
            # Failed, timed out, or "not run" because its program is not there.
            failures.append((label, output))
    return passed, failures, skips


def main():
    passed, failures, skips = 0, [], []
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        run_passed, run_failures, run_skips = read_results(name, Path(path))
        passed += run_passed
        failures += run_failures
        skips += run_skips
    print()
    for label, reason in skips:
        print(f"skipped  {label}: {reason}")
    for label, output in failures:
        print(f"FAILED   {label}\n{last_words(output)}", end="")
    if passed == 0 and not failures:
        failures = [("nothing ran", "")]
    print(f"{passed} passed, {len(failures)} failed, {len(skips)} skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
