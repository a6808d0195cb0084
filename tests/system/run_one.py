#!/usr/bin/env python3
"""Runs one unittest method for ctest: run_one.py DIRECTORY MODULE.CLASS.METHOD

Exit codes: 0 passed, 1 failed or left something behind (leaks.py), 77 skipped (the reason is printed
as `SKIP: ...`).
"""

import sys
import unittest

SKIPPED = 77


def result_of(name, watch):
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    watch.modules_are_loaded()
    return unittest.TextTestRunner(verbosity=2).run(suite)


def main():
    directory, name = sys.argv[1:]
    sys.dont_write_bytecode = True
    sys.path.insert(0, directory)
    import leaks

    watch = leaks.Watch()
    try:
        result = result_of(name, watch)
        left = watch.problems(sys.modules.get("harness"))
    finally:
        watch.clean()
    for line in left:
        print(f"LEFT BEHIND: {line}")
    if not result.wasSuccessful() or left:
        return 1
    for _, reason in result.skipped:
        print(f"SKIP: {reason}")
    if result.skipped:
        return SKIPPED
    # A name that loads no test must not look green.
    return 0 if result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
