"""Mounts and loop devices of a test's own, in a mount namespace of its own."""

import fcntl
import functools
import json
import os
import socket
import struct
import subprocess
import tempfile

from daemons import Daemons, has_tools, tool
from far_machine import go_apart
from harness import Probe, ScratchTest, is_root, read_records, run, write_checkpoint

MIB = 1 << 20


@functools.lru_cache(maxsize=None)
def can_loop():
    """Whether a file can be made a block device here: tried."""
    if os.geteuid() != 0:
        return is_root()
    tools = has_tools("losetup", "mkfs.ext4", "mount")
    if not tools:
        return tools
    with tempfile.NamedTemporaryFile() as image:
        image.truncate(MIB)
        done = subprocess.run([tool("losetup"), "--find", "--show", image.name],
                              capture_output=True, text=True)
        if done.returncode != 0:
            return Probe(False, f"no loop device: {done.stderr.strip()}")
        subprocess.run([tool("losetup"), "--detach", done.stdout.strip()], check=True)
    return Probe(True)


def loopback_up():
    """Servers of this network namespace can be reached at 127.0.0.1."""
    set_flags, is_up = 0x8914, 1  # SIOCSIFFLAGS, IFF_UP: netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh22x", b"lo", is_up))


class MountsTest(Daemons, ScratchTest):
    timeout_s = 300

    def setUp(self):
        super().setUp()
        go_apart(self)
        loopback_up()

    def must(self, *args):
        done = subprocess.run([tool(args[0]), *map(str, args[1:])], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{args}: {done.stderr}")
        return done.stdout.strip()

    def later(self, *args):
        """Undoes something when the test ends; a test may have done it already."""
        self.addCleanup(subprocess.run, [tool(args[0]), *map(str, args[1:])], capture_output=True)

    def mount(self, *args, name="mount"):
        point = self.scratch / name
        point.mkdir()
        self.must("mount", *args, point)
        self.later("umount", point)
        return point

    def storage(self, path):
        done = run(["inspect", path, "--json"])
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["storage"]

    def measure(self, path, *flags, expect=0):
        out = self.scratch / "out"
        done = run(["measure", path, "--runs", 1, "--warm-runs", 0, "--no-floor", "--out", out,
                    *flags], timeout=self.timeout_s)
        self.assertEqual(done.returncode, expect, done.stderr)
        return read_records(out)[-1]


class LoopTest(MountsTest):
    def loop(self, name, *flags, mib=96):
        """A new loop device over a file of our own, made if it is not there; its path."""
        image = self.scratch / name
        if not image.exists():
            with open(image, "wb") as file:
                file.truncate(mib * MIB)
        device = self.must("losetup", "--find", "--show", *flags, image)
        self.addCleanup(self.let_go, device, image)
        return device

    def let_go(self, device, image):
        """Detaches `device` if it is still over `image`: another test may have its number now."""
        if device in self.must("losetup", "-n", "-O", "NAME", "-j", image).splitlines():
            self.must("losetup", "--detach", device)

    def model_on(self, device):
        """A checkpoint on a new file system on `device`; where it is mounted."""
        self.must("mkfs.ext4", "-q", device)
        point = self.mount(device)
        if device.startswith("/dev/loop"):
            self.must("losetup", "--detach", device)  # it goes with its last mount
        return write_checkpoint(point / "model", shard_bytes=8 * MIB)
