"""A file server at the other end of a link of a known rate, on this machine: two network namespaces
and a veth pair between them.

This process goes into a mount and a network namespace of its own until the test ends, and the
server has its own. So nothing of it can be seen or left on the machine: mounts, interfaces and
addresses go with the last process in their namespaces, also where the test is killed.
"""

import ctypes
import ctypes.util
import functools
import os
import subprocess
import threading
import time
import unittest

from daemons import SBIN, Daemons, answers, die_with_the_test, end, has_tools, tool, wait_until
from harness import Probe, note_stand_ins_left

NEAR, FAR = "10.77.0.1", "10.77.0.2"

_libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)
_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_PR_SET_CHILD_SUBREAPER = 36
_MS_REC_SLAVE = 0x4000 | 0x80000

# A server's namespaces, with a /run of its own (sshd wants a folder there). It says "up" and stays.
HOLD = "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && echo up && exec sleep infinity"
TRY_LINK = ("ip link add near type veth peer name far && "
            "tc qdisc add dev near root tbf rate 1mbit burst 32kb latency 100ms")


@functools.lru_cache(maxsize=None)
def can_link():
    """Whether a rate-limited link between two network namespaces can be made: tried."""
    tools = has_tools("unshare", "nsenter", "ip", "tc")
    if not tools:
        return tools
    done = subprocess.run([tool("unshare"), "--net", "--mount", "sh", "-c", TRY_LINK],
                          capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
    reason = done.stderr.strip() or "no reason given"
    return Probe(done.returncode == 0, f"cannot link network namespaces here: {reason}")


@functools.lru_cache(maxsize=None)
def can_mount():
    """Whether root may mount here, in namespaces of its own: tried."""
    tools = has_tools("unshare", "mount", "umount")
    if not tools:
        return tools
    done = subprocess.run([tool("unshare"), "--net", "--mount", "mount", "-t", "tmpfs", "tmpfs",
                           "/tmp"], capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
    return Probe(done.returncode == 0, f"cannot mount here: {done.stderr.strip()}")


def call(*args):
    """Runs a tool that must succeed."""
    done = subprocess.run([tool(args[0]), *map(str, args[1:])], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, args))}: {done.stderr.strip()}")


class _ApartFromTheMachine:
    """This process in namespaces of its own for mounts and network, and back."""

    def __init__(self):
        self._check_threads("go apart from the machine")
        self._home = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("net", "mnt")]
        self._directory = os.open(".", os.O_RDONLY)
        self._check(_libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET), "unshare")
        self._check(_libc.mount(b"none", b"/", None, _MS_REC_SLAVE, None), "mount --make-rslave")

    @staticmethod
    def _check(result, what):
        if result != 0:
            raise OSError(ctypes.get_errno(), what)

    @staticmethod
    def _check_threads(what):
        """The kernel answers a bare EINVAL to a process of several threads that comes back."""
        count = len(os.listdir("/proc/self/task"))
        if count > 1:
            names = ", ".join(thread.name for thread in threading.enumerate())
            raise AssertionError(f"this process has {count} threads ({names}), and so cannot {what}: "
                                 "let the servers that it needs be processes (daemons.py)")

    def leave(self):
        self._check_threads("come back to the machine's namespaces")
        note_stand_ins_left()
        for namespace in self._home:
            self._check(_libc.setns(namespace, 0), "setns")
            os.close(namespace)
        os.fchdir(self._directory)
        os.close(self._directory)


def go_apart(test):
    """For the rest of `test`, this process mounts and links where nobody else sees it, and where
    it ends with the process."""
    test.addCleanup(_ApartFromTheMachine().leave)


class FarMachineTest(Daemons, unittest.TestCase):
    """Mixin for a ScratchTest: self.rate_bytes_per_s is what the link lets through to us."""

    rate_bytes_per_s = 25_000_000

    def setUp(self):
        super().setUp()
        go_apart(self)
        # What a server leaves behind (the process of a connection) comes to us, to be reaped.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self.addCleanup(self._reap)
        self._holder = subprocess.Popen(
            [tool("unshare"), "--net", "--mount", "sh", "-c", HOLD], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, preexec_fn=die_with_the_test)
        self.addCleanup(end, self._holder)
        self.assertEqual(self._holder.stdout.readline(), "up\n")
        pid = self._holder.pid
        call("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", pid)
        call("ip", "address", "add", f"{NEAR}/24", "dev", "near")
        for command in (f"ip address add {FAR}/24 dev far", "ip link set far up",
                        "ip link set lo up",
                        f"tc qdisc add dev far root tbf rate {self.rate_bytes_per_s * 8}bit "
                        "burst 256kb latency 100ms"):
            call("nsenter", f"--net=/proc/{pid}/ns/net", *command.split())
        for device in ("near", "lo"):
            call("ip", "link", "set", device, "up")

    def _reap(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        try:
            while time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.02)
        except ChildProcessError:
            _libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)
            return
        self.fail("a process that the test started does not end")

    def start_there(self, name, *command):
        """Starts a server at the far end; its log is log_of(name)."""
        where = [f"--{kind}=/proc/{self._holder.pid}/ns/{file}"
                 for kind, file in (("net", "net"), ("mount", "mnt"))]
        return self.start_here(name, "nsenter", *where, tool(command[0]), *command[1:])

    def wait_for_port(self, port, server, name):
        wait_until(lambda: answers(FAR, port), server, self.log_of(name))
