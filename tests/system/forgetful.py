"""Mounts of the fake that is called forgetful_fs: what its flags mean stands at its head."""

import os
import subprocess
import time

from harness import Probe

FORGETFUL_FS = os.environ.get("FORGETFUL_FS", "")


def has_forgetful_fs():
    return Probe(bool(FORGETFUL_FS), "the forgetful file system was not built")


def mount_forgetful(test, source, point, *flags):
    """Shows `source` at `point`, a new folder, until the test ends; its process."""
    point.mkdir()
    daemon = subprocess.Popen([FORGETFUL_FS, source, point, *flags])
    test.addCleanup(daemon.wait)
    test.addCleanup(daemon.kill)  # what hangs in it is let go
    test.addCleanup(lambda: subprocess.run(["umount", "-l", point], check=False))
    deadline = time.monotonic() + 60
    while not os.path.ismount(point):
        test.assertIsNone(daemon.poll(), "the mount has ended")
        test.assertLess(time.monotonic(), deadline, "the mount does not come up")
        time.sleep(0.01)
    return daemon
