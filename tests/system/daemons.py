"""Programs that a test starts beside itself and that end with it: servers and FUSE daemons.

They are processes, also what is written in Python, and never threads of the test: one that goes
apart (far_machine.py) comes back with a single thread only.
"""

import ctypes
import ctypes.util
import os
import shutil
import signal
import socket
import subprocess
import time

from harness import Probe, mounts_below

SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))

_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
_PR_SET_PDEATHSIG = 1


def tool(name):
    """A program's full path, also of one for administrators; None where it is not installed."""
    return shutil.which(name, path=SBIN)


def has_tools(*names):
    missing = [name for name in names if tool(name) is None]
    return Probe(not missing, f"needs the commands {', '.join(missing)}")


def die_with_the_test():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(holds, process, log, timeout_s=60):
    """Waits for `holds()` while `process` lives; `log` is what it writes to."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            text = log.read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"{process.args} is not ready:\n{text}")
        time.sleep(0.05)


def answers(address, port):
    """Whether somebody listens there."""
    try:
        socket.create_connection((address, port), timeout=5).close()
    except OSError:
        return False
    return True


class Daemons:
    """Mixin for a ScratchTest, or for whatever else has `scratch`, a folder, and `addCleanup`."""

    def log_of(self, name):
        return self.scratch / f"{name}.log"

    def start_here(self, name, *command, **kw):
        """Starts a program that stays until the test ends; its log is log_of(name)."""
        with open(self.log_of(name), "wb") as log:
            process = subprocess.Popen([tool(command[0]), *map(str, command[1:])], stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL,
                                       preexec_fn=die_with_the_test, **kw)
        self.addCleanup(end, process)
        return process

    def mount_here(self, point, *command, **kw):
        """Starts a FUSE daemon that stays in the foreground; waits for its mount at `point`."""
        name = f"{command[0]}-{point.name}"
        daemon = self.start_here(name, *command, **kw)
        self.addCleanup(subprocess.run, [tool("umount"), "-l", str(point)], capture_output=True)
        wait_until(lambda: mounts_below(point), daemon, self.log_of(name))


def end(process):
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
